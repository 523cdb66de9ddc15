"""The archive file, format version 1: one strict model per record type.

Owns shapes, vocabularies and the rules one record can be judged by alone. Knows no file, no database and no HTTP.
A validation error's type is either one of Pydantic's own or a code of `checks.py`, raised here as it stands there.
"""

from collections.abc import Collection
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    JsonValue,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    create_model,
    field_validator,
)
from pydantic_core import CoreSchema, core_schema

from service.archive.identifiers import (
    ID_LENGTH,
    AgentRef,
    EventRef,
    Identifier,
    PlaceRef,
    RecordType,
    RefersTo,
    RelatedRef,
    SourceRef,
    StatisticRef,
    SubjectRef,
    TestimonyRef,
    TopicRef,
)
from service.archive.marks import (
    Behaves,
    Filtered,
    FromVocabulary,
    NotShown,
    Searched,
    ShownAsPresence,
    Sorted,
    Translated,
    TypedBy,
)
from service.archive.values import (
    Concept,
    Count,
    Country,
    Day,
    DayOrMoment,
    Edtf,
    FileName,
    FilePath,
    Language,
    MediaType,
    Moment,
    Number,
    Page,
    Pixels,
    Rights,
    Seconds,
    SegmentName,
    Sha256,
    Text,
    WebAddress,
    claimed_value,
)
from service.archive.vocabularies import (
    AgentKind,
    Attribution,
    ClaimedField,
    ConsentScope,
    ContributorRole,
    CustodyAction,
    EventType,
    FileRole,
    NameKind,
    Outcome,
    PlaceKind,
    Qualifier,
    RedactionReason,
    RelationType,
    ResponseKind,
    SourceType,
    WhereaboutsStatus,
)

FORMAT = "testimony-archive/1"


# --- Parts that records share -------------------------------------------------------------------------------------


class Part(BaseModel):
    """What every object of the format has in common: exact types, no unknown field, not changed after reading."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class _NoItems(list[Any]):
    """An empty list that Pydantic does not copy for each record, since it can be hashed: nothing changes a record."""

    __hash__ = object.__hash__  # type: ignore[assignment]

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.list_schema()


class _NoEntries(dict[Any, Any]):
    """The same as an object."""

    __hash__ = object.__hash__  # type: ignore[assignment]

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.dict_schema()


NO_ITEMS, NO_ENTRIES = _NoItems(), _NoEntries()


class Consent(Part):
    """What somebody consented to, and until when. Only `scope` and `expires` are ever published.

    A record whose consent has expired, or whose `scope` is stated and does not hold `publish`, is not public.
    """

    scope: Annotated[
        list[ConsentScope],
        Field(
            min_length=1,
            description="What the consent covers. Empty where that is not stated; where it is stated without `publish`, the record is not public.",
        ),
    ] = NO_ITEMS
    given: Annotated[Day | None, Field(description="The day it was given. It is never published.")] = None
    expires: Annotated[
        Day | None,
        Field(
            description="The first day on which the consent no longer holds, in UTC: what is published from that day on lacks the record. Null where it does not expire."
        ),
    ] = None
    review: Annotated[
        Day | None, Field(description="The day on which the archive means to ask again. It is never published.")
    ] = None
    reference: Annotated[
        Text | None, Field(description="Where the archive keeps the consent itself. It is never published.")
    ] = None


class Access(Part):
    """Who may see a record, and on what footing. `private` may hold anything and is never published."""

    visibility: Annotated[
        Literal["public", "embargoed", "restricted"],
        Field(
            description="Who may see the record: everybody; nobody before a day (embargoed); or nobody at all (restricted). Only public records reach a release."
        ),
    ] = "public"
    embargo_until: Annotated[
        Day | None, Field(description="The day from which an embargoed record is public. Days are those of UTC.")
    ] = None
    consent_basis: Annotated[
        Literal["direct", "published_source", "guardian", "none_recorded"] | None,
        Field(
            description="On what footing the record is public: consent given to the archive (direct), a source that was published before, a guardian's consent, or none that was recorded. Null where it is not stated."
        ),
    ] = None
    consent: Annotated[
        Consent | None,
        Field(description="What the consent covers, and until when. Null where it is not stated."),
    ] = None
    private: Annotated[
        JsonValue, Field(description="Whatever the archive keeps for itself. It is never published.")
    ] = None


class Citation(Part):
    """One claim's evidence: the source and, where possible, the passage.

    `start` and `end` are offsets in Unicode code points into the source's text, `end` exclusive; `sha256` is the hash
    of those characters in UTF-8. `time` is [start, end] in seconds. `masked` is the editor's word that the passage
    itself names nobody whose name is protected.
    """

    source: Annotated[
        SourceRef,
        Filtered("Citing this source.", name="source"),
        Field(description="The source that the claim comes from."),
    ]
    start: Annotated[
        int | None, Field(description="Where the passage begins in the source's text, in Unicode code points from 0.")
    ] = None
    end: Annotated[
        int | None,
        Field(description="Where the passage ends, in code points; the character at this place is no part of it."),
    ] = None
    sha256: Annotated[
        Sha256 | None,
        Field(description="SHA-256 of the passage's characters in UTF-8, so that whoever holds the text can check it."),
    ] = None
    page: Annotated[Page | None, Field(description="The page of the source, as a number or as it is printed.")] = None
    time: Annotated[
        Annotated[list[Seconds], Field(min_length=2, max_length=2)] | None,
        Field(description="Beginning and end of the passage in seconds from the start of the recording."),
    ] = None
    quote: Annotated[
        Text | None, Searched(), Field(description="The words of the passage, where the source may be republished.")
    ] = None
    note: Annotated[Text | None, Field(description="What a reader should know about this evidence.")] = None
    masked: Annotated[
        bool,
        NotShown(),
        Field(description="The editor's word that the passage itself names nobody whose name is protected."),
    ] = False

    @property
    def anchored(self) -> bool:
        """True where the exact passage is named by offsets and hash."""
        return self.start is not None and self.end is not None and self.sha256 is not None

    @property
    def evidence(self) -> Literal["anchored", "located", "cited"]:
        """How closely the passage is named: offsets and hash, a page or time, or the source alone."""
        if self.anchored:
            return "anchored"
        return "located" if self.page is not None or self.time is not None else "cited"


Citations = Annotated[list[Citation], Field(min_length=1)]


class ExternalIdentifier(Part):
    """What others call the same thing: a value under a scheme, such as doi or an archive's own inventory."""

    scheme: Annotated[
        Text,
        Field(description="Whose identifier it is: a scheme such as doi, isbn, wikidata, or a catalogue's short name."),
    ]
    value: Annotated[
        Text,
        Searched(),
        Filtered("With this identifier elsewhere: its value, or scheme:value.", name="identifier", is_counted=False),
        Field(description="The identifier itself, as the scheme writes it."),
    ]
    url: Annotated[WebAddress | None, Field(description="An address at which the identifier is resolved.")] = None


class Relation(Part):
    """How a record stands to another one, and who says so where it is not the archive itself. It is shown at both ends."""

    type: Annotated[
        RelationType,
        Filtered("That states a relation of this type.", name="relation"),
        Field(description="What this record does with the other one, or what it is to it."),
    ]
    to: Annotated[
        RelatedRef,
        Filtered("That states a relation to this record.", name="related_to"),
        Field(description="The other record: a testimony, an event, a statistic or a source."),
    ]
    asserted_by: Annotated[
        AgentRef | None, Field(description="Who says so. Null where it is the archive's own finding.")
    ] = None
    note: Annotated[Text | None, Searched(), Field(description="What a reader should know about this relation.")] = None
    citations: Annotated[list[Citation], Field(description="The evidence for the relation.")] = NO_ITEMS


_RELATIONS = "How this record stands to others: what it disputes, corroborates, revises, translates or repeats."
Relations = Annotated[list[Relation], Behaves("relations"), Field(description=_RELATIONS)]


class Custom(Part):
    """What a record has in the archive's own fields, which its head declares: none here. See `own_fields.py`."""


class Record(Part):
    """What every record has: an identifier, the archive's own fields, translations of its text fields, access, and what
    others call it.
    """

    # Built once the translations are known: see below.
    model_config = ConfigDict(defer_build=True)

    #: The record's type, its `record` key in a `.jsonl` file.
    record: ClassVar[RecordType]
    #: The texts of a record of this type in another language: its fields that are marked as translated.
    Translation: ClassVar[type[Part]]

    id: Annotated[
        Identifier,
        Field(
            description="The record's identifier: a prefix that names its type, then lower-case letters, digits and hyphens."
        ),
    ]
    access: Annotated[Access, Field(description="Who may see the record, and on what footing.")] = Access()
    custom: Annotated[
        Custom,
        Behaves("own_fields"),
        WithJsonSchema({"type": "object"}),
        Field(description="The archive's own fields, by the names that its head declares for records of this type."),
    ] = Custom()
    translations: Annotated[
        dict[Language, Any],
        Field(description="Translations of the record's texts, by language (BCP 47), under the names of the fields."),
    ] = NO_ENTRIES
    identifiers: Annotated[
        list[ExternalIdentifier],
        Behaves("identifiers"),
        Field(description="What others call the same thing. A protected agent has none."),
    ] = NO_ITEMS
    tags: Annotated[
        list[Text],
        Searched(),
        Filtered("With this tag.", name="tag"),
        Field(description="Words that the archive files the record under, beside its topics."),
    ] = NO_ITEMS
    notes: Annotated[
        list[Text],
        Searched(),
        Translated(),
        Field(description="What a reader should know of the record itself, in the archive's own words."),
    ] = NO_ITEMS
    licence: Annotated[
        Rights | None,
        Filtered("Under this licence, which is not the archive's."),
        Field(description="What may be done with this record, where that is not what the archive's licence says."),
    ] = None

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:  # noqa: ANN401 - as Pydantic declares it
        """Let translations have the fields that are marked as translated, of this type of record."""
        texts = _translated_fields(cls, f"{cls.__name__}Translation")
        name = f"{cls.__name__}Translation"
        cls.Translation = create_model(
            name,
            __base__=Part,
            __doc__=f"Texts of a {cls.record} in another language.",
            __module__=cls.__module__,
            __qualname__=f"{cls.__qualname__}.{name}",
            **texts,
        )
        # Where pickle finds it: records are handed over between processes.
        setattr(cls, name, cls.Translation)
        cls.model_fields["translations"].annotation = dict[Language, cls.Translation]  # type: ignore[name-defined]
        cls.model_rebuild(force=True)


def _translated_fields(model: type[Part], name: str) -> dict[str, Any]:
    """Return the fields that a translation of a record, or of a part of one, has, as `create_model` takes them."""
    texts: dict[str, Any] = {}
    for key, described in model.model_fields.items():
        text = Field(default=None, description=described.description)
        if any(isinstance(mark, Translated) for mark in described.metadata):
            # Of a vocabulary or not, in another language it is a text.
            shape: Any = list[Text] if get_origin(described.annotation) is list else Text
            texts[key] = (shape | None, text)
        elif described.annotation == dict[str, Any]:  # whatever was meant: see `own_fields.lenient_models`
            texts[key] = (dict[str, Any] | None, text)
        elif (inner := _translated_inside(described.annotation, name)) is not None:
            made = create_model(f"{name}{key.title()}", __base__=Part, __module__=model.__module__, **inner)
            texts[key] = (made | None, text)
    return texts


def _translated_inside(part: Any, name: str) -> dict[str, Any] | None:  # noqa: ANN401 - whatever an annotation may be
    is_own = isinstance(part, type) and issubclass(part, Custom)
    return (_translated_fields(part, name) or None) if is_own else None


# --- Records --------------------------------------------------------------------------------------------------------


class SourceText(Part):
    """The measures of a source's text: `length` in code points, `bytes` in UTF-8, and the SHA-256 of those bytes."""

    length: Annotated[Count, Field(description="Length of the text in Unicode code points.")]
    bytes: Annotated[Count, Field(description="Size of the text in UTF-8, in bytes.")]
    sha256: Annotated[Sha256, Field(description="SHA-256 of these bytes.")]
    content: Annotated[
        str | None,
        Searched(),
        ShownAsPresence("has_text"),
        Field(description="The text itself, where it may be republished. It is served at an address of its own."),
    ] = None


class SourceFile(Part):
    """A file of a source: a recording, a scan, its subtitles. `path` leads to it from the folder of the archive file; a file
    that is kept elsewhere has a `url`. Only public files are published, and of the others nothing at all.

    `masked` is the editor's word that a public file neither shows, sounds nor names anybody who is protected.
    """

    name: Annotated[
        FileName,
        Searched(),
        Field(description="The file's name, under which it is served: one of its own in the source."),
    ]
    path: Annotated[
        FilePath | None,
        Field(
            description="Where the file lies, from the folder of the archive file. In a published archive it is files/ and the file's SHA-256. Null where it is not kept here."
        ),
    ] = None
    url: Annotated[WebAddress | None, Field(description="Where the file is kept elsewhere.")] = None
    media_type: Annotated[
        MediaType,
        Filtered("With a file of this media type."),
        Field(description="The file's media type, such as video/mp4."),
    ]
    bytes: Annotated[Count | None, Field(description="Its size in bytes.")] = None
    sha256: Annotated[Sha256, Field(description="SHA-256 of its bytes.")]
    role: Annotated[
        FileRole,
        Filtered("With a file in this role.", name="file_role"),
        Field(
            description="What the file is to the source: the original, a copy to watch or read, a transcript, and so on."
        ),
    ]
    language: Annotated[Language | None, Field(description="The language of what is said or written in it.")] = None
    duration_s: Annotated[Seconds | None, Field(description="How long the recording lasts, in seconds.")] = None
    width: Annotated[Pixels | None, Field(description="Width of the picture in pixels.")] = None
    height: Annotated[Pixels | None, Field(description="Height of the picture in pixels.")] = None
    alt: Annotated[
        Text | None, Searched(), Field(description="What the picture shows, for those who cannot see it.")
    ] = None
    public: Annotated[bool, Field(description="Whether the file is published. Nothing of any other is.")] = False
    masked: Annotated[
        bool,
        NotShown(),
        Field(description="The editor's word that the file neither shows, sounds nor names anybody who is protected."),
    ] = False


class Custody(Part):
    """Something that was done with a source on its way to the archive, and in it."""

    on: Annotated[DayOrMoment, Field(description="When: a day, or a moment with its offset from UTC.")]
    agent: Annotated[AgentRef | None, Field(description="Who did it. Null where that is not stated.")] = None
    action: Annotated[CustodyAction, Field(description="What was done.")]
    tool: Annotated[Text | None, Field(description="With what program or device.")] = None
    note: Annotated[Text | None, Field(description="What else is to be known about it.")] = None


class Redaction(Part):
    """A passage of a source's text whose characters were replaced, one by one, by U+2588 (█)."""

    start: Annotated[Count, Field(description="Where the passage begins, in Unicode code points from 0.")]
    end: Annotated[
        Count, Field(description="Where it ends, in code points; the character at this place is no part of it.")
    ]
    reason: Annotated[RedactionReason, Field(description="Why its words are left out.")]
    on: Annotated[Day, Field(description="The day on which they were taken out.")]


class Source(Record):
    """A published or held item that claims are cited from."""

    record = "source"

    id: Annotated[
        Identifier, Filtered("This source itself.", name="source"), Field(description="The source's identifier.")
    ]
    type: Annotated[
        SourceType,
        FromVocabulary("source_type"),
        Filtered("Of this type."),
        Field(description="What kind of item the source is."),
    ]
    title: Annotated[
        Text,
        Searched(is_name=True),
        Translated(is_in_own_language=True),
        Sorted(),
        Field(description="The source's title, in the source's language."),
    ]
    publisher: Annotated[
        AgentRef | None,
        Filtered("Published by this agent."),
        Field(description="Who published the source. Null where that is not known."),
    ] = None
    creators: Annotated[
        list[AgentRef], Field(description="Who made the source, in the order in which it names them.")
    ] = NO_ITEMS
    language: Annotated[
        Language,
        Filtered("In this language, as tagged (BCP 47)."),
        Field(description="The language of the source, as a BCP 47 tag."),
    ]
    published: Annotated[
        Edtf | None, Sorted(), Field(description="When the source was published (EDTF). Null where it is undated.")
    ] = None
    url: Annotated[WebAddress | None, Field(description="Where the source was found, an http or https address.")] = None
    archived_url: Annotated[WebAddress | None, Field(description="Where a copy of it is kept.")] = None
    retrieved: Annotated[Day | None, Field(description="The day on which the archive fetched it.")] = None
    rights: Annotated[
        Rights,
        Field(
            description="What may be done with the source: a rightsstatements.org URI or an SPDX licence identifier."
        ),
    ]
    verbatim: Annotated[
        bool, Field(description="Whether the source's own words may be republished: quotes, transcripts and its text.")
    ] = False
    text: Annotated[
        SourceText | None,
        Behaves("source_text"),
        Field(
            description="The measures of the source's text, which a copy can be checked against. Null where it has no text."
        ),
    ] = None
    redactions: Annotated[
        list[Redaction], Field(description="The passages of the text whose words were taken out.")
    ] = NO_ITEMS
    duration_s: Annotated[Seconds | None, Field(description="How long the recording lasts, in seconds.")] = None
    recorded: Annotated[
        Edtf | None,
        Filtered("Recorded in this time."),
        Sorted(),
        Field(description="When it was recorded, filmed or written down (EDTF). Null where that is not known."),
    ] = None
    captured: Annotated[
        Moment | None, Field(description="The moment at which the archive captured it, with its offset from UTC.")
    ] = None
    held_at: Annotated[
        Text | None,
        Searched(),
        Translated(),
        Field(description="Where the original is held, such as an archive and a shelf mark."),
    ] = None
    part_of: Annotated[
        SourceRef | None,
        Filtered("Part of this source."),
        Field(description="The larger source that this one is a part of."),
    ] = None
    files: Annotated[
        list[SourceFile], Behaves("files"), Field(description="Its files, as far as they are published.")
    ] = NO_ITEMS
    custody: Annotated[
        list[Custody], Field(description="Through whose hands it came, and what was done with it, the earliest first.")
    ] = NO_ITEMS
    masked: Annotated[
        bool,
        NotShown(),
        Field(description="The editor's word that the source itself does not name a creator who is protected."),
    ] = False
    content_warnings: Annotated[
        list[Text],
        FromVocabulary("content_warning"),
        Searched(),
        Translated(),
        Field(description="What a reader should know before reading on, such as: physical violence."),
    ] = NO_ITEMS
    relations: Relations = NO_ITEMS


class AgentName(Part):
    """Another name of an agent, or the same in another script."""

    text: Annotated[Text, Searched(is_name=True), Field(description="The name.")]
    language: Annotated[
        Language | None, Field(description="The language and script it is written in (BCP 47), such as uk or ru-Latn.")
    ] = None
    kind: Annotated[
        NameKind | None,
        Field(
            description="How it is another: a name that is also used (alias), the same in another script (transliteration), or one that is no longer used (former)."
        ),
    ] = None


class AgentStatus(Part):
    """What somebody stated of a person's whereabouts. The latest by its date holds; one without a date is as late as the
    one that is listed before it, and of two of one day the later listed holds.
    """

    status: Annotated[
        WhereaboutsStatus,
        Filtered("With this as the latest status.", is_latest=True),
        Field(description="What was known of the person."),
    ]
    date: Annotated[Edtf | None, Field(description="When that was so (EDTF). Null where it is not stated.")] = None
    asserted_by: Annotated[AgentRef, Field(description="Who states it.")]
    citations: Annotated[Citations, Field(description="The evidence for it.")]


class Agent(Record):
    """A person, group or organisation. `name` is only for those whose name may be published; of somebody `unknown`
    the archive has none.
    """

    record = "agent"

    kind: Annotated[
        AgentKind,
        Filtered("Of this kind."),
        Field(description="Whether the agent is a person, a group or an organisation."),
    ]
    name_policy: Annotated[
        Literal["published", "pseudonym", "withheld", "unknown"],
        Field(description="Whether the name may be published, is replaced by a pseudonym, or is withheld."),
    ]
    name: Annotated[
        Text | None,
        Searched(is_name=True),
        Translated(),
        Field(description="The name, only where it may be published."),
    ] = None
    label: Annotated[
        Text | None,
        Searched(is_name=True),
        Translated(),
        Sorted(),
        Field(description="What is shown instead of a name that is not published."),
    ] = None
    description: Annotated[
        Text | None, Searched(), Translated(), Field(description="Who the agent is, in the archive's own words.")
    ] = None
    names: Annotated[
        list[AgentName],
        Field(description="Other names and spellings that may be published. Somebody protected or unknown has none."),
    ] = NO_ITEMS
    age_stated: Annotated[
        Annotated[int, Field(ge=0, le=150)] | None,
        Field(description="The person's age in years, as a source states it."),
    ] = None
    age_as_stated: Annotated[
        Text | None,
        Searched(),
        Translated(),
        Field(description="The age as a source puts it, where that is no number: about forty, a schoolchild."),
    ] = None
    birth: Annotated[
        Edtf | None,
        Filtered("Born then."),
        Sorted(),
        Field(description="When the person was born (EDTF). Of somebody protected it is not told."),
    ] = None
    death: Annotated[
        Edtf | None,
        Filtered("Died then."),
        Sorted(),
        Field(description="When the person died (EDTF). Of somebody protected it is not told."),
    ] = None
    status: Annotated[
        list[AgentStatus],
        Field(description="What was known of the person's whereabouts, over time: missing, detained, found."),
    ] = NO_ITEMS
    member_of: Annotated[
        list[AgentRef],
        Filtered("A member of this group or organisation."),
        Field(description="The groups and organisations that the agent belongs to."),
    ] = NO_ITEMS
    exact_match: Annotated[
        list[Concept],
        Field(description="Addresses of the same agent in other vocabularies. A protected agent has none."),
    ] = NO_ITEMS
    citations: Annotated[list[Citation], Field(description="The evidence for what is said of the agent.")] = NO_ITEMS


class Place(Record):
    """A place, as fine as may be published. Coordinates in degrees (WGS 84), `radius_m` in metres."""

    record = "place"

    id: Annotated[
        Identifier,
        Filtered("This place itself or one that lies in it.", name="place", is_wide=True),
        Field(description="The place's identifier."),
    ]
    name: Annotated[Text, Searched(is_name=True), Translated(), Sorted(), Field(description="The place's name.")]
    kind: Annotated[
        PlaceKind,
        FromVocabulary("place_kind"),
        Filtered("Of this kind."),
        Field(description="How large the place is: from a country to a single site."),
    ]
    part_of: Annotated[PlaceRef | None, Behaves("place"), Field(description="The place that it lies in.")] = None
    country: Annotated[
        Country | None, Behaves("country"), Field(description="The country it lies in, as an ISO 3166-1 alpha-2 code.")
    ] = None
    latitude: Annotated[
        Number | None, Field(description="Latitude of its point in degrees (WGS 84), north positive.")
    ] = None
    longitude: Annotated[
        Number | None, Field(description="Longitude of its point in degrees (WGS 84), east positive.")
    ] = None
    radius_m: Annotated[Number | None, Field(description="How far off the point may be, in metres.")] = None
    exact_match: Annotated[list[Concept], Field(description="Addresses of the same place in other vocabularies.")] = (
        NO_ITEMS
    )
    citations: Annotated[
        list[Citation], Field(description="The evidence for where the place is, and for what is said of it.")
    ] = NO_ITEMS


class Topic(Record):
    """A subject heading; `broader` makes the headings a tree."""

    record = "topic"

    id: Annotated[
        Identifier,
        Filtered("This topic itself or a narrower one.", name="topic", is_wide=True),
        Field(description="The topic's identifier."),
    ]
    label: Annotated[Text, Searched(is_name=True), Translated(), Sorted(), Field(description="The heading.")]
    broader: Annotated[
        TopicRef | None,
        Filtered("Directly below this topic."),
        Field(description="The next broader topic. Null at the top of the tree."),
    ] = None
    description: Annotated[
        Text | None, Searched(), Translated(), Field(description="What belongs under the heading.")
    ] = None
    exact_match: Annotated[list[Concept], Field(description="Addresses of the same concept in other vocabularies.")] = (
        NO_ITEMS
    )


class Participant(Part):
    """Somebody who took part in an event, and in what role."""

    agent: Annotated[
        AgentRef,
        Filtered("With this agent among its participants.", name="participant"),
        Field(description="Who took part."),
    ]
    role: Annotated[Text, FromVocabulary("role"), Field(description="In what role, in the archive's own words.")]


class ActFinding(Part):
    """What a court, a commission or another body found of an act. A later finding takes the place of an earlier one."""

    body: Annotated[AgentRef, Field(description="Who found it.")]
    outcome: Annotated[Outcome, Field(description="What was found, or what became of an earlier finding.")]
    date: Annotated[Edtf | None, Field(description="When it was found (EDTF).")] = None
    final: Annotated[bool, Field(description="Whether no ordinary appeal is left.")] = False
    citations: Annotated[Citations, Field(description="The evidence for the finding.")]


class Act(Part):
    """One thing that somebody says was done in an event, and how far it is established."""

    type: Annotated[
        Text,
        FromVocabulary("act_type"),
        Filtered("With an act of this type.", name="act"),
        Field(description="What was done, in a word or two."),
    ]
    description: Annotated[Text | None, Searched(), Field(description="What was done, in the archive's own words.")] = (
        None
    )
    victim: Annotated[AgentRef | None, Field(description="Whom it was done to. Null where nobody is named.")] = None
    actor: Annotated[AgentRef | None, Field(description="Who is said to have done it. Null where nobody is named.")] = (
        None
    )
    status: Annotated[
        Literal["alleged", "reported", "admitted", "established", "rejected"],
        Field(
            description="How far the act is established: alleged, reported, admitted by the actor, or established by a finding."
        ),
    ]
    asserted_by: Annotated[AgentRef, Field(description="Who says so.")]
    citations: Annotated[Citations, Field(description="The evidence for the act.")]
    findings: Annotated[list[ActFinding], Field(description="What courts and other bodies found of it.")] = NO_ITEMS


class Claim(Part):
    """What somebody says of an event's date, place or type. Claims may differ; the event's own value is the archive's choice."""

    #: The types of events that there are; None where any will do.
    event_types: ClassVar[Collection[str] | None] = frozenset(get_args(EventType))

    field: Annotated[ClaimedField, Field(description="The field of the event that the claim is about.")]
    value: Annotated[
        Text,
        TypedBy("field"),
        RefersTo("place", where=("field", "place")),
        Field(description="What is claimed, as the field holds it: a date (EDTF), a place, or a type of event."),
    ]
    asserted_by: Annotated[AgentRef, Field(description="Who says so.")]
    citations: Annotated[Citations, Field(description="The evidence for the claim.")]

    @field_validator("value")
    @classmethod
    def _is_of_its_field(cls, value: str, info: ValidationInfo) -> str:
        # Without a field that there is, nothing can be said of the value: that is told by itself.
        claimed = info.data.get("field")
        return value if claimed is None else claimed_value(claimed, value, cls.event_types)


class Event(Record):
    """Something that happened, or that somebody says happened."""

    record = "event"

    type: Annotated[
        EventType,
        FromVocabulary("event_type"),
        Filtered("Of this type."),
        Field(description="What kind of event it was."),
    ]
    title: Annotated[
        Text, Searched(is_name=True), Translated(), Sorted(), Field(description="What happened, to whom, in one line.")
    ]
    summary: Annotated[
        Text | None, Searched(), Translated(), Field(description="What happened, in the archive's own words.")
    ] = None
    date: Annotated[
        Edtf | None,
        Behaves("event_date"),
        Sorted(is_default=True),
        Field(description="When it happened (EDTF). Null where nobody says."),
    ]
    date_note: Annotated[
        Text | None,
        Searched(),
        Translated(),
        Field(description="Why the date is unknown or incomplete, or how it was found."),
    ] = None
    place: Annotated[
        PlaceRef | None,
        Behaves("event_place"),
        Filtered(name="place", is_wide=True),
        Field(description="Where it happened."),
    ] = None
    topics: Annotated[
        list[TopicRef],
        Filtered(name="topic", is_wide=True),
        Field(description="The subject headings it is filed under."),
    ] = NO_ITEMS
    participants: Annotated[list[Participant], Field(description="Who took part, and in what role.")] = NO_ITEMS
    acts: Annotated[
        list[Act],
        Behaves("acts"),
        Field(
            description="Single acts within the event: who did what to whom, who says so, and how far it is established."
        ),
    ] = NO_ITEMS
    claims: Annotated[
        list[Claim],
        Behaves("claims"),
        Field(
            description="What others say of its date, its place or its type. Filters look at claims too; the event's own values are the archive's choice."
        ),
    ] = NO_ITEMS
    part_of: Annotated[
        EventRef | None,
        Filtered("Part of this event, or of a part of it.", is_wide=True),
        Field(description="The larger event that this one is a part of."),
    ] = None
    citations: Annotated[Citations, Field(description="The evidence for the event.")]
    content_warnings: Annotated[
        list[Text],
        FromVocabulary("content_warning"),
        Searched(),
        Translated(),
        Field(description="What a reader should know before reading on, such as: physical violence."),
    ] = NO_ITEMS
    relations: Relations = NO_ITEMS


class SegmentTranslation(Part):
    """What is said in a segment, in another language."""

    text: Annotated[Text, Searched(), Field(description="What is said, translated.")]


class Segment(Part):
    """A stretch of a transcript: its words, or why they are left out. Times are in seconds from the start of the recording."""

    id: Annotated[
        SegmentName | None,
        Field(
            description="Its name, which no other segment of the transcript has: letters, digits and hyphens. Without one, its position counts, from 1."
        ),
    ] = None
    start_s: Annotated[
        Seconds | None, Field(description="Where the stretch begins, in seconds from the start of the recording.")
    ] = None
    end_s: Annotated[Seconds | None, Field(description="Where it ends, in seconds.")] = None
    file: Annotated[
        FileName | None,
        Field(
            description="The recording that the times count in: the name of a public file of a source that is cited."
        ),
    ] = None
    speaker: Annotated[Text | None, Field(description="Who speaks, as the transcript names them.")] = None
    speaker_agent: Annotated[
        AgentRef | None, Field(description="Who speaks, as an agent of the archive, whose label is shown.")
    ] = None
    language: Annotated[
        Language | None,
        Field(description="The language that is spoken here (BCP 47), where it is not that of the testimony."),
    ] = None
    text: Annotated[Text | None, Searched(), Field(description="What is said. Null where the words are left out.")] = (
        None
    )
    redacted: Annotated[
        RedactionReason | None, Field(description="Why the words are left out, in place of the words.")
    ] = None
    translations: Annotated[
        dict[Language, SegmentTranslation],
        Field(description="What is said here in other languages, by language (BCP 47)."),
    ] = NO_ENTRIES


class Contributor(Part):
    """Somebody who had a part in an interview beside the witness, or as the one who was asked."""

    agent: Annotated[
        AgentRef,
        Filtered("With this agent among its contributors.", name="contributor"),
        Field(description="Who contributed."),
    ]
    role: Annotated[ContributorRole, Field(description="What they did.")]


class IndexEntryTranslation(Part):
    """What an entry of a table of contents says, in another language."""

    title: Annotated[Text | None, Searched(), Field(description="What the part is about, translated.")] = None
    synopsis: Annotated[Text | None, Searched(), Field(description="What is said in it, translated.")] = None
    keywords: Annotated[list[Text], Searched(), Field(description="Words that it can be found by, translated.")] = (
        NO_ITEMS
    )


class IndexEntry(Part):
    """An entry of an interview's table of contents, with or without a recording. Its texts are in the archive's language."""

    start_s: Annotated[
        Seconds | None, Field(description="Where the part begins, in seconds from the start of the recording.")
    ] = None
    title: Annotated[Text, Searched(), Field(description="What the part is about, in one line.")]
    synopsis: Annotated[
        Text | None, Searched(), Field(description="What is said in it, in the archive's own words.")
    ] = None
    keywords: Annotated[list[Text], Searched(), Field(description="Words that it can be found by.")] = NO_ITEMS
    topics: Annotated[
        list[TopicRef],
        Filtered(name="topic", is_wide=True),
        Field(description="The subject headings that the part is filed under."),
    ] = NO_ITEMS
    segment: Annotated[
        SegmentName | None,
        Behaves("segment"),
        Field(description="The segment of the transcript with which the part begins."),
    ] = None
    translations: Annotated[
        dict[Language, IndexEntryTranslation],
        Behaves("entry_translations"),
        Field(description="Its texts in other languages, by language (BCP 47)."),
    ] = NO_ENTRIES


class Testimony(Record):
    """What one witness, or a group of them, put on record; `summary` is in the archive's own words."""

    __test__ = False  # the name reads like a test class to pytest
    record = "testimony"

    title: Annotated[
        Text, Searched(is_name=True), Translated(), Sorted(), Field(description="Who testifies to what, in one line.")
    ]
    summary: Annotated[
        Text, Searched(), Translated(), Field(description="What the witness says, in the archive's own words.")
    ]
    witness: Annotated[
        AgentRef, Filtered("Given by this witness."), Field(description="Who testifies: a person, or a group.")
    ]
    contributors: Annotated[
        list[Contributor], Field(description="Who else had a part in the interview, and in what role.")
    ] = NO_ITEMS
    part_of: Annotated[
        TestimonyRef | None,
        Filtered("A session of this interview."),
        Field(description="The interview that this testimony is a session of."),
    ] = None
    events: Annotated[
        list[EventRef],
        Filtered("About this event, or a part of it.", name="event", is_wide=True),
        Field(description="The events it is about."),
    ] = NO_ITEMS
    place: Annotated[
        PlaceRef | None, Filtered(name="place", is_wide=True), Field(description="The place it is about.")
    ] = None
    topics: Annotated[
        list[TopicRef],
        Filtered(name="topic", is_wide=True),
        Field(description="The subject headings it is filed under."),
    ] = NO_ITEMS
    language: Annotated[
        Language,
        Filtered("In this language, as tagged (BCP 47)."),
        Field(description="The language of what was said, as held here (BCP 47)."),
    ]
    original_language: Annotated[
        Language | None, Field(description="The language it was first said in, where that is another one.")
    ] = None
    given: Annotated[
        Edtf | None, Sorted(), Field(description="When it was given (EDTF). Null where that is not known.")
    ] = None
    reported_by: Annotated[
        AgentRef | None,
        Filtered("Reported by this agent."),
        Field(description="Who published or passed on the testimony."),
    ] = None
    attribution: Annotated[
        Attribution,
        Filtered("Attributed to the witness in this way."),
        Field(
            description="How the words are known to be the witness's: in the first person, labelled with the name, or from the context only."
        ),
    ]
    hearsay: Annotated[
        list[AgentRef],
        Field(
            description="Through whom the account came, the nearest to the witness's own words first. Empty where the witness saw it."
        ),
    ] = NO_ITEMS
    content_warnings: Annotated[
        list[Text],
        FromVocabulary("content_warning"),
        Searched(),
        Translated(),
        Field(description="What a reader should be warned of before reading."),
    ] = NO_ITEMS
    index: Annotated[
        list[IndexEntry],
        Behaves("index"),
        Field(description="The interview's table of contents, in the order in which things are told."),
    ] = NO_ITEMS
    transcript: Annotated[
        list[Segment],
        Behaves("transcript"),
        ShownAsPresence("has_transcript"),
        Field(description="What was said, word for word, in segments. It is served at an address of its own."),
    ] = NO_ITEMS
    citations: Annotated[Citations, Field(description="The evidence for the testimony.")]
    relations: Relations = NO_ITEMS


class Breakdown(Part):
    """The part of a population that a figure counts, in the archive's own words."""

    sex: Annotated[Text | None, Filtered("Counting this sex."), Field(description="Of this sex alone.")] = None
    age: Annotated[Text | None, Filtered("Counting these ages."), Field(description="Of these ages alone.")] = None
    status: Annotated[
        Text | None,
        Filtered("Counting those of this status."),
        Field(description="Of this status alone, such as: civilians."),
    ] = None


class Statistic(Record):
    """One figure that somebody stated, with what it counts and how exactly it was put."""

    record = "statistic"

    title: Annotated[
        Text, Searched(is_name=True), Translated(), Sorted(), Field(description="What the figure says, in one line.")
    ]
    population: Annotated[Text, Searched(), Translated(), Field(description="What is counted.")]
    unit: Annotated[
        Text,
        FromVocabulary("unit"),
        Searched(),
        Translated(),
        Filtered("Counted in this unit."),
        Field(description="The unit it is counted in."),
    ]
    as_stated: Annotated[
        Text, Searched(), Translated(), Field(description="The few words of the figure itself, as the source puts it.")
    ]
    qualifier: Annotated[
        Qualifier,
        Filtered("Stated with this qualifier."),
        Field(description="How exactly the figure was put: exact, about, at least, between, and so on."),
    ]
    value: Annotated[Number | None, Sorted(), Field(description="The figure. Null where only bounds were stated.")] = (
        None
    )
    lower: Annotated[
        Number | None,
        Field(description="The least value that the statement allows. Null where no lower bound was stated."),
    ] = None
    upper: Annotated[
        Number | None,
        Field(description="The greatest value that the statement allows. Null where no upper bound was stated."),
    ] = None
    lower_inclusive: Annotated[
        bool,
        Behaves("of_bound"),
        Field(description="Whether the lower bound itself is allowed; shown as null where there is none."),
    ] = True
    upper_inclusive: Annotated[
        bool,
        Behaves("of_bound"),
        Field(description="Whether the upper bound itself is allowed; shown as null where there is none."),
    ] = True
    bounds_basis: Annotated[
        Literal["stated", "derived", "convention", "none"],
        Behaves("stated_range"),
        Field(
            description="Where the bounds come from: they were stated, derived from what was stated, follow a convention, or there are none."
        ),
    ]
    relative_to: Annotated[
        StatisticRef | None,
        Filtered("Stated as a part of this statistic."),
        Field(description="The statistic that this one is a part of: the base of most and all."),
    ] = None
    events: Annotated[
        list[EventRef], Filtered("About this event.", name="event"), Field(description="The events it is about.")
    ] = NO_ITEMS
    series: Annotated[
        Text | None,
        Searched(),
        Filtered("Of this series."),
        Field(description="The series that it is one figure of, by a name that all of them share."),
    ] = None
    period: Annotated[
        Edtf | None,
        Filtered("Covering this time."),
        Sorted(),
        Field(description="The time that the figure covers (EDTF)."),
    ] = None
    breakdown: Annotated[
        Breakdown | None, Field(description="The part of the population that is counted, where it is not the whole.")
    ] = None
    stated_on: Annotated[Edtf | None, Sorted(), Field(description="When the figure was stated (EDTF).")] = None
    place: Annotated[
        PlaceRef | None, Filtered(name="place", is_wide=True), Field(description="The place it is about.")
    ] = None
    topics: Annotated[
        list[TopicRef],
        Filtered(name="topic", is_wide=True),
        Field(description="The subject headings it is filed under."),
    ] = NO_ITEMS
    asserted_by: Annotated[AgentRef, Filtered("Asserted by this agent."), Field(description="Who stated the figure.")]
    reported_by: Annotated[
        AgentRef | None, Filtered("Reported by this agent."), Field(description="Who published or passed it on.")
    ] = None
    method: Annotated[
        Text | None, Searched(), Translated(), Field(description="How the figure was found, as far as that is stated.")
    ] = None
    citations: Annotated[Citations, Field(description="The evidence for the figure.")]
    content_warnings: Annotated[
        list[Text],
        FromVocabulary("content_warning"),
        Searched(),
        Translated(),
        Field(description="What a reader should know before reading on, such as: physical violence."),
    ] = NO_ITEMS
    relations: Annotated[list[Relation], Behaves("revisions"), Field(description=_RELATIONS)] = NO_ITEMS


class Response(Record):
    """What a party that was asked, or should have been, is recorded to have answered."""

    record = "response"

    party: Annotated[AgentRef, Filtered("By this party."), Field(description="Who answered, or was asked and did not.")]
    kind: Annotated[ResponseKind, Filtered("Of this kind."), Field(description="What the answer was.")]
    referred_to: Annotated[AgentRef | None, Field(description="Whom the party referred the question to.")] = None
    via: Annotated[AgentRef | None, Field(description="Through whom the question was put.")] = None
    asked_by: Annotated[AgentRef | None, Field(description="Who asked.")] = None
    about: Annotated[
        list[SubjectRef],
        Filtered("About this event, testimony, statistic or agent."),
        Field(description="What the question was about. Empty where that is not stated."),
    ] = NO_ITEMS
    subject: Annotated[Text | None, Searched(is_name=True), Translated(), Field(description="What was asked.")] = None
    summary: Annotated[
        Text | None, Searched(), Translated(), Field(description="The answer, in the archive's own words.")
    ] = None
    date: Annotated[Edtf | None, Sorted(), Field(description="When the answer was given (EDTF).")] = None
    citations: Annotated[Citations, Field(description="The evidence for the answer.")]


class Withdrawn(Part):
    """The trace of a record that was withdrawn: its identifier, never used again, and the day."""

    id: Annotated[Identifier, Field(description="The identifier of the record, which is never used again.")]
    on: Annotated[Day, Field(description="The day it was withdrawn.")]


RECORD_MODELS: dict[RecordType, type[Record]] = {
    model.record: model for model in (Source, Agent, Place, Topic, Event, Testimony, Statistic, Response)
}


# --- The head and the whole file -----------------------------------------------------------------------------------


class Publisher(Part):
    """Who publishes the archive."""

    name: Annotated[Text, Field(description="Who publishes the archive.")]
    url: Annotated[WebAddress | None, Field(description="Their address on the web.")] = None


class Theme(Part):
    """How the reading room looks for this archive. Nothing here can hide or move what pages say: a colour for rules and marks,
    never for words, and texts that are shown as texts.
    """

    title: Annotated[
        Annotated[Text, StringConstraints(max_length=120)] | None,
        Field(description="A shorter title for the head of each page and the title bar; the archive's own without it."),
    ] = None
    accent: Annotated[
        Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")] | None,
        Field(description="The colour of rules and marks: # and six lower-case hexadecimal digits, such as #8a4b2f."),
    ] = None
    footer: Annotated[
        Annotated[Text, StringConstraints(max_length=1000)] | None,
        Field(description="A text for the foot of each page, such as who stands behind the archive."),
    ] = None


#: Terms of one vocabulary, vocabularies, and fields of one type of record, at most; characters of a name and of a label.
MAX_TERMS, MAX_VOCABULARIES, MAX_FIELDS, NAME_LENGTH, LABEL_LENGTH = 10_000, 100, 200, 48, 300

#: The name of a vocabulary or a field of the archive's own: it stands in addresses and in the code of clients.
OwnName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=NAME_LENGTH)]
Label = Annotated[Text, StringConstraints(max_length=LABEL_LENGTH)]
Description = Annotated[Text, StringConstraints(max_length=4000)]


class LabelTranslation(Part):
    """A label and its description in another language."""

    label: Annotated[Label | None, Field(description="The label in this language.")] = None
    description: Annotated[Description | None, Field(description="The description in this language.")] = None


LabelTranslations = Annotated[
    dict[Language, LabelTranslation],
    Field(description="The label and the description in other languages, by language (BCP 47)."),
]


class Term(Part):
    """A term of a vocabulary: the value that records have, and what people read instead."""

    value: Annotated[
        Annotated[
            str,
            StringConstraints(max_length=120, pattern=r"^[^\x00-\x20\x7f\s]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f\s])?$"),
        ],
        Field(description="What records have: short, and the same for ever."),
    ]
    label: Annotated[Label, Field(description="What people read, in the archive's language.")]
    broader: Annotated[Text | None, Field(description="The next broader term: its value.")] = None
    description: Annotated[Description | None, Field(description="What the term stands for.")] = None
    exact_match: Annotated[list[Concept], Field(description="Addresses of the same concept in other vocabularies.")] = (
        NO_ITEMS
    )
    translations: LabelTranslations = NO_ENTRIES


class Vocabulary(Part):
    """A list of terms of the archive's own. `event_type`, `source_type`, `place_kind`, `act_type`, `role`, `content_warning` and
    `unit` add to what the format has; every other name is for fields of the archive's own.
    """

    title: Annotated[Label | None, Field(description="What the vocabulary is called.")] = None
    closed: Annotated[
        bool,
        Field(description="Whether records may have only these terms, and those of the format where there are any."),
    ] = True
    terms: Annotated[
        Annotated[list[Term], Field(max_length=MAX_TERMS)],
        Field(description="The terms, in the order they are shown in."),
    ]


class OwnField(Part):
    """A field of the archive's own: records have it under `custom`."""

    name: Annotated[OwnName, Field(description="The field's name: lower-case letters, digits and underscores.")]
    label: Annotated[Label, Field(description="What people read, in the archive's language.")]
    kind: Annotated[
        Literal["text", "term", "number", "boolean", "date", "url", "reference"],
        Field(description="What the field holds. Dates are EDTF, a reference names a record."),
    ]
    vocabulary: Annotated[OwnName | None, Field(description="Of a term: the vocabulary that it is from.")] = None
    to: Annotated[
        list[RecordType],
        Field(description="Of a reference: the types of records that it may name; any where none is given."),
    ] = NO_ITEMS
    many: Annotated[bool, Field(description="Whether a record has a list of such values.")] = False
    unit: Annotated[Label | None, Field(description="Of a number: the unit it is in.")] = None
    description: Annotated[Description | None, Field(description="What the field says of a record.")] = None
    translations: LabelTranslations = NO_ENTRIES


Vocabularies = Annotated[
    dict[OwnName, Vocabulary],
    Field(max_length=MAX_VOCABULARIES, description="The archive's own vocabularies, by name."),
]
OwnFields = Annotated[
    dict[RecordType, Annotated[list[OwnField], Field(max_length=MAX_FIELDS)]],
    Field(description="The archive's own fields, by type of record."),
]


class Head(Part):
    """The archive itself. `contact` is where a person asks for a correction or a withdrawal; `coverage` says what
    the archive leaves out.
    """

    id: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=ID_LENGTH)],
        Field(description="The archive's own identifier: lower-case letters, digits and hyphens."),
    ]
    title: Annotated[Text, Field(description="The archive's title.")]
    description: Annotated[Text | None, Field(description="What the archive is about.")] = None
    language: Annotated[Language, Field(description="The language of the archive's own words (BCP 47).")]
    licence: Annotated[
        Rights,
        Field(
            description="What may be done with the archive: a rightsstatements.org URI or an SPDX licence identifier."
        ),
    ]
    publisher: Annotated[Publisher, Field(description="Who publishes the archive.")]
    contact: Annotated[Text, Field(description="Where a person asks for a correction or a withdrawal.")]
    coverage: Annotated[Text | None, Field(description="What the archive leaves out, and why.")] = None
    citation: Annotated[Text | None, Field(description="How the archive asks to be cited.")] = None
    theme: Annotated[Theme | None, Field(description="How the reading room looks for this archive.")] = None
    vocabularies: Vocabularies = NO_ENTRIES
    fields: OwnFields = NO_ENTRIES


class ArchiveFile(Part):
    """A whole `archive.json`. For its JSON Schema: files are read record by record, never through this model."""

    format: Annotated[Literal["testimony-archive/1"], Field(description="The format and its version.")]
    archive: Annotated[Head, Field(description="The archive itself.")]
    sources: Annotated[list[Source], Field(description="Its sources.")] = []
    agents: Annotated[list[Agent], Field(description="Its persons, groups and organisations.")] = []
    places: Annotated[list[Place], Field(description="Its places.")] = []
    topics: Annotated[list[Topic], Field(description="Its subject headings.")] = []
    events: Annotated[list[Event], Field(description="Its events.")] = []
    testimonies: Annotated[list[Testimony], Field(description="Its testimonies.")] = []
    statistics: Annotated[list[Statistic], Field(description="Its figures.")] = []
    responses: Annotated[list[Response], Field(description="Its answers.")] = []
    withdrawn: Annotated[list[Withdrawn], Field(description="The records that were withdrawn.")] = []


def archive_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an `archive.json`."""
    schema = ArchiveFile.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:testimony-archive:format:1",
        **schema,
        "title": "Testimony archive, format version 1",
    }
