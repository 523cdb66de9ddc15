"""The archive file, format version 1: one strict model per record type.

Owns shapes, vocabularies and the rules one record can be judged by alone. Knows no file, no database and no HTTP.
A validation error's type is either one of Pydantic's own or a code of `checks.py`, raised here as it stands there.
"""

import re
from typing import Annotated, Any, ClassVar, Literal, get_args

import langcodes
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    JsonValue,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from service.archive.dates import DateError, parse_day, parse_edtf

FORMAT = "testimony-archive/1"

# Largest integer that every JSON reader, JavaScript's included, holds exactly (RFC 8259, section 6).
MAX_NUMBER = 2**53 - 1
#: Longest identifier, in characters.
ID_LENGTH = 64

# ISO 3166-1 alpha-2, the officially assigned codes.
COUNTRIES = frozenset(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO
    FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE
    JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO
    MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW
    PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM
    TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    """.split()
)

# https://rightsstatements.org/page/1.0/: the twelve statements.
RIGHTS_STATEMENTS = frozenset(
    f"http://rightsstatements.org/vocab/{name}/1.0/"
    for name in "InC InC-OW-EU InC-EDU InC-NC InC-RUU NoC-CR NoC-NC NoC-OKLR NoC-US CNE UND NKC".split()
)


# --- Scalars ---------------------------------------------------------------------------------------------------


def _day(value: str) -> str:
    try:
        parse_day(value)
    except DateError as error:
        raise PydanticCustomError(error.code, "{reason}", {"reason": str(error)}) from None
    return value


def _edtf(value: str) -> str:
    try:
        parse_edtf(value)
    except DateError as error:
        raise PydanticCustomError(error.code, "{reason}", {"reason": str(error)}) from None
    return value


_KNOWN_LANGUAGES: dict[str, bool] = {}


def _language(value: str) -> str:
    # Looking a tag up in the registry takes tens of microseconds and an archive uses few tags, so answers are kept.
    known = _KNOWN_LANGUAGES.get(value)
    if known is None:
        known = len(value) <= ID_LENGTH and value.isascii() and "_" not in value and langcodes.tag_is_valid(value)
        if len(_KNOWN_LANGUAGES) < 1024:
            _KNOWN_LANGUAGES[value] = known
    if not known:
        raise PydanticCustomError("invalid_language", "is not a BCP 47 language tag, such as en, ru or sr-Latn")
    return value


def _rights(value: str) -> str:
    if value in RIGHTS_STATEMENTS:
        return value
    try:
        if " " not in value and canonicalize_license_expression(value) == value:
            return value
    except InvalidLicenseExpression:
        pass
    raise PydanticCustomError(
        "invalid_rights",
        "is neither a rightsstatements.org URI, such as http://rightsstatements.org/vocab/InC/1.0/, "
        "nor an SPDX licence identifier in its own spelling, such as CC-BY-4.0",
    )


def _country(value: str) -> str:
    if value not in COUNTRIES:
        raise PydanticCustomError("invalid_value", "is not an ISO 3166-1 alpha-2 country code, such as RU")
    return value


def _number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("invalid_type", "must be a number")
    if not abs(value) <= MAX_NUMBER:  # written so that NaN fails too
        raise PydanticCustomError("invalid_value", "must lie between -(2^53 - 1) and 2^53 - 1")
    # 5 and 5.0 are one number, and must give one release id.
    return int(value) if value == int(value) else value


def _page(value: object) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise PydanticCustomError("invalid_type", "must be a page number or a page label")
    if value == "" or (isinstance(value, str) and not value.isprintable()):
        raise PydanticCustomError("invalid_value", "must be a page number or a page label of printable characters")
    return value


def _web_address(value: str) -> str:
    if not value.startswith(("https://", "http://")) or any(char.isspace() for char in value):
        raise PydanticCustomError("invalid_value", "must be an http or https address without spaces")
    return value


def _concept(value: str) -> str:
    if not value.startswith(("https://", "http://", "urn:")) or any(char.isspace() for char in value):
        raise PydanticCustomError("invalid_value", "must be an http, https or urn URI without spaces")
    return value


# Control characters other than tab, line feed and carriage return have no place in a text that is to be read.
_READABLE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*$"

Text = Annotated[str, StringConstraints(min_length=1, pattern=_READABLE)]
Day = Annotated[str, AfterValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Edtf = Annotated[str, AfterValidator(_edtf), WithJsonSchema({"type": "string", "description": "EDTF, section Dates"})]
Language = Annotated[str, AfterValidator(_language)]
Rights = Annotated[str, AfterValidator(_rights)]
Country = Annotated[str, AfterValidator(_country)]
Number = Annotated[int | float, PlainValidator(_number), WithJsonSchema({"type": "number"})]
WebAddress = Annotated[Text, AfterValidator(_web_address)]
Concept = Annotated[Text, AfterValidator(_concept)]
Page = Annotated[int | str, PlainValidator(_page), WithJsonSchema({"type": ["integer", "string"]})]
Seconds = Annotated[Number, Field(ge=0)]
Count = Annotated[int, Field(ge=0, le=MAX_NUMBER)]

_SHA256 = r"^[0-9a-f]{64}$"


def _sha256(value: str) -> str:
    if len(value) != 64 or not set(value) <= set("0123456789abcdef"):
        raise PydanticCustomError("invalid_hash", "must be a SHA-256 in 64 lower-case hexadecimal digits")
    return value


Sha256 = Annotated[str, AfterValidator(_sha256), WithJsonSchema({"type": "string", "pattern": _SHA256})]


# --- Identifiers and references ---------------------------------------------------------------------------------

RecordType = Literal["source", "agent", "place", "topic", "event", "testimony", "statistic", "response"]
#: Every record type in the order of the format; the canonical form of an archive lists records in it.
RECORD_TYPES: tuple[RecordType, ...] = get_args(RecordType)

PREFIXES: dict[RecordType, str] = {
    "source": "src",
    "agent": "agt",
    "place": "plc",
    "topic": "top",
    "event": "evt",
    "testimony": "tes",
    "statistic": "sta",
    "response": "rsp",
}
TYPE_OF_PREFIX: dict[str, RecordType] = {prefix: record for record, prefix in PREFIXES.items()}

_ANY_ID = rf"^(?:{'|'.join(TYPE_OF_PREFIX)})-[a-z0-9-]+$"

# A form that Python and Pydantic's own engine, in which records name each other a million times, read alike.
_ID = rf"(?:{'|'.join(TYPE_OF_PREFIX)})-[a-z0-9-]*[a-z0-9][a-z0-9-]*"
_is_id = re.compile(_ID).fullmatch


def is_identifier(value: str) -> bool:
    """Tell whether `value` has the form of an identifier of any type; whether it names one is for the checks."""
    return len(value) <= ID_LENGTH and _is_id(value) is not None


class _IsIdentifier:
    """Refuses a text that is no identifier."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        form = core_schema.custom_error_schema(
            core_schema.str_schema(pattern=f"^{_ID}$", max_length=ID_LENGTH),
            custom_error_type="invalid_id",
            custom_error_message="is not an identifier: one of the prefixes src- agt- plc- top- evt- tes- sta- rsp-, "
            "then lower-case letters, digits and hyphens, 64 characters at most",
        )
        return core_schema.chain_schema([handler(source), form])


class RefersTo:
    """Marks a field as a reference, with the record types it may name. The checks walk the fields so marked."""

    def __init__(self, *types: RecordType) -> None:
        self.types = types


Identifier = Annotated[str, _IsIdentifier(), WithJsonSchema({"type": "string", "pattern": _ANY_ID})]
SourceRef = Annotated[Identifier, RefersTo("source")]
AgentRef = Annotated[Identifier, RefersTo("agent")]
PlaceRef = Annotated[Identifier, RefersTo("place")]
TopicRef = Annotated[Identifier, RefersTo("topic")]
EventRef = Annotated[Identifier, RefersTo("event")]
StatisticRef = Annotated[Identifier, RefersTo("statistic")]
SubjectRef = Annotated[Identifier, RefersTo("event", "testimony", "statistic", "agent")]


# --- Vocabularies ---------------------------------------------------------------------------------------------------

SourceType = Literal[
    "video",
    "audio",
    "article",
    "report",
    "court_record",
    "interview",
    "dataset",
    "social_media",
    "photograph",
    "document",
    "other",
]
AgentKind = Literal["person", "group", "organisation"]
PlaceKind = Literal["country", "region", "city", "district", "site", "other"]
EventType = Literal[
    "detention",
    "arrest",
    "assault",
    "threat",
    "killing",
    "disappearance",
    "displacement",
    "deployment",
    "policy",
    "protest",
    "conflict",
    "investigation",
    "other",
]
Attribution = Literal["first_person", "labelled", "contextual"]
ResponseKind = Literal[
    "replied",
    "denied",
    "admitted",
    "acknowledged_receipt",
    "declined",
    "no_response",
    "referred",
    "not_stated",
]
Outcome = Literal["established", "not_established", "acquitted", "annulled", "upheld"]
Qualifier = Literal[
    "exact",
    "about",
    "at_least",
    "more_than",
    "at_most",
    "less_than",
    "between",
    "order_of_magnitude",
    "most",
    "all",
    "none",
]


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


class _NoEntries(dict[str, Any]):
    """The same as an object."""

    __hash__ = object.__hash__  # type: ignore[assignment]

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.dict_schema()


NO_ITEMS, NO_ENTRIES = _NoItems(), _NoEntries()


class Access(Part):
    """Who may see a record, and on what footing. `private` may hold anything and is never published."""

    visibility: Literal["public", "embargoed", "restricted"] = "public"
    embargo_until: Day | None = None
    consent_basis: Literal["direct", "published_source", "guardian", "none_recorded"] | None = None
    private: JsonValue = None


class Citation(Part):
    """One claim's evidence: the source and, where possible, the passage.

    `start` and `end` are offsets in Unicode code points into the source's text, `end` exclusive; `sha256` is the hash
    of those characters in UTF-8. `time` is [start, end] in seconds. `masked` is the editor's word that the passage
    itself names nobody whose name is protected.
    """

    source: SourceRef
    start: int | None = None
    end: int | None = None
    sha256: Sha256 | None = None
    page: Page | None = None
    time: Annotated[list[Seconds], Field(min_length=2, max_length=2)] | None = None
    quote: Text | None = None
    note: Text | None = None
    masked: Annotated[
        bool, Field(description="The editor's word that the passage itself names nobody whose name is protected.")
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


class Record(Part):
    """What every record has: an identifier, translations of its text fields, and access."""

    #: The record's type, its `record` key in a `.jsonl` file.
    record: ClassVar[RecordType]

    id: Identifier
    access: Access = Access()


# --- Records --------------------------------------------------------------------------------------------------------


class SourceText(Part):
    """The measures of a source's text: `length` in code points, `bytes` in UTF-8, and the SHA-256 of those bytes."""

    length: Count
    bytes: Count
    sha256: Sha256
    content: str | None = None


class SourceTranslation(Part):
    title: Text | None = None
    content_warnings: list[Text] | None = None


class Source(Record):
    """A published or held item that claims are cited from."""

    record = "source"

    type: SourceType
    title: Text
    publisher: AgentRef | None = None
    creators: list[AgentRef] = NO_ITEMS
    language: Language
    published: Edtf | None = None
    url: WebAddress | None = None
    archived_url: WebAddress | None = None
    retrieved: Day | None = None
    rights: Rights
    verbatim: bool = False
    text: SourceText | None = None
    duration_s: Seconds | None = None
    masked: Annotated[
        bool, Field(description="The editor's word that the source itself does not name a creator who is protected.")
    ] = False
    content_warnings: Annotated[
        list[Text], Field(description="What a reader should know before reading on, such as: physical violence.")
    ] = NO_ITEMS
    translations: dict[Language, SourceTranslation] = NO_ENTRIES


class AgentTranslation(Part):
    name: Text | None = None
    label: Text | None = None
    description: Text | None = None


class Agent(Record):
    """A person, group or organisation. `name` is only for those whose name may be published; of somebody `unknown`
    the archive has none.
    """

    record = "agent"

    kind: AgentKind
    name_policy: Literal["published", "pseudonym", "withheld", "unknown"]
    name: Text | None = None
    label: Text | None = None
    description: Text | None = None
    age_stated: Annotated[int, Field(ge=0, le=150)] | None = None
    citations: list[Citation] = NO_ITEMS
    translations: dict[Language, AgentTranslation] = NO_ENTRIES


class PlaceTranslation(Part):
    name: Text | None = None


class Place(Record):
    """A place, as fine as may be published. Coordinates in degrees (WGS 84), `radius_m` in metres."""

    record = "place"

    name: Text
    kind: PlaceKind
    part_of: PlaceRef | None = None
    country: Country | None = None
    latitude: Number | None = None
    longitude: Number | None = None
    radius_m: Number | None = None
    translations: dict[Language, PlaceTranslation] = NO_ENTRIES


class TopicTranslation(Part):
    label: Text | None = None
    description: Text | None = None


class Topic(Record):
    """A subject heading; `broader` makes the headings a tree."""

    record = "topic"

    label: Text
    broader: TopicRef | None = None
    description: Text | None = None
    exact_match: list[Concept] = NO_ITEMS
    translations: dict[Language, TopicTranslation] = NO_ENTRIES


class Participant(Part):
    agent: AgentRef
    role: Text


class ActFinding(Part):
    """What a court, a commission or another body found of an act. A later finding takes the place of an earlier one."""

    body: Annotated[AgentRef, Field(description="Who found it.")]
    outcome: Outcome
    date: Edtf | None = None
    final: Annotated[bool, Field(description="Whether no ordinary appeal is left.")] = False
    citations: Citations


class Act(Part):
    """One thing that somebody says was done in an event, and how far it is established."""

    type: Text
    description: Text | None = None
    victim: AgentRef | None = None
    actor: AgentRef | None = None
    status: Literal["alleged", "reported", "admitted", "established", "rejected"]
    asserted_by: AgentRef
    citations: Citations
    findings: Annotated[list[ActFinding], Field(description="What bodies found of it.")] = NO_ITEMS


class EventTranslation(Part):
    title: Text | None = None
    summary: Text | None = None
    date_note: Text | None = None
    content_warnings: list[Text] | None = None


class Event(Record):
    """Something that happened, or that somebody says happened."""

    record = "event"

    type: EventType
    title: Text
    summary: Text | None = None
    date: Edtf | None
    date_note: Text | None = None
    place: PlaceRef | None = None
    topics: list[TopicRef] = NO_ITEMS
    participants: list[Participant] = NO_ITEMS
    acts: list[Act] = NO_ITEMS
    part_of: EventRef | None = None
    citations: Citations
    content_warnings: Annotated[
        list[Text], Field(description="What a reader should know before reading on, such as: physical violence.")
    ] = NO_ITEMS
    translations: dict[Language, EventTranslation] = NO_ENTRIES


class Segment(Part):
    """A stretch of a transcript, in seconds from the start of the recording."""

    start_s: Seconds | None = None
    end_s: Seconds | None = None
    speaker: Text | None = None
    text: Text


class TestimonyTranslation(Part):
    __test__ = False  # the name reads like a test class to pytest

    title: Text | None = None
    summary: Text | None = None
    content_warnings: list[Text] | None = None


class Testimony(Record):
    """What one witness, or a group of them, put on record; `summary` is in the archive's own words."""

    __test__ = False  # the name reads like a test class to pytest
    record = "testimony"

    title: Text
    summary: Text
    witness: AgentRef
    events: list[EventRef] = NO_ITEMS
    place: PlaceRef | None = None
    topics: list[TopicRef] = NO_ITEMS
    language: Language
    original_language: Language | None = None
    given: Edtf | None = None
    reported_by: AgentRef | None = None
    attribution: Attribution
    hearsay: list[AgentRef] = NO_ITEMS
    content_warnings: list[Text] = NO_ITEMS
    transcript: list[Segment] = NO_ITEMS
    citations: Citations
    translations: dict[Language, TestimonyTranslation] = NO_ENTRIES


class StatisticTranslation(Part):
    title: Text | None = None
    population: Text | None = None
    unit: Text | None = None
    as_stated: Text | None = None
    method: Text | None = None
    content_warnings: list[Text] | None = None


class Statistic(Record):
    """One figure that somebody stated, with what it counts and how exactly it was put."""

    record = "statistic"

    title: Text
    population: Text
    unit: Text
    as_stated: Text
    qualifier: Qualifier
    value: Number | None = None
    lower: Number | None = None
    upper: Number | None = None
    lower_inclusive: bool = True
    upper_inclusive: bool = True
    bounds_basis: Literal["stated", "derived", "convention", "none"]
    relative_to: StatisticRef | None = None
    period: Edtf | None = None
    stated_on: Edtf | None = None
    place: PlaceRef | None = None
    topics: list[TopicRef] = NO_ITEMS
    asserted_by: AgentRef
    reported_by: AgentRef | None = None
    method: Text | None = None
    citations: Citations
    content_warnings: Annotated[
        list[Text], Field(description="What a reader should know before reading on, such as: physical violence.")
    ] = NO_ITEMS
    translations: dict[Language, StatisticTranslation] = NO_ENTRIES


class ResponseTranslation(Part):
    subject: Text | None = None
    summary: Text | None = None


class Response(Record):
    """What a party that was asked, or should have been, is recorded to have answered."""

    record = "response"

    party: AgentRef
    kind: ResponseKind
    referred_to: AgentRef | None = None
    via: AgentRef | None = None
    asked_by: AgentRef | None = None
    about: list[SubjectRef] = NO_ITEMS
    subject: Text | None = None
    summary: Annotated[Text | None, Field(description="The answer, in the archive's own words.")] = None
    date: Edtf | None = None
    citations: Citations
    translations: dict[Language, ResponseTranslation] = NO_ENTRIES


class Withdrawn(Part):
    """The trace of a record that was withdrawn: its identifier, never used again, and the day."""

    id: Identifier
    on: Day


RECORD_MODELS: dict[RecordType, type[Record]] = {
    model.record: model for model in (Source, Agent, Place, Topic, Event, Testimony, Statistic, Response)
}


# --- The head and the whole file -----------------------------------------------------------------------------------


class Publisher(Part):
    name: Text
    url: WebAddress | None = None


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


class Head(Part):
    """The archive itself. `contact` is where a person asks for a correction or a withdrawal; `coverage` says what
    the archive leaves out.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=ID_LENGTH)]
    title: Text
    description: Text | None = None
    language: Language
    licence: Rights
    publisher: Publisher
    contact: Text
    coverage: Text | None = None
    citation: Text | None = None
    theme: Annotated[Theme | None, Field(description="How the reading room looks for this archive.")] = None


#: The key under which `archive.json` lists each record type.
PLURALS: dict[RecordType, str] = {
    "source": "sources",
    "agent": "agents",
    "place": "places",
    "topic": "topics",
    "event": "events",
    "testimony": "testimonies",
    "statistic": "statistics",
    "response": "responses",
}


class ArchiveFile(Part):
    """A whole `archive.json`. For its JSON Schema: files are read record by record, never through this model."""

    format: Literal["testimony-archive/1"]
    archive: Head
    sources: list[Source] = []
    agents: list[Agent] = []
    places: list[Place] = []
    topics: list[Topic] = []
    events: list[Event] = []
    testimonies: list[Testimony] = []
    statistics: list[Statistic] = []
    responses: list[Response] = []
    withdrawn: list[Withdrawn] = []


def archive_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an `archive.json`."""
    schema = ArchiveFile.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:testimony-archive:format:1",
        **schema,
        "title": "Testimony archive, format version 1",
    }
