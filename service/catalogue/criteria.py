"""What may be asked of each collection: filters, sort, limit, fields. Typed and validated; knows no SQL and no HTTP.

One model per collection is the single declaration of its parameters: requests are validated with it, queries are built
from it, and the API description is generated from it.
"""

import difflib
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache, cached_property, lru_cache
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from service.archive.dates import DateError, parse_day
from service.archive.model import (
    AgentKind,
    Attribution,
    EventType,
    PlaceKind,
    Qualifier,
    RecordType,
    ResponseKind,
    SourceType,
)
from service.catalogue.cursor import CURSOR_LENGTH, fingerprint
from service.catalogue.words import QUERY_LENGTH, parse_query
from service.errors import InvalidParameters, ParameterError
from service.release.documents import DOCUMENTS

#: Values of one filter that are read; the same name again means or.
MAX_VALUES = 50
#: Parameters of one request that are read, before any is looked at.
MAX_PARAMETERS = 200
#: The order of best matches first: of lists with `q` only.
RELEVANCE = "relevance"
#: Longest value that a message repeats, in characters.
ECHO_LENGTH = 60


# --- Types of parameters ----------------------------------------------------------------------------------------------

SourceId = Annotated[str, Field(pattern=r"^src-[a-z0-9-]{1,60}$", examples=["src-001"])]
AgentId = Annotated[str, Field(pattern=r"^agt-[a-z0-9-]{1,60}$", examples=["agt-reuters"])]
PlaceId = Annotated[str, Field(pattern=r"^plc-[a-z0-9-]{1,60}$", examples=["plc-moscow"])]
TopicId = Annotated[str, Field(pattern=r"^top-[a-z0-9-]{1,60}$", examples=["top-privacy"])]
EventId = Annotated[str, Field(pattern=r"^evt-[a-z0-9-]{1,60}$", examples=["evt-001"])]
StatisticId = Annotated[str, Field(pattern=r"^sta-[a-z0-9-]{1,60}$", examples=["sta-002"])]
SubjectId = Annotated[str, Field(pattern=r"^(evt|tes|sta|agt)-[a-z0-9-]{1,60}$", examples=["evt-002"])]
# Control characters are refused: no record holds them, and a NUL ends a string early in some readers.
Words = Annotated[str, Field(max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]
LanguageTag = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$", examples=["en"])]
# A basic language range (RFC 4647, section 2.1).
LanguageRange = Annotated[
    str, Field(pattern=r"^(\*|[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,7})$", max_length=64, examples=["de"])
]
CollectionName = Literal["testimonies", "events", "statistics", "responses", "sources", "agents", "places", "topics"]
CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$", examples=["RU"])]


def _calendar_day(value: str) -> str:
    try:
        return str(parse_day(value))
    except DateError as error:
        raise PydanticCustomError("day", "{reason}", {"reason": str(error)}) from None


Day = Annotated[
    str, AfterValidator(_calendar_day), Field(json_schema_extra={"format": "date"}, examples=["2021-01-01"])
]


# RFC 3339, section 5.6. Python's own reading is wider: it takes week dates and any character for the T.
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2}))?"
)


def _moment(value: str) -> str:
    """Return a day or a moment as UTC to the second, the form in which records carry `updated_at`."""
    try:
        if not _MOMENT.fullmatch(value):
            raise ValueError
        moment = datetime.fromisoformat(value.upper())
    except ValueError:
        raise PydanticCustomError(
            "moment", "must be a day or a moment with its offset, such as 2026-01-31 or 2026-01-31T12:00:00Z"
        ) from None
    with suppress(OverflowError):  # within a day of year 1 or 9999: no record changed then, in any time zone
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}".rjust(20, "0")


Moment = Annotated[
    str,
    AfterValidator(_moment),
    WithJsonSchema(
        {"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}], "examples": ["2026-01-31"]}
    ),
]


def whole_number(value: object) -> object:
    """Return a parameter's value, which is refused where it is a number written in another way than with digits."""
    # Pydantic would also read "5.0", " 5" and "5_0".
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,9}", value):
        raise PydanticCustomError("whole_number", "must be a whole number")
    return value


# Python's own reading also takes `1_0`, `nan`, blanks and the digits of every script.
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")


def _number(value: object) -> object:
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise PydanticCustomError("number", "must be a number, such as 29 or 0.5")
    return value


def _truth(value: object) -> object:
    if value not in ("true", "false"):
        raise PydanticCustomError("truth", "must be true or false")
    return value == "true"


def _split(values: object) -> object:
    return [part for value in values for part in value.split(",")] if isinstance(values, list) else values


def _degrees(text: str) -> float:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError
    return float(text)


def _box(values: object) -> object:
    try:
        west, south, east, north = (_degrees(part) for part in values)  # type: ignore[attr-defined]
    except ValueError:
        raise PydanticCustomError("bbox", "must be four numbers in degrees: west,south,east,north") from None
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise PydanticCustomError(
            "bbox", "must be west,south,east,north: longitudes from -180 to 180, latitudes from -90 to 90, south first"
        )
    return [west, south, east, north]


Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Truth = Annotated[bool, BeforeValidator(_truth)]
# Validators that run before run in reverse: first split, then read.
Degrees = Annotated[float, Field(ge=-180, le=180)]
Box = Annotated[list[Degrees], BeforeValidator(_box), BeforeValidator(_split), Field(min_length=4, max_length=4)]


def _any_of(description: str) -> Any:  # noqa: ANN401 - as Pydantic's own Field
    return Field(max_length=MAX_VALUES, description=description)


# --- What every collection may be asked for -------------------------------------------------------------------------


class Parameters(BaseModel):
    """Query parameters that are read together; one that is not declared is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Parameters whose several values stand in one, separated by commas.
    COMMA_SEPARATED: ClassVar[frozenset[str]] = frozenset({"fields", "bbox", "facets"})


class NoParameters(Parameters):
    """For addresses that take none."""


_FIELDS = "Keep only these top-level keys of each record, separated by commas."


class RecordView(Parameters):
    """How one record is shown."""

    record: ClassVar[RecordType]

    fields: Annotated[tuple[str, ...], BeforeValidator(_split), Field(description=_FIELDS)] = ()
    lang: Annotated[
        LanguageRange | None,
        Field(
            description="Show texts in this language where there is a translation, or in a wider form of it (de for "
            "de-AT); * for the original. Instead of Accept-Language, and before it."
        ),
    ] = None

    @staticmethod
    @cache
    def of(record: RecordType) -> "type[RecordView]":
        """Return the view of one record type, whose keys may be asked for."""
        return type(f"{record.title()}View", (RecordView,), {"record": record, "__module__": __name__})


_FORMAT = Field(
    description="How the list is written. json: a page of it. Every other format: the whole list, without `limit` and "
    "`cursor`. Goes before the `Accept` header, which chooses where this is not given."
)


SearchText = Annotated[
    str,
    Field(
        max_length=QUERY_LENGTH,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="Words that must all be found, in any inflection, without regard to case and accents; "
        '`"a phrase"`, each of whose words may be written in 300 ways, `-without`, `begin*`, which may stand for 5,000 '
        "words. Anything else is plain text. At most 16 words.",
        examples=['camera "metro station" -dog'],
    ),
]


class Listed(Parameters):
    """Filters and presentation that every list has, that of the search included. Different filters mean and; values of
    one mean or.
    """

    collection: ClassVar[str]
    #: Filters that compare for equality: what can be counted.
    FACETS: ClassVar[tuple[str, ...]]
    #: Parameters that choose how a list is shown, not which records are in it.
    PRESENTATION: ClassVar[frozenset[str]] = frozenset(
        {"limit", "cursor", "sort", "fields", "format", "lang", "facets", "facet_limit", "facet_mode"}
    )
    #: Those that only a page has: a format that gives the whole list takes none of them.
    PAGING: ClassVar[tuple[str, ...]] = ("limit", "cursor", "facets", "facet_limit", "facet_mode")

    q: SearchText | None = None
    topic: Annotated[tuple[TopicId, ...], _any_of("Filed under this topic or a narrower one.")] = ()
    place: Annotated[tuple[PlaceId, ...], _any_of("At this place or at one that lies in it.")] = ()
    source: Annotated[tuple[SourceId, ...], _any_of("Citing this source.")] = ()
    updated_since: Annotated[
        Moment | None,
        Field(description="Changed at or after this: a day, or a moment with its offset from UTC (RFC 3339)."),
    ] = None
    facets: Annotated[
        tuple[str, ...],
        BeforeValidator(_split),
        Field(description="Count the values of these fields over the whole filtered list, separated by commas."),
    ] = ()
    facet_limit: Annotated[
        int,
        Field(ge=1, le=200, description="Values counted of each facet; years and months are all shown."),
        BeforeValidator(whole_number),
    ] = 20
    facet_mode: Annotated[
        Literal["list", "others"],
        Field(description="list: count what the list shows; others: count each facet as if it were not filtered by."),
    ] = "list"
    limit: Annotated[int, Field(ge=1, le=200, description="Records on a page."), BeforeValidator(whole_number)] = 20
    cursor: Annotated[
        str | None,
        Field(
            pattern=rf"^[A-Za-z0-9_-]{{1,{CURSOR_LENGTH}}}$",
            description="Where the page begins. Comes with the `links` of another page of the same list.",
        ),
    ] = None

    def filters(self) -> dict[str, Any]:
        """Return the filters that are set. Values of one filter are sorted: their order means nothing."""
        return self._filters

    @cached_property
    def _filters(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, default in _filters_of(type(self)).items():
            if name in self.model_fields_set and (value := getattr(self, name)) not in (None, default):
                found[name] = sorted(value) if isinstance(value, tuple) else value
        return found

    @model_validator(mode="after")
    def _query_is_short(self) -> Self:
        if self.q is not None:
            parse_query(self.q)
        return self


@cache
def _filters_of(model: type[Listed]) -> dict[str, Any]:
    """Return the filters of a list, and what each is where it is not given."""
    fields = model.model_fields
    return {name: field.default for name, field in fields.items() if name not in model.PRESENTATION}


class Criteria(Listed, RecordView):
    """What a collection may be asked for."""

    sort: str = "id"
    format: Annotated[Literal["json", "csv", "ndjson"] | None, _FORMAT] = None

    @cached_property
    def fingerprint(self) -> str:
        """A digest of all that a cursor into this list depends on."""
        return fingerprint(self.collection, self.filters(), self.sort)

    @model_validator(mode="before")
    @classmethod
    def _best_first(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {**given, "sort": RELEVANCE} if "q" in given and "sort" not in given else given

    @model_validator(mode="after")
    def _relevance_of_words(self) -> Self:
        if self.sort == RELEVANCE and self.q is None:
            raise PydanticCustomError("relevance", "must not be relevance without q", {"parameter": "sort"})
        return self


class SearchCriteria(Listed):
    """What may be asked across collections."""

    collection = "search"
    FACETS = ("topic", "place", "source")

    q: SearchText
    among: Annotated[
        tuple[CollectionName, ...],
        _any_of("Only records of this collection."),
        Field(alias="collection"),
    ] = ()

    @cached_property
    def fingerprint(self) -> str:
        """A digest of all that a cursor into these hits depends on."""
        return fingerprint(self.collection, self.filters())


class SuggestCriteria(Parameters):
    """What a search box may ask: the beginning of a word or of several."""

    q: Annotated[
        str,
        Field(
            max_length=QUERY_LENGTH,
            pattern=r"^[^\x00-\x1f\x7f]+$",
            description="What was typed so far.",
            examples=["mosc"],
        ),
    ]
    among: Annotated[
        tuple[CollectionName, ...],
        _any_of("Only names of this collection."),
        Field(alias="collection"),
    ] = ()
    limit: Annotated[int, Field(ge=1, le=50, description="Completions at most."), BeforeValidator(whole_number)] = 10


class ChangeCriteria(Parameters):
    """Which part of the change log is shown, and how."""

    since: Annotated[
        Moment | None,
        Field(description="At or after this: a day, or a moment with its offset from UTC (RFC 3339)."),
    ] = None
    erase: Annotated[
        Truth | None,
        Field(
            description="true: only changes after which copies of earlier versions must be erased; false: the others."
        ),
    ] = None
    limit: Annotated[int, Field(ge=1, le=200, description="Changes on a page."), BeforeValidator(whole_number)] = 20
    cursor: Annotated[
        str | None,
        Field(
            pattern=rf"^[A-Za-z0-9_-]{{1,{CURSOR_LENGTH}}}$",
            description="Where the page begins: `meta.cursor` of an earlier page, also of long ago.",
        ),
    ] = None
    format: Annotated[
        Literal["json", "atom"] | None,
        Field(description="json: oldest first, for mirrors; atom: a feed, newest first, for people. Before Accept."),
    ] = None


class TranscriptView(Parameters):
    """How a transcript is shown."""

    format: Annotated[
        Literal["json", "vtt", "text"] | None,
        Field(description="json, vtt: WebVTT, for players; text: to read. Before Accept."),
    ] = None


_SORT = Field(
    description="Order of the list; a leading - reverses it. Records with an unknown date come last either way. "
    "relevance, the default with q, goes only with it."
)

SourceSort = Literal[
    "id", "-id", "title", "-title", "published", "-published", "updated_at", "-updated_at", "relevance"
]
AgentSort = Literal["id", "-id", "label", "-label", "updated_at", "-updated_at", "relevance"]
PlaceSort = Literal["id", "-id", "name", "-name", "updated_at", "-updated_at", "relevance"]
TopicSort = Literal["id", "-id", "label", "-label", "updated_at", "-updated_at", "relevance"]
EventSort = Literal["date", "-date", "id", "-id", "title", "-title", "updated_at", "-updated_at", "relevance"]
TestimonySort = Literal["id", "-id", "title", "-title", "given", "-given", "updated_at", "-updated_at", "relevance"]
StatisticSort = Literal[
    "id", "-id", "title", "-title", "stated_on", "-stated_on", "updated_at", "-updated_at", "relevance"
]
ResponseSort = Literal["id", "-id", "date", "-date", "updated_at", "-updated_at", "relevance"]


# --- One model a collection -------------------------------------------------------------------------------------------


class TestimonyCriteria(Criteria):
    """Filters of testimonies."""

    __test__ = False  # the name reads like a test class to pytest
    collection = "testimonies"
    record = "testimony"
    FACETS = ("topic", "place", "source", "witness", "event", "language", "reported_by", "attribution")

    witness: Annotated[tuple[AgentId, ...], _any_of("Given by this witness.")] = ()
    event: Annotated[tuple[EventId, ...], _any_of("About this event.")] = ()
    language: Annotated[tuple[LanguageTag, ...], _any_of("In this language, as tagged (BCP 47).")] = ()
    reported_by: Annotated[tuple[AgentId, ...], _any_of("Reported by this agent.")] = ()
    attribution: Annotated[tuple[Attribution, ...], _any_of("Attributed to the witness in this way.")] = ()
    sort: Annotated[TestimonySort, _SORT] = "id"


class EventCriteria(Criteria):
    """Filters of events."""

    collection = "events"
    record = "event"
    FACETS = ("topic", "place", "source", "type", "participant", "act", "country", "undated", "year", "month")

    type: Annotated[tuple[EventType, ...], _any_of("Of this type.")] = ()
    participant: Annotated[tuple[AgentId, ...], _any_of("With this agent among its participants.")] = ()
    act: Annotated[tuple[Words, ...], _any_of("With an act of this type.")] = ()
    country: Annotated[tuple[CountryCode, ...], _any_of("In this country (ISO 3166-1 alpha-2).")] = ()
    bbox: Annotated[
        Box | None,
        Field(
            description="At a place whose point lies in this box: west,south,east,north in degrees (WGS 84). "
            "A west greater than east crosses the antimeridian.",
            examples=[[36.8, 55.1, 38.2, 56.1]],
        ),
    ] = None
    date_from: Annotated[Day | None, Field(description="On or after this day. Leaves undated events out.")] = None
    date_to: Annotated[Day | None, Field(description="On or before this day. Leaves undated events out.")] = None
    date_match: Annotated[
        Literal["possible", "certain"],
        Field(
            description="possible: it may have happened between these days; certain: it did, whatever the exact day."
        ),
    ] = "possible"
    undated: Annotated[Truth | None, Field(description="true: only undated events; false: only dated ones.")] = None
    sort: Annotated[EventSort, _SORT] = "date"
    format: Annotated[Literal["json", "csv", "ndjson", "geojson"] | None, _FORMAT] = None  # type: ignore[assignment]

    @model_validator(mode="after")
    def _days_in_order(self) -> Self:
        if self.date_from and self.date_to and self.date_from > self.date_to:
            raise PydanticCustomError("order", "must not lie before date_from", {"parameter": "date_to"})
        return self


class StatisticCriteria(Criteria):
    """Filters of statistics."""

    collection = "statistics"
    record = "statistic"
    FACETS = ("topic", "place", "source", "unit", "qualifier", "asserted_by", "reported_by", "relative_to")

    unit: Annotated[tuple[Words, ...], _any_of("Counted in this unit.")] = ()
    qualifier: Annotated[tuple[Qualifier, ...], _any_of("Stated with this qualifier.")] = ()
    asserted_by: Annotated[tuple[AgentId, ...], _any_of("Asserted by this agent.")] = ()
    reported_by: Annotated[tuple[AgentId, ...], _any_of("Reported by this agent.")] = ()
    value_min: Annotated[Number | None, Field(description="The stated range reaches this value or more.")] = None
    value_max: Annotated[Number | None, Field(description="The stated range reaches this value or less.")] = None
    value_match: Annotated[
        Literal["possible", "certain"],
        Field(
            description="possible: the stated range overlaps these values; certain: it lies between them, "
            "whatever the exact figure."
        ),
    ] = "possible"
    relative_to: Annotated[tuple[StatisticId, ...], _any_of("Stated as a part of this statistic.")] = ()
    sort: Annotated[StatisticSort, _SORT] = "id"

    @model_validator(mode="after")
    def _values_in_order(self) -> Self:
        if self.value_min is not None and self.value_max is not None and self.value_min > self.value_max:
            raise PydanticCustomError("order", "must not be less than value_min", {"parameter": "value_max"})
        return self


class ResponseCriteria(Criteria):
    """Filters of responses."""

    collection = "responses"
    record = "response"
    FACETS = ("topic", "place", "source", "party", "kind", "about")

    party: Annotated[tuple[AgentId, ...], _any_of("By this party.")] = ()
    kind: Annotated[tuple[ResponseKind, ...], _any_of("Of this kind.")] = ()
    about: Annotated[tuple[SubjectId, ...], _any_of("About this event, testimony, statistic or agent.")] = ()
    sort: Annotated[ResponseSort, _SORT] = "id"


class SourceCriteria(Criteria):
    """Filters of sources."""

    collection = "sources"
    record = "source"
    FACETS = ("topic", "place", "source", "type", "language", "publisher")

    source: Annotated[tuple[SourceId, ...], _any_of("This source itself.")] = ()
    type: Annotated[tuple[SourceType, ...], _any_of("Of this type.")] = ()
    language: Annotated[tuple[LanguageTag, ...], _any_of("In this language, as tagged (BCP 47).")] = ()
    publisher: Annotated[tuple[AgentId, ...], _any_of("Published by this agent.")] = ()
    sort: Annotated[SourceSort, _SORT] = "id"


class AgentCriteria(Criteria):
    """Filters of agents."""

    collection = "agents"
    record = "agent"
    FACETS = ("topic", "place", "source", "kind")

    kind: Annotated[tuple[AgentKind, ...], _any_of("Of this kind.")] = ()
    sort: Annotated[AgentSort, _SORT] = "id"


class PlaceCriteria(Criteria):
    """Filters of places."""

    collection = "places"
    record = "place"
    FACETS = ("topic", "place", "source", "kind", "country")

    place: Annotated[tuple[PlaceId, ...], _any_of("This place itself or one that lies in it.")] = ()
    kind: Annotated[tuple[PlaceKind, ...], _any_of("Of this kind.")] = ()
    country: Annotated[tuple[CountryCode, ...], _any_of("In this country (ISO 3166-1 alpha-2).")] = ()
    sort: Annotated[PlaceSort, _SORT] = "id"
    format: Annotated[Literal["json", "csv", "ndjson", "geojson"] | None, _FORMAT] = None  # type: ignore[assignment]


class TopicCriteria(Criteria):
    """Filters of topics."""

    collection = "topics"
    record = "topic"
    FACETS = ("topic", "place", "source", "broader")

    topic: Annotated[tuple[TopicId, ...], _any_of("This topic itself or a narrower one.")] = ()
    broader: Annotated[tuple[TopicId, ...], _any_of("Directly below this topic.")] = ()
    sort: Annotated[TopicSort, _SORT] = "id"


#: The criteria of each collection, in the order in which collections are listed.
CRITERIA: dict[str, type[Criteria]] = {
    model.collection: model
    for model in (
        TestimonyCriteria,
        EventCriteria,
        StatisticCriteria,
        ResponseCriteria,
        SourceCriteria,
        AgentCriteria,
        PlaceCriteria,
        TopicCriteria,
    )
}


@cache
def document_fields(record: RecordType) -> tuple[str, ...]:
    """Return the top-level keys of a record type's document, sorted."""
    return tuple(sorted(DOCUMENTS[record].__annotations__))


def sort_choices(model: type[Criteria]) -> tuple[str, ...]:
    """Return the sorts that a collection offers."""
    return get_args(model.model_fields["sort"].annotation)


# --- Reading ----------------------------------------------------------------------------------------------------------

AnyParameters = TypeVar("AnyParameters", bound=Parameters)


@cache
def parameter_schemas(model: type[Parameters]) -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each parameter of a collection, null left out: a parameter is given or it is not."""
    schemas = model.model_json_schema(by_alias=True).get("properties", {})
    for name, schema in schemas.items():
        options = [option for option in schema.pop("anyOf", ()) if option != {"type": "null"}]
        for option in options:
            schema.update(option)
        schema.pop("title", None)
        if schema.get("default", "") in (None, []):
            del schema["default"]
        if name == "fields" and issubclass(model, RecordView):
            schema["items"] = {"type": "string", "enum": list(document_fields(model.record))}
            schema["minItems"] = 1
        if name == "facets" and issubclass(model, Listed):
            schema["items"] = {"type": "string", "enum": list(model.FACETS)}
            schema |= {"minItems": 1, "uniqueItems": True}
    return dict(schemas)


@cache
def _several(model: type[Parameters]) -> frozenset[str]:
    """Return the parameters that may be given more than once."""
    return frozenset(name for name, schema in parameter_schemas(model).items() if schema.get("type") == "array")


def read_criteria(model: type[AnyParameters], pairs: Sequence[tuple[str, str]]) -> AnyParameters:
    """Return what is asked of a collection. Raises InvalidParameters, which names every parameter that is wrong.

    `pairs` are names and values in the order given; a name given again adds a value where several may be given.
    """
    return _read_again(model, tuple(pairs))  # type: ignore[return-value]


@lru_cache(256)
def _read_again(model: type[Parameters], pairs: tuple[tuple[str, str], ...]) -> Parameters:
    return _read(model, pairs)


def _read(  # noqa: PLR0912 - one branch for each thing that can be wrong
    model: type[AnyParameters], pairs: Sequence[tuple[str, str]]
) -> AnyParameters:
    """Return what is asked, read anew."""
    if len(pairs) > MAX_PARAMETERS:
        raise InvalidParameters(f"{len(pairs)} parameters are more than the {MAX_PARAMETERS} that are read")
    given: dict[str, Any] = {}
    errors: dict[str, ParameterError] = {}
    known_names, several = parameter_schemas(model), _several(model)
    for name, value in pairs:
        if name not in known_names:
            errors[name] = _unknown(name, tuple(known_names))
        elif name in several:
            given.setdefault(name, []).append(value)
        elif name in given:
            errors[name] = ParameterError(name, "is given more than once; it takes one value")
        else:
            given[name] = value
    try:
        criteria = model.model_validate(given)
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False):
            refused = _refused(model, error)
            errors.setdefault(refused.parameter, refused)
    else:
        if isinstance(criteria, RecordView) and criteria.fields:
            known = document_fields(criteria.record)
            if unknown := [name for name in criteria.fields if name not in known]:
                errors["fields"] = ParameterError("fields", f"{_echo(unknown[0])} is no key of these records", known)
        if isinstance(criteria, Listed) and (unknown := [n for n in criteria.facets if n not in model.FACETS]):  # type: ignore[attr-defined]
            errors["facets"] = ParameterError("facets", f"{_echo(unknown[0])} cannot be counted here", criteria.FACETS)
        if not errors:
            return criteria
    raise invalid_parameters(errors.values())


def invalid_parameters(errors: Iterable[ParameterError]) -> InvalidParameters:
    """Return the problem that names every parameter that cannot be used."""
    errors = tuple(errors)
    first = f"{errors[0].parameter}: {errors[0].message}"
    return InvalidParameters(first if len(errors) == 1 else f"{first}; and {len(errors) - 1} more", errors=errors)


def _echo(value: str) -> str:
    """Return a refused value for a message: quoted, control characters escaped, shortened."""
    shown = value if len(value) <= ECHO_LENGTH else value[:ECHO_LENGTH] + "…"
    return repr(shown)


def _unknown(name: str, names: tuple[str, ...]) -> ParameterError:
    nearest = difflib.get_close_matches(name[:ECHO_LENGTH], names, n=1)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    return ParameterError(name[:ECHO_LENGTH], f"there is no such parameter here{hint}", tuple(sorted(names)))


def _refused(model: type[Parameters], error: ErrorDetails) -> ParameterError:
    """Say what is wrong with a value, and what would be accepted where that can be listed."""
    context = error.get("ctx", {})
    name = str(error["loc"][0]) if error["loc"] else str(context.get("parameter", ""))
    value = error["input"]
    schema = parameter_schemas(model).get(name, {})
    schema = schema.get("items", schema)
    allowed = tuple(str(choice) for choice in schema["enum"]) if "enum" in schema else None
    match error["type"]:
        case "literal_error":
            message = "is not one of the values that exist"
        case "string_pattern_mismatch":
            example = f", such as {schema['examples'][0]}" if "examples" in schema else ""
            message = f"does not have the form {schema['pattern']}{example}"
        case "missing":
            message = "is required here"
        case "string_unicode":
            message = "is not valid Unicode text"
        case "too_long" | "too_short" if isinstance(value, list):
            limits = parameter_schemas(model)[name]
            message = f"takes {limits.get('minItems', 1)} to {limits['maxItems']} values"
        case "string_too_long":
            message = f"is longer than {context['max_length']} characters"
        case "string_too_short":
            message = "is empty"
        case "greater_than_equal" | "less_than_equal":
            message = f"must lie between {schema['minimum']} and {schema['maximum']}"
        case _:
            message = error["msg"]
    shown = f"{_echo(value)} {message}" if isinstance(value, str) and "must" not in message else message
    return ParameterError(name, shown, allowed)
