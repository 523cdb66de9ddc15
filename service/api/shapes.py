"""The shapes of answers that are no records: pages, the archive itself, health. Checked against what is sent by tests."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from service.archive.identifiers import RecordType
from service.release.document_parts import Reference, SegmentDocument


class NoteDocument(TypedDict):
    """What is worth knowing of a question that was answered all the same: of which parameter and value."""

    parameter: Annotated[str, Field(description="The parameter it is about.")]
    value: Annotated[str, Field(description="The value that was given.")]
    message: Annotated[str, Field(description="What is worth knowing.")]


class Meta(TypedDict):
    """`total` is how many records the whole list has; `release` and `licence` are the archive's. `did_you_mean` is the `q`
    that was perhaps meant where this one finds nothing, from words of the archive, else null. `notes` name identifiers in
    filters that no public record has.
    """

    total: Annotated[int, Field(description="How many records the whole list has.")]
    limit: Annotated[int, Field(description="How many records a page has, at most.")]
    release: Annotated[str, Field(description="The id of the release that answers.")]
    licence: Annotated[str, Field(description="The licence of the archive.")]
    did_you_mean: Annotated[
        str | None,
        Field(
            description="The `q` that was perhaps meant, from words of the archive. Null where something was found, or nothing is alike."
        ),
    ]
    notes: Annotated[
        list[NoteDocument],
        Field(description="What is worth knowing of the question, such as an identifier that no public record has."),
    ]


class Links(TypedDict):
    """Absolute addresses that keep every parameter; null where there is no such page."""

    self: Annotated[str, Field(description="What was asked for.")]
    next: Annotated[str | None, Field(description="The next page. Null at the end.")]
    prev: Annotated[str | None, Field(description="The page before. Null at the beginning.")]


class BroaderDocument(TypedDict):
    """The topic that another lies below, or the place that another lies in."""

    id: Annotated[str, Field(description="Its identifier.")]
    label: Annotated[str, Field(description="What it is called.")]


class FacetBucket(TypedDict):
    """How many records of the list have this value; null stands for those that have none. Topics and places have `broader`:
    the one directly above, null at the top; terms of a vocabulary with levels, too: the value of that term.
    """

    value: Annotated[str | None, Field(description="The value. Null stands for records that have none.")]
    label: Annotated[str | None, Field(description="What the value is called. Null where it is.")]
    count: Annotated[int, Field(description="How many records of the list have it.")]
    broader: NotRequired[
        Annotated[BroaderDocument | str | None, Field(description="What lies directly above it. Null at the top.")]
    ]


class LabelTranslationDocument(TypedDict):
    """What a label and its description are in another language."""

    label: Annotated[str | None, Field(description="The label, translated. Null where it is not.")]
    description: Annotated[str | None, Field(description="The description, translated. Null where it is not.")]


class VocabularyReference(TypedDict):
    """A vocabulary: whether records may have only its terms (`closed`), and whether the format has it (`built_in`)."""

    name: Annotated[str, Field(description="The name that it has in the archive.")]
    title: Annotated[str | None, Field(description="What it is called. Null where the archive says nothing.")]
    closed: Annotated[bool, Field(description="Whether records may have only its terms.")]
    built_in: Annotated[bool, Field(description="Whether the format has it.")]
    terms: Annotated[int, Field(description="How many terms it has.")]
    href: Annotated[str, Field(description="The address of its terms.")]


class Vocabularies(TypedDict):
    """Every vocabulary of the archive: its own, and the lists of the format."""

    data: Annotated[list[VocabularyReference], Field(description="The vocabularies, by name.")]


class TermEntry(TypedDict):
    """A term. `label` and `description` are in the language asked for where they are translated, and `language` names the
    label's. `built_in` is true of what the format has.
    """

    value: Annotated[str, Field(description="The value that records have and filters take.")]
    label: Annotated[str, Field(description="What it is called, in the language asked for where it is translated.")]
    language: Annotated[str, Field(description="The language of the label (BCP 47).")]
    broader: Annotated[str | None, Field(description="The value of the term directly above. Null at the top.")]
    description: Annotated[str | None, Field(description="What it means. Null where that is not stated.")]
    exact_match: Annotated[list[str], Field(description="Addresses of the same concept elsewhere.")]
    built_in: Annotated[bool, Field(description="Whether the format has it.")]
    translations: Annotated[
        dict[str, LabelTranslationDocument],
        Field(description="Its label and description in other languages, by language (BCP 47)."),
    ]


class VocabularyUse(TypedDict):
    """Where records have terms of the vocabulary: a collection, and the filter that its lists have for them."""

    collection: Annotated[str, Field(description="The collection whose records have terms of it.")]
    filter: Annotated[str, Field(description="The filter of that collection's lists.")]


class VocabularyDocument(TypedDict):
    """A vocabulary with its terms, in the order of the archive; those of the format first."""

    name: Annotated[str, Field(description="The name that it has in the archive.")]
    title: Annotated[str | None, Field(description="What it is called. Null where the archive says nothing.")]
    closed: Annotated[bool, Field(description="Whether records may have only its terms.")]
    built_in: Annotated[bool, Field(description="Whether the format has it.")]
    used_by: Annotated[list[VocabularyUse], Field(description="Where records have its terms.")]
    terms: Annotated[
        list[TermEntry], Field(description="Its terms, those of the format first, then in the order of the archive.")
    ]


class Page(TypedDict):
    """What every page has beside its records. `facets` is there where it was asked for."""

    meta: Annotated[Meta, Field(description="What the list is.")]
    links: Annotated[Links, Field(description="The addresses of this page and of those beside it.")]
    facets: NotRequired[
        Annotated[
            dict[str, list[FacetBucket]],
            Field(
                description="How many records have each value, by the name of the facet. Only where `facets` was asked for."
            ),
        ]
    ]


class SegmentReference(TypedDict):
    """A segment of a transcript: `start_s` is in seconds from the start of the recording, null where not stated."""

    id: Annotated[str, Field(description="The name of the segment.")]
    start_s: Annotated[
        float | None,
        Field(description="Where it begins, in seconds from the start of the recording. Null where not stated."),
    ]
    href: Annotated[str, Field(description="The address of the segment in its transcript.")]


class ExcerptDocument(TypedDict):
    """A stretch of one text of a record. `matches` are [start, end) in Unicode code points of `text`. What is said in a
    transcript, or stands in a table of contents, leads to a segment, and to a second of the recording where it is stated.
    """

    field: Annotated[
        str,
        Field(
            description="The field that the text stands in; that of a translation after `translations.` and its language."
        ),
    ]
    text: Annotated[str, Field(description="The stretch of the text.")]
    matches: Annotated[
        list[list[int]],
        Field(description="Where the words stand that were found: [start, end) in Unicode code points of `text`."),
    ]
    segment: Annotated[
        SegmentReference | None,
        Field(description="The segment of the transcript that it is or leads to. Null where it leads to none."),
    ]
    start_s: Annotated[
        float | None, Field(description="The second of the recording that it leads to. Null where none is stated.")
    ]


class HitDocument(TypedDict):
    """A record that was found. Scores compare hits of one search only."""

    record: Annotated[RecordType, Field(description="The type of the record.")]
    collection: Annotated[str, Field(description="The collection that has it.")]
    id: Annotated[str, Field(description="The identifier of the record.")]
    title: Annotated[str, Field(description="What it is called: its title, label or name.")]
    score: Annotated[float, Field(description="How well it fits: compares hits of one search only.")]
    content_warnings: Annotated[list[str], Field(description="What a reader should be warned of before its text.")]
    excerpts: Annotated[list[ExcerptDocument], Field(description="Where the words were found in it.")]


class SearchPage(Page):
    """`collections` counts what was found in each, whichever of them `collection` narrows the hits to."""

    data: Annotated[list[HitDocument], Field(description="The hits, the best first.")]
    collections: Annotated[dict[str, int], Field(description="How many were found in each collection, by its name.")]


class SuggestionDocument(TypedDict):
    """A title, label or name, and how many records of the collection have it. Where only one has, `id` and `href` are its
    own, and `title` is what it is called in the language asked for; else these are null.
    """

    text: Annotated[str, Field(description="The title, label or name.")]
    collection: Annotated[str, Field(description="The collection of the records that have it.")]
    count: Annotated[int, Field(description="How many of its records have it.")]
    id: Annotated[str | None, Field(description="The identifier of the one record that has it. Null where several do.")]
    title: Annotated[
        str | None,
        Field(description="What that record is called in the language asked for. Null where several have the text."),
    ]
    href: Annotated[str | None, Field(description="The address of that record. Null where several have the text.")]


class Suggestions(TypedDict):
    """Completions of what was typed."""

    data: Annotated[list[SuggestionDocument], Field(description="The completions, those of the most records first.")]


class ChangeEntry(TypedDict):
    """What happened to one record. `title`, `version` and `href` are null where the record is gone: its identifier, and when,
    is all that is told of it. `title` is what is shown of it where others refer to it, as it is now. `erase` is true where less is shown than before: erase copies of earlier versions.
    """

    sequence: Annotated[int, Field(description="The number of the entry in the log.")]
    action: Annotated[Literal["created", "updated", "withdrawn"], Field(description="What happened to the record.")]
    record: Annotated[RecordType, Field(description="The type of the record.")]
    collection: Annotated[str, Field(description="The collection that has it or had it.")]
    id: Annotated[str, Field(description="The identifier of the record.")]
    title: Annotated[str | None, Field(description="What it is called now. Null where it is gone.")]
    version: Annotated[int | None, Field(description="The version that it became. Null where it is gone.")]
    at: Annotated[str, Field(description="When it was published (UTC, RFC 3339).")]
    release: Annotated[str, Field(description="The id of the release that it happened with.")]
    erase: Annotated[
        bool, Field(description="Whether less is shown than before: copies of earlier versions must be erased then.")
    ]
    href: Annotated[str | None, Field(description="The address of the record. Null where it is gone.")]


class ChangesMeta(TypedDict):
    """`cursor` is the place after the last entry shown: keep it, and come back with it for what has happened since."""

    limit: Annotated[int, Field(description="How many entries a page has, at most.")]
    release: Annotated[str, Field(description="The id of the release that answers.")]
    licence: Annotated[str, Field(description="The licence of the archive.")]
    cursor: Annotated[str, Field(description="The place after the last entry shown. It has no date of expiry.")]


class ChangesLinks(TypedDict):
    """`next` is null at the end of the log; `resume` is the address to come back to then, with `meta.cursor` in it."""

    self: Annotated[str, Field(description="What was asked for.")]
    next: Annotated[str | None, Field(description="The next page. Null at the end of the log.")]
    resume: Annotated[str, Field(description="The address to come back to: it has `meta.cursor` in it.")]


class Changes(TypedDict):
    """A page of the change log, oldest first unless it is asked for otherwise."""

    data: Annotated[list[ChangeEntry], Field(description="The entries.")]
    meta: Annotated[ChangesMeta, Field(description="What part of the log this is.")]
    links: Annotated[ChangesLinks, Field(description="The addresses of this page and of those that follow.")]


class ReleaseLinks(TypedDict):
    """Where the statement is, byte for byte, and its signature; null where it was not signed."""

    self: Annotated[str, Field(description="The release.")]
    statement: Annotated[str, Field(description="Its statement, byte for byte.")]
    signature: Annotated[str | None, Field(description="The signature of the statement. Null where it was not signed.")]


class StatedRelease(TypedDict):
    """What a release said of itself when it was published. `id` is the SHA-256 of the public archive, `previous` that of
    the statement before, `statement` that of this one; `signature` is null where nobody signed. `served` is true of the
    release that answers.
    """

    number: Annotated[int, Field(description="The number of the release. It counts up.")]
    id: Annotated[str, Field(description="The SHA-256 of the public archive in canonical form.")]
    archive: Annotated[str, Field(description="The identifier of the archive.")]
    published_at: Annotated[str, Field(description="When it was published (UTC, RFC 3339).")]
    counts: Annotated[dict[str, int], Field(description="How many records of each collection it has.")]
    engine: Annotated[str, Field(description="The version of the engine that published it.")]
    previous: Annotated[str | None, Field(description="The SHA-256 of the statement before. Null of the first one.")]
    statement: Annotated[str, Field(description="The SHA-256 of this statement.")]
    signature: Annotated[str | None, Field(description="The SHA-256 of the signature. Null where nobody signed.")]
    served: Annotated[bool, Field(description="Whether it is the release that answers.")]
    links: Annotated[ReleaseLinks, Field(description="Where the statement and its signature are.")]


class ReleasesLinks(TypedDict):
    """`next` is null after the first release of all."""

    self: Annotated[str, Field(description="What was asked for.")]
    next: Annotated[str | None, Field(description="The page of releases before these. Null after the first of all.")]


class ReleasesMeta(TypedDict):
    """What part of the releases a page shows."""

    total: Annotated[int, Field(description="How many releases there ever were.")]
    limit: Annotated[int, Field(description="How many releases a page has, at most.")]
    release: Annotated[str, Field(description="The id of the release that answers.")]
    licence: Annotated[str, Field(description="The licence of the archive.")]


class ReleasePage(TypedDict):
    """A page of releases, the newest first."""

    data: Annotated[list[StatedRelease], Field(description="The releases, the newest first.")]
    meta: Annotated[ReleasesMeta, Field(description="What part of them this is.")]
    links: Annotated[ReleasesLinks, Field(description="The addresses of this page and of the next.")]


class VersionEntry(TypedDict):
    """What happened to a record. `release` and `number` are those of the release that it happened with; `digest` is the
    SHA-256 of the record's line in the public archive, null where that was taken back since; `erase` is true where less
    is shown than before.
    """

    version: Annotated[int, Field(description="The version that the record became.")]
    action: Annotated[Literal["created", "updated", "withdrawn"], Field(description="What happened to it.")]
    at: Annotated[str, Field(description="When it was published (UTC, RFC 3339).")]
    number: Annotated[int, Field(description="The number of the release that it happened with.")]
    release: Annotated[str, Field(description="The id of that release.")]
    digest: Annotated[
        str | None,
        Field(
            description="The SHA-256 of the record's line in the public archive. Null where that was taken back since."
        ),
    ]
    erase: Annotated[bool, Field(description="Whether less is shown than before.")]
    href: Annotated[str, Field(description="The address of that release.")]


class HistoryMeta(TypedDict):
    """`cite_as` names the latest version, its release and its digest."""

    id: Annotated[str, Field(description="The identifier of the record.")]
    release: Annotated[str, Field(description="The id of the release that answers.")]
    licence: Annotated[str, Field(description="The licence of the archive.")]
    cite_as: Annotated[str, Field(description="How to cite the latest version.")]


class HistoryLinks(TypedDict):
    """Where a history and its record are."""

    self: Annotated[str, Field(description="What was asked for.")]
    record: Annotated[str, Field(description="The record itself.")]


class History(TypedDict):
    """The history of a record, the oldest entry first."""

    data: Annotated[list[VersionEntry], Field(description="What happened to the record, the oldest entry first.")]
    meta: Annotated[HistoryMeta, Field(description="Which record it is, and how to cite it.")]
    links: Annotated[HistoryLinks, Field(description="The addresses of this history and of the record.")]


class TranscriptMeta(TypedDict):
    """`languages` are those that segments can be read in, one by one: they are asked for by `lang`."""

    release: Annotated[str, Field(description="The id of the release that answers.")]
    licence: Annotated[str, Field(description="The licence of the archive.")]
    languages: Annotated[
        list[str], Field(description="The languages that segments can be read in, one by one (BCP 47).")
    ]


class TranscriptLinks(TypedDict):
    """The transcript in each format, and the testimony."""

    self: Annotated[str, Field(description="What was asked for.")]
    testimony: Annotated[str, Field(description="The testimony.")]
    vtt: Annotated[str, Field(description="The transcript as WebVTT, for players.")]
    text: Annotated[str, Field(description="The transcript as plain text.")]


class Transcript(TypedDict):
    """What was said, in segments whose names stand for the same words from release to release; times in seconds from the
    start of the recording, null where not stated. `language` is that of the testimony; each segment says its own.
    """

    testimony: Annotated[Reference, Field(description="The testimony that it is of.")]
    language: Annotated[str, Field(description="The language of the testimony (BCP 47).")]
    content_warnings: Annotated[list[str], Field(description="What a reader should be warned of before the words.")]
    segments: Annotated[list[SegmentDocument], Field(description="What was said, in order.")]
    meta: Annotated[TranscriptMeta, Field(description="The release, the licence, and the languages there are.")]
    links: Annotated[TranscriptLinks, Field(description="Where it is in each format, and the testimony.")]


_RECORDS = Field(description="The records of the page, in the order of the list.")


def page_shape(name: str, document: object) -> Any:  # noqa: ANN401 - a typed dictionary made here
    """Return the shape of a page of records, given a name and the shape of one record."""
    page = TypedDict(name, Page.__annotations__ | {"data": Annotated[list[document], _RECORDS]})  # type: ignore[misc, valid-type]
    page.__module__ = __name__
    page.__doc__ = Page.__doc__
    return page


class Point(TypedDict):
    """Longitude and latitude in degrees (WGS 84), in this order."""

    type: Annotated[Literal["Point"], Field(description="That it is a point.")]
    coordinates: Annotated[tuple[float, float], Field(description="Longitude and latitude in degrees (WGS 84).")]


class Feature(TypedDict):
    """One record on the map. `properties` is the record, and in it `radius_m`: how far off the point may be. Of an event,
    `claimed_by` names who claims that it was there; it is empty where that is the event's own place.
    """

    type: Annotated[Literal["Feature"], Field(description="That it is a feature.")]
    id: Annotated[
        str,
        Field(
            description="The identifier of the record; of a place that is claimed for an event, that of the event, a slash, and that of the place."
        ),
    ]
    geometry: Annotated[Point, Field(description="Where it lies.")]
    properties: Annotated[
        dict[str, Any], Field(description="The record, and how far off the point may be, in metres (`radius_m`).")
    ]


class FeatureCollection(TypedDict):
    """GeoJSON (RFC 7946)."""

    type: Annotated[Literal["FeatureCollection"], Field(description="That it is a collection of features.")]
    omitted: Annotated[int, Field(description="How many records of the list have no point, and are left out.")]
    features: Annotated[list[Feature], Field(description="One for each place of a record that has a point.")]


class PublisherDocument(TypedDict):
    """Who publishes the archive."""

    name: Annotated[str, Field(description="What it is called.")]
    url: Annotated[str | None, Field(description="Its address on the web. Null where none is stated.")]


class ThemeDocument(TypedDict):
    """How the reading room looks for this archive: a shorter title, the colour of rules (#rrggbb), a text at the foot."""

    title: Annotated[str | None, Field(description="A shorter title. Null where there is none.")]
    accent: Annotated[str | None, Field(description="The colour of rules (#rrggbb). Null for the usual one.")]
    footer: Annotated[str | None, Field(description="A text at the foot of each page. Null where there is none.")]


class OwnFieldDocument(TypedDict):
    """A field of the archive's own: records have it under `custom`, lists are filtered by `custom.` and its name."""

    name: Annotated[str, Field(description="The name that it has in `custom`.")]
    label: Annotated[str, Field(description="What people read.")]
    kind: Annotated[
        Literal["text", "term", "number", "boolean", "date", "url", "reference"], Field(description="What it holds.")
    ]
    vocabulary: Annotated[str | None, Field(description="The vocabulary that its values are from. Null but for terms.")]
    to: Annotated[
        list[RecordType],
        Field(
            description="The types of records that it may name, all of them where the list is empty. Only of references."
        ),
    ]
    many: Annotated[bool, Field(description="Whether a record may have several values.")]
    unit: Annotated[str | None, Field(description="The unit of its numbers. Null where there is none.")]
    description: Annotated[str | None, Field(description="What it means. Null where that is not stated.")]
    translations: Annotated[
        dict[str, LabelTranslationDocument],
        Field(description="Its label and description in other languages, by language (BCP 47)."),
    ]


class ArchiveDocument(TypedDict):
    """The archive's own description. `contact` is where to ask for a correction or a withdrawal; `coverage` says what
    the archive leaves out; `fields` are those of its own, by type of record. Its vocabularies have an address: see `links`.
    """

    id: Annotated[str, Field(description="The identifier of the archive.")]
    title: Annotated[str, Field(description="What it is called.")]
    description: Annotated[str | None, Field(description="What it is about. Null where that is not stated.")]
    language: Annotated[str, Field(description="Its language (BCP 47).")]
    licence: Annotated[str, Field(description="The licence of its words (SPDX).")]
    publisher: Annotated[PublisherDocument, Field(description="Who publishes it.")]
    contact: Annotated[str, Field(description="Where to ask for a correction or a withdrawal.")]
    coverage: Annotated[str | None, Field(description="What it leaves out. Null where that is not stated.")]
    citation: Annotated[str | None, Field(description="How to cite it. Null where that is not stated.")]
    theme: Annotated[ThemeDocument | None, Field(description="How its reading room looks. Null for the usual way.")]
    fields: Annotated[
        dict[str, list[OwnFieldDocument]], Field(description="The archive's own fields, by type of record.")
    ]


class ReleaseDocument(TypedDict):
    """The release being served. `id` is the SHA-256 of the public archive in canonical form."""

    id: Annotated[str, Field(description="The SHA-256 of the public archive in canonical form.")]
    number: Annotated[int, Field(description="Its number. It counts up.")]
    published_at: Annotated[str, Field(description="When it was published (UTC, RFC 3339).")]
    counts: Annotated[dict[str, int], Field(description="How many records of each collection it has.")]


class MirrorDocument(TypedDict):
    """Of which address this is a mirror, and when that was last found to serve the same release, to the minute."""

    of: Annotated[str, Field(description="The address of what is mirrored.")]
    seen_at: Annotated[
        str | None,
        Field(
            description="When it was last found to serve the same release (UTC, to the minute). Null where it never was since the start."
        ),
    ]


class Entrance(TypedDict):
    """Where to begin: the archive, the release, the languages that its texts are in or translated into, and the addresses of
    everything else. `mirror` is null but where this is a
    mirror of another address.
    """

    archive: Annotated[ArchiveDocument, Field(description="What the archive says of itself.")]
    release: Annotated[ReleaseDocument, Field(description="The release that answers.")]
    languages: Annotated[list[str], Field(description="The languages that texts are in or translated into (BCP 47).")]
    mirror: Annotated[MirrorDocument | None, Field(description="Of what this is a mirror. Null where it is none.")]
    links: Annotated[dict[str, str], Field(description="The addresses of everything else, by name.")]


class Health(TypedDict):
    """Whether the process answers."""

    status: Annotated[str, Field(description="That the process answers: ok.")]


class Followed(TypedDict):
    """Where releases come from: a depot, or the archive that is mirrored. `seen_at` is when it was last found that what is
    served there is here, `age_s` the seconds since; `trouble` says what is in the way.
    """

    kind: Annotated[Literal["depot", "mirror"], Field(description="Whether it is a depot or another archive.")]
    address: Annotated[str, Field(description="Where it is.")]
    seen_at: Annotated[
        str | None,
        Field(
            description="When it was last found that what is served there is here (UTC, RFC 3339). Null where it never was since the start."
        ),
    ]
    age_s: Annotated[float | None, Field(description="The seconds since then. Null where there was no such time.")]
    trouble: Annotated[str | None, Field(description="What is in the way. Null where nothing is.")]


class Readiness(TypedDict):
    """`release` is the id of the release being served; `trouble` says why a newer one was refused, or cannot be had;
    `follows` is null but where releases come from a depot or another archive.
    """

    status: Annotated[str, Field(description="That releases are answered from: ready.")]
    release: Annotated[str, Field(description="The id of the release that answers.")]
    trouble: Annotated[
        str | None, Field(description="Why a newer release was refused, or cannot be had. Null where nothing is wrong.")
    ]
    follows: Annotated[
        Followed | None, Field(description="Where releases come from. Null where they are published here.")
    ]


class ProblemDescription(TypedDict):
    """What a problem's `type` leads to."""

    slug: Annotated[str, Field(description="The end of the address of the problem's type.")]
    title: Annotated[str, Field(description="What is wrong, in a few words.")]
    status: Annotated[int, Field(description="The status that such answers have.")]
    description: Annotated[str, Field(description="What it means, and what to do.")]
