"""The shapes of what documents are made of, whatever their type: references, dates, access, segments, and what every record has."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from service.archive.vocabularies import ConsentScope, RedactionReason, ResponseKind


class Reference(TypedDict):
    """Another record: its identifier and the name, title or label that may be shown."""

    id: Annotated[str, Field(description="The identifier of the record.")]
    label: Annotated[str, Field(description="What it is called: the name, title or label that may be shown.")]


class SourceReference(Reference):
    """A source that is referred to, and who published it."""

    publisher: Annotated[Reference | None, Field(description="Who published it. Null where that is not known.")]


class PlaceReference(Reference):
    """`country` is ISO 3166-1 alpha-2: the place's own, or that of the nearest place around it that states one."""

    country: Annotated[str | None, Field(description="ISO 3166-1 alpha-2. Null where none is stated.")]


class TermDocument(TypedDict):
    """A term of a vocabulary that is the archive's own: its value, and what it is called in the reader's language."""

    value: Annotated[str, Field(description="The value.")]
    label: Annotated[str, Field(description="What it is called.")]


class DateDocument(TypedDict):
    """A date as stated (EDTF) and the days it lies between, inclusive; null where unbounded or unknown.

    `open_end` is true where it is stated to go on (`2022-02/..`), false where its end is only not known (`2022-02/`).
    """

    edtf: Annotated[str | None, Field(description="The date as stated (EDTF). Null where it is unknown.")]
    earliest: Annotated[
        str | None, Field(description="The first day that it may be. Null where it is unbounded or unknown.")
    ]
    latest: Annotated[
        str | None, Field(description="The last day that it may be. Null where it is unbounded or unknown.")
    ]
    open_end: Annotated[bool, Field(description="Whether it is stated to go on.")]
    note: Annotated[str | None, Field(description="What a reader should know of the date.")]


class ConsentDocument(TypedDict):
    """What was consented to: `scope` is empty where that is not stated, `expires` the first day on which the consent no
    longer holds (in UTC), null where none is stated.
    """

    scope: Annotated[list[ConsentScope], Field(description="What was consented to. Empty where that is not stated.")]
    expires: Annotated[
        str | None,
        Field(description="The first day on which the consent no longer holds (UTC). Null where none is stated."),
    ]


class AccessDocument(TypedDict):
    """On what footing the record is public. `consent` is null where neither its scope nor its end is stated."""

    visibility: Annotated[Literal["public"], Field(description="That the record is public.")]
    consent_basis: Annotated[
        Literal["direct", "published_source", "guardian", "none_recorded"] | None,
        Field(description="On whose consent or on what it was published. Null where that is not stated."),
    ]
    consent: Annotated[
        ConsentDocument | None,
        Field(description="What was consented to. Null where neither its scope nor its end is stated."),
    ]


class RecordLinks(TypedDict):
    """Absolute addresses: of the record, of its page for people, null where there are none, and of the lists of the records
    that name it, by collection.
    """

    self: Annotated[str, Field(description="The record itself.")]
    html: Annotated[str | None, Field(description="Its page for people. Null where there are none.")]
    referred_by: Annotated[dict[str, str], Field(description="The lists of the records that name it, by collection.")]


class ReferredBy(TypedDict):
    """How many records of each collection name a record, in whatever role."""

    testimonies: Annotated[int, Field(description="How many testimonies.")]
    events: Annotated[int, Field(description="How many events.")]
    statistics: Annotated[int, Field(description="How many statistics.")]
    responses: Annotated[int, Field(description="How many responses.")]
    sources: Annotated[int, Field(description="How many sources.")]
    agents: Annotated[int, Field(description="How many agents.")]
    places: Annotated[int, Field(description="How many places.")]
    topics: Annotated[int, Field(description="How many topics.")]


class RecordDocument(TypedDict):
    """What every record has. `version` counts the releases that changed it, `updated_at` is when the last did.
    `language_of` names the language (BCP 47) of each text field that is stated, as it is shown here. Labels of other
    records follow the language asked for as their own texts do; acts and citations stay as they are. `cite_as` is how to cite this version so that whoever
    kept a copy can prove what it said. `referred_by` counts the records that name this one; that they do is no new version.
    """

    id: Annotated[str, Field(description="The identifier of the record.")]
    version: Annotated[int, Field(description="How many releases have changed it, the first one included.")]
    updated_at: Annotated[str, Field(description="When the last change was published (UTC, RFC 3339).")]
    access: Annotated[AccessDocument, Field(description="On what footing the record is public.")]
    translations: Annotated[
        dict[str, dict[str, str | list[str] | dict[str, str | list[str]]]],
        Field(description="Its texts in other languages, by language (BCP 47)."),
    ]
    language_of: Annotated[
        dict[str, str],
        Field(description="The language (BCP 47) of each text field that is stated, as it is shown here."),
    ]
    cite_as: Annotated[str, Field(description="How to cite this version.")]
    referred_by: Annotated[ReferredBy, Field(description="How many records of each collection name it.")]
    links: Annotated[RecordLinks, Field(description="Where it, its page and the lists of what names it are.")]


class ActResponseDocument(TypedDict):
    """What the actor of an act answered, shown beside what is said of them."""

    id: Annotated[str, Field(description="The identifier of the response.")]
    kind: Annotated[ResponseKind, Field(description="How the actor answered.")]
    subject: Annotated[str | None, Field(description="What was asked. Null where that is not stated.")]
    summary: Annotated[
        str | None, Field(description="What the actor said, in the archive's own words. Null where that is not stated.")
    ]
    date: Annotated[DateDocument | None, Field(description="When. Null where that is not stated.")]
    asked_by: Annotated[Reference | None, Field(description="Who asked. Null where that is not stated.")]
    referred_to: Annotated[
        Reference | None, Field(description="To whom the actor referred. Null but for such answers.")
    ]


class SegmentTextDocument(TypedDict):
    """What is said in a segment, in another language."""

    text: Annotated[str, Field(description="What is said, translated.")]


class EntryTextsDocument(TypedDict):
    """What an entry of a table of contents says in another language; null or empty where that is not translated."""

    title: Annotated[str | None, Field(description="What the part is about.")]
    synopsis: Annotated[str | None, Field(description="What is said in it.")]
    keywords: Annotated[list[str], Field(description="Words that it can be found by.")]


class SegmentDocument(TypedDict):
    """A stretch of a transcript, in seconds from the start of the recording; null where not stated. `text` is in `language`;
    it is null where the words are left out, and `redacted` says why.
    """

    id: Annotated[
        str, Field(description="The name of the segment, which stands for the same words from release to release.")
    ]
    start_s: Annotated[
        float | None,
        Field(description="Where it begins, in seconds from the start of the recording. Null where not stated."),
    ]
    end_s: Annotated[float | None, Field(description="Where it ends, in seconds. Null where not stated.")]
    file: Annotated[
        str | None,
        Field(description="The name of the recording that the times count in. Null where it is the only one."),
    ]
    speaker: Annotated[
        str | None, Field(description="Who speaks, as the transcript names them. Null where not stated.")
    ]
    speaker_agent: Annotated[
        Reference | None, Field(description="Who speaks, as an agent of the archive. Null where not stated.")
    ]
    language: Annotated[str, Field(description="The language of `text` (BCP 47).")]
    text: Annotated[str | None, Field(description="What is said. Null where the words are left out.")]
    redacted: Annotated[
        RedactionReason | None, Field(description="Why the words are left out. Null where they are not.")
    ]
    translations: Annotated[
        dict[str, SegmentTextDocument], Field(description="What is said in other languages, by language (BCP 47).")
    ]
