"""The shapes of answers that are no records: pages, the archive itself, health. Checked against what is sent by tests."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from service.archive.identifiers import RecordType
from service.release.documents import Reference, SegmentDocument


class NoteDocument(TypedDict):
    """What is worth knowing of a question that was answered all the same: of which parameter and value."""

    parameter: str
    value: str
    message: str


class Meta(TypedDict):
    """`total` is how many records the whole list has; `release` and `licence` are the archive's. `did_you_mean` is the `q`
    that was perhaps meant where this one finds nothing, from words of the archive, else null. `notes` name identifiers in
    filters that no public record has.
    """

    total: int
    limit: int
    release: str
    licence: str
    did_you_mean: str | None
    notes: list[NoteDocument]


class Links(TypedDict):
    """Absolute addresses that keep every parameter; null where there is no such page."""

    self: str
    next: str | None
    prev: str | None


class BroaderDocument(TypedDict):
    """The topic that another lies below, or the place that another lies in."""

    id: str
    label: str


class FacetBucket(TypedDict):
    """How many records of the list have this value; null stands for those that have none. Topics and places have `broader`:
    the one directly above, null at the top; terms of a vocabulary with levels, too: the value of that term.
    """

    value: str | None
    label: str | None
    count: int
    broader: NotRequired[BroaderDocument | str | None]


class LabelTranslationDocument(TypedDict):
    label: str | None
    description: str | None


class VocabularyReference(TypedDict):
    """A vocabulary: whether records may have only its terms (`closed`), and whether the format has it (`built_in`)."""

    name: str
    title: str | None
    closed: bool
    built_in: bool
    terms: int
    href: str


class Vocabularies(TypedDict):
    """Every vocabulary of the archive: its own, and the lists of the format."""

    data: list[VocabularyReference]


class TermEntry(TypedDict):
    """A term. `label` and `description` are in the language asked for where they are translated, and `language` names the
    label's. `built_in` is true of what the format has.
    """

    value: str
    label: str
    language: str
    broader: str | None
    description: str | None
    exact_match: list[str]
    built_in: bool
    translations: dict[str, LabelTranslationDocument]


class VocabularyUse(TypedDict):
    """Where records have terms of the vocabulary: a collection, and the filter that its lists have for them."""

    collection: str
    filter: str


class VocabularyDocument(TypedDict):
    """A vocabulary with its terms, in the order of the archive; those of the format first."""

    name: str
    title: str | None
    closed: bool
    built_in: bool
    used_by: list[VocabularyUse]
    terms: list[TermEntry]


class Page(TypedDict):
    """What every page has beside its records. `facets` is there where it was asked for."""

    meta: Meta
    links: Links
    facets: NotRequired[dict[str, list[FacetBucket]]]


class SegmentReference(TypedDict):
    """A segment of a transcript: `start_s` is in seconds from the start of the recording, null where not stated."""

    id: str
    start_s: float | None
    href: str


class ExcerptDocument(TypedDict):
    """A stretch of one text of a record. `matches` are [start, end) in Unicode code points of `text`. What is said in a
    transcript, or stands in a table of contents, leads to a segment, and to a second of the recording where it is stated.
    """

    field: str
    text: str
    matches: list[list[int]]
    segment: SegmentReference | None
    start_s: float | None


class HitDocument(TypedDict):
    """A record that was found. Scores compare hits of one search only."""

    record: RecordType
    collection: str
    id: str
    title: str
    score: float
    content_warnings: list[str]
    excerpts: list[ExcerptDocument]


class SearchPage(Page):
    """`collections` counts what was found in each, whichever of them `collection` narrows the hits to."""

    data: list[HitDocument]
    collections: dict[str, int]


class SuggestionDocument(TypedDict):
    """A title, label or name, and how many records of the collection have it. Where only one has, `id` and `href` are its
    own, and `title` is what it is called in the language asked for; else these are null.
    """

    text: str
    collection: str
    count: int
    id: str | None
    title: str | None
    href: str | None


class Suggestions(TypedDict):
    data: list[SuggestionDocument]


class ChangeEntry(TypedDict):
    """What happened to one record. `title`, `version` and `href` are null where the record is gone: its identifier, and when,
    is all that is told of it. `title` is what is shown of it where others refer to it, as it is now. `erase` is true where less is shown than before: erase copies of earlier versions.
    """

    sequence: int
    action: Literal["created", "updated", "withdrawn"]
    record: RecordType
    collection: str
    id: str
    title: str | None
    version: int | None
    at: str
    release: str
    erase: bool
    href: str | None


class ChangesMeta(TypedDict):
    """`cursor` is the place after the last entry shown: keep it, and come back with it for what has happened since."""

    limit: int
    release: str
    licence: str
    cursor: str


class ChangesLinks(TypedDict):
    """`next` is null at the end of the log; `resume` is the address to come back to then, with `meta.cursor` in it."""

    self: str
    next: str | None
    resume: str


class Changes(TypedDict):
    """A page of the change log, oldest first unless it is asked for otherwise."""

    data: list[ChangeEntry]
    meta: ChangesMeta
    links: ChangesLinks


class ReleaseLinks(TypedDict):
    """Where the statement is, byte for byte, and its signature; null where it was not signed."""

    self: str
    statement: str
    signature: str | None


class StatedRelease(TypedDict):
    """What a release said of itself when it was published. `id` is the SHA-256 of the public archive, `previous` that of
    the statement before, `statement` that of this one; `signature` is null where nobody signed. `served` is true of the
    release that answers.
    """

    number: int
    id: str
    archive: str
    published_at: str
    counts: dict[str, int]
    engine: str
    previous: str | None
    statement: str
    signature: str | None
    served: bool
    links: ReleaseLinks


class ReleasesLinks(TypedDict):
    """`next` is null after the first release of all."""

    self: str
    next: str | None


class ReleasesMeta(TypedDict):
    total: int
    limit: int
    release: str
    licence: str


class ReleasePage(TypedDict):
    """A page of releases, the newest first."""

    data: list[StatedRelease]
    meta: ReleasesMeta
    links: ReleasesLinks


class VersionEntry(TypedDict):
    """What happened to a record. `release` and `number` are those of the release that it happened with; `digest` is the
    SHA-256 of the record's line in the public archive, null where that was taken back since; `erase` is true where less
    is shown than before.
    """

    version: int
    action: Literal["created", "updated", "withdrawn"]
    at: str
    number: int
    release: str
    digest: str | None
    erase: bool
    href: str


class HistoryMeta(TypedDict):
    """`cite_as` names the latest version, its release and its digest."""

    id: str
    release: str
    licence: str
    cite_as: str


class HistoryLinks(TypedDict):
    self: str
    record: str


class History(TypedDict):
    """The history of a record, the oldest entry first."""

    data: list[VersionEntry]
    meta: HistoryMeta
    links: HistoryLinks


class TranscriptMeta(TypedDict):
    """`languages` are those that segments can be read in, one by one: they are asked for by `lang`."""

    release: str
    licence: str
    languages: list[str]


class TranscriptLinks(TypedDict):
    """The transcript in each format, and the testimony."""

    self: str
    testimony: str
    vtt: str
    text: str


class Transcript(TypedDict):
    """What was said, in segments whose names stand for the same words from release to release; times in seconds from the
    start of the recording, null where not stated. `language` is that of the testimony; each segment says its own.
    """

    testimony: Reference
    language: str
    content_warnings: list[str]
    segments: list[SegmentDocument]
    meta: TranscriptMeta
    links: TranscriptLinks


def page_shape(name: str, document: object) -> Any:  # noqa: ANN401 - a typed dictionary made here
    """Return the shape of a page of records, given a name and the shape of one record."""
    page = TypedDict(name, Page.__annotations__ | {"data": list[document]})  # type: ignore[misc, valid-type]
    page.__module__ = __name__
    page.__doc__ = Page.__doc__
    return page


class Point(TypedDict):
    """Longitude and latitude in degrees (WGS 84), in this order."""

    type: Literal["Point"]
    coordinates: tuple[float, float]


class Feature(TypedDict):
    """One record on the map. `properties` is the record, and in it `radius_m`: how far off the point may be. Of an event,
    `claimed_by` names who claims that it was there; it is empty where that is the event's own place.
    """

    type: Literal["Feature"]
    id: str
    geometry: Point
    properties: dict[str, Any]


class FeatureCollection(TypedDict):
    """GeoJSON (RFC 7946)."""

    type: Literal["FeatureCollection"]
    features: list[Feature]


class PublisherDocument(TypedDict):
    name: str
    url: str | None


class ThemeDocument(TypedDict):
    """How the reading room looks for this archive: a shorter title, the colour of rules (#rrggbb), a text at the foot."""

    title: str | None
    accent: str | None
    footer: str | None


class OwnFieldDocument(TypedDict):
    """A field of the archive's own: records have it under `custom`, lists are filtered by `custom.` and its name."""

    name: str
    label: str
    kind: Literal["text", "term", "number", "boolean", "date", "url", "reference"]
    vocabulary: str | None
    to: list[RecordType]
    many: bool
    unit: str | None
    description: str | None
    translations: dict[str, LabelTranslationDocument]


class ArchiveDocument(TypedDict):
    """The archive's own description. `contact` is where to ask for a correction or a withdrawal; `coverage` says what
    the archive leaves out; `fields` are those of its own, by type of record. Its vocabularies have an address: see `links`.
    """

    id: str
    title: str
    description: str | None
    language: str
    licence: str
    publisher: PublisherDocument
    contact: str
    coverage: str | None
    citation: str | None
    theme: ThemeDocument | None
    fields: dict[str, list[OwnFieldDocument]]


class ReleaseDocument(TypedDict):
    """The release being served. `id` is the SHA-256 of the public archive in canonical form."""

    id: str
    number: int
    published_at: str
    counts: dict[str, int]


class MirrorDocument(TypedDict):
    """Of which address this is a mirror, and when that was last found to serve the same release, to the minute."""

    of: str
    seen_at: str | None


class Entrance(TypedDict):
    """Where to begin: the archive, the release, the languages that its texts are in or translated into, and the addresses of
    everything else. `mirror` is null but where this is a
    mirror of another address.
    """

    archive: ArchiveDocument
    release: ReleaseDocument
    languages: list[str]
    mirror: MirrorDocument | None
    links: dict[str, str]


class Health(TypedDict):
    status: str


class Followed(TypedDict):
    """Where releases come from: a depot, or the archive that is mirrored. `seen_at` is when it was last found that what is
    served there is here, `age_s` the seconds since; `trouble` says what is in the way.
    """

    kind: Literal["depot", "mirror"]
    address: str
    seen_at: str | None
    age_s: float | None
    trouble: str | None


class Readiness(TypedDict):
    """`release` is the id of the release being served; `trouble` says why a newer one was refused, or cannot be had;
    `follows` is null but where releases come from a depot or another archive.
    """

    status: str
    release: str
    trouble: str | None
    follows: Followed | None


class ProblemDescription(TypedDict):
    """What a problem's `type` leads to."""

    slug: str
    title: str
    status: int
    description: str
