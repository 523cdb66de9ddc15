"""What may be asked of each collection: filters, sort, limit, fields. Typed and validated; knows no SQL and no HTTP.

The criteria of a collection follow from the fields of its records and their marks: requests are validated with them,
queries are built from them, and the API description is generated from them.
"""

from functools import cached_property, lru_cache
from typing import Annotated, Any, ClassVar, Literal, Self, cast, get_args

from pydantic import BeforeValidator, Field, create_model, field_validator, model_validator
from pydantic_core import PydanticCustomError

from service.archive.fields import ArchiveFields, Filter, FormatField, RecordFields
from service.archive.identifiers import PREFIXES, RecordType
from service.archive.marks import IsLanguage
from service.catalogue.cursor import CURSOR_LENGTH, fingerprint
from service.catalogue.hints import hint_for_code
from service.catalogue.parameters import (
    OR_NULL,
    Box,
    FirstDay,
    LastDay,
    Moment,
    Number,
    Parameters,
    Truth,
    any_of,
    split_at_commas,
    whole_number,
)
from service.catalogue.words import QUERY_LENGTH, parse_query
from service.release.documents import record_shape

#: The order of best matches first: of lists with `q` only.
RELEVANCE = "relevance"
#: Includes what a record relates to and what relates to it.
RELATED = "related"
#: Puts the transcript of a testimony beside it.
TRANSCRIPT = "transcript"


# --- Values -----------------------------------------------------------------------------------------------------------

# Control characters are refused: no record holds them, and a NUL ends a string early in some readers.
Words = Annotated[str, Field(max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]
LanguageTag = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$", examples=["en"])]
# A basic language range (RFC 4647, section 2.1).
LanguageRange = Annotated[
    str, Field(pattern=r"^(\*|[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,7})$", max_length=64, examples=["de"])
]
#: An identifier of each type, for examples.
_EXAMPLES: dict[RecordType, str] = {
    "source": "src-001",
    "agent": "agt-reuters",
    "place": "plc-moscow",
    "topic": "top-privacy",
    "event": "evt-001",
    "testimony": "tes-001",
    "statistic": "sta-002",
    "response": "rsp-001",
}


@lru_cache(512)
def identifier(*types: RecordType) -> Any:  # noqa: ANN401 - as Pydantic's own Field
    """Describe a parameter that names a record of one of these types."""
    prefixes = "|".join(PREFIXES[each] for each in types)
    pattern = rf"^({prefixes})-[a-z0-9-]{{1,60}}$" if len(types) > 1 else rf"^{prefixes}-[a-z0-9-]{{1,60}}$"
    return Field(pattern=pattern, examples=[_EXAMPLES[types[0]]])


TopicId = Annotated[str, identifier("topic")]
PlaceId = Annotated[str, identifier("place")]
SourceId = Annotated[str, identifier("source")]


CollectionName = Literal["testimonies", "events", "statistics", "responses", "sources", "agents", "places", "topics"]
CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$", examples=["RU"])]


# --- What every collection may be asked for -------------------------------------------------------------------------


_FIELDS = (
    "Keep only these top-level keys of each record, separated by commas. With a - before it, a key is left out: "
    "-citations. `id` cannot be left out."
)


_INCLUDE = (
    "Answer with these records as well, under `included`, each once: those that a field names (witness), all of a collection "
    "that are named or that name what is shown (sources, responses) or a part of an event, or those that it relates to "
    "and, of a testimony, those told of the same events (related); of one testimony also its transcript. Separated by commas; 1,000 records at most, `included_total` says how many there are."
)


class InLanguage(Parameters):
    """In which language texts are shown."""

    lang: Annotated[
        LanguageRange | None,
        Field(
            description="Show texts in this language where there is a translation, or in a wider form of it (de for "
            "de-AT); * for the original. Instead of Accept-Language, and before it."
        ),
    ] = None

    @field_validator("lang")
    @classmethod
    def _is_a_tag(cls, lang: str | None) -> str | None:
        """Refuse the name of a language: it has the form of a tag, and would change nothing without a word."""
        hint = None if lang is None else hint_for_code("lang", lang)
        if hint is not None:
            raise PydanticCustomError("language", "must be a language tag (BCP 47); {hint}", {"hint": hint})
        return lang


class RecordView(InLanguage):
    """How one record is shown."""

    record: ClassVar[RecordType]
    #: The top-level keys of the record's document, sorted.
    KEYS: ClassVar[tuple[str, ...]]
    #: What can be included.
    INCLUDABLE: ClassVar[tuple[str, ...]]

    fields: Annotated[tuple[str, ...], BeforeValidator(split_at_commas), Field(description=_FIELDS)] = ()
    include: Annotated[tuple[str, ...], BeforeValidator(split_at_commas), Field(description=_INCLUDE)] = ()

    @classmethod
    def choices(cls) -> dict[str, tuple[str, ...]]:
        return super().choices() | {
            "fields": (*cls.KEYS, *(f"-{key}" for key in cls.KEYS)),
            "include": cls.INCLUDABLE,
        }

    def settled(self) -> Self:
        """Return the view with the keys that it shows: those named, or all where only some to leave out are named."""
        if not self.fields:
            return self
        # A record without `id` can be neither asked for again nor cited.
        left_out = {key[1:] for key in self.fields if key.startswith("-")} - {"id"}
        named = [key for key in self.fields if not key.startswith("-")] or self.KEYS
        kept = tuple(key for key in dict.fromkeys(named) if key not in left_out)
        return self.model_copy(update={"fields": kept or ("id",)})


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
        "words. Anything else is plain text. At most 16 words, "
        "for which four characters of scripts like Chinese and Korean count as one.",
        examples=['camera "metro station" -dog'],
    ),
]


_Topics = Annotated[tuple[TopicId, ...], any_of("Filed under this topic or a narrower one.")]
_Places = Annotated[tuple[PlaceId, ...], any_of("At this place or at one that lies in it.")]
_Sources = Annotated[tuple[SourceId, ...], any_of("Citing this source.")]
_RefersTo = Annotated[
    tuple[Annotated[str, identifier(*PREFIXES)], ...],
    any_of("Naming this record, in whatever role: `links.referred_by` of a record leads here."),
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
        {"limit", "cursor", "sort", "fields", "format", "bom", "lang", "facets", "facet_limit", "facet_mode", "include"}
    )
    #: Those that only a page has: a format that gives the whole list takes none of them.
    PAGING: ClassVar[tuple[str, ...]] = ("limit", "cursor", "facets", "facet_limit", "facet_mode", "include")

    q: SearchText | None = None
    topic: _Topics = ()
    place: _Places = ()
    source: _Sources = ()
    updated_since: Annotated[
        Moment | None,
        Field(description="Changed at or after this: a day, or a moment with its offset from UTC (RFC 3339)."),
    ] = None
    facets: Annotated[
        tuple[str, ...],
        BeforeValidator(split_at_commas),
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

    @classmethod
    def choices(cls) -> dict[str, tuple[str, ...]]:
        return super().choices() | {"facets": cls.FACETS}

    @property
    def ranges(self) -> tuple[str, ...]:
        """The dates and figures that the list can be narrowed by."""
        return ()

    def filters(self) -> dict[str, Any]:
        """Return the filters that are set. Values of one filter are sorted: their order means nothing."""
        return self._filters

    @cached_property
    def _filters(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        filters = _filters_of(type(self))
        # Of those that are given: an archive with many fields of its own has hundreds that are not.
        for name in sorted(self.model_fields_set & filters.keys()):
            if (value := getattr(self, name)) not in (None, filters[name]):
                found[name] = sorted(value) if isinstance(value, tuple) else value
        return found

    @model_validator(mode="after")
    def _query_is_short(self) -> Self:
        if self.q is not None:
            parse_query(self.q)
        return self


@lru_cache(512)
def _filters_of(model: type[Listed]) -> dict[str, Any]:
    """Return the filters of a list, and what each is where it is not given."""
    fields = model.model_fields
    return {name: field.default for name, field in fields.items() if name not in model.PRESENTATION}


#: What the names of bounds end in, after the name of the date or figure.
_ENDS = ("_from", "_to", "_min", "_max")


class Criteria(Listed, RecordView):
    """What a collection may be asked for."""

    #: The dates that the list can be narrowed by, and the figures.
    DATES: ClassVar[tuple[str, ...]]
    FIGURES: ClassVar[tuple[str, ...]]
    #: The orders that the list can be in, the default first, without the descending ones.
    SORTS: ClassVar[tuple[str, ...]]
    #: The name of the criteria of testimonies reads like a test class to pytest.
    __test__: ClassVar[bool] = False
    #: Those in which records may have nothing to be sorted by.
    LACKING: ClassVar[frozenset[str]]

    sort: str = "id"
    format: Annotated[Literal["json", "csv", "ndjson"] | None, _FORMAT] = None
    bom: Annotated[
        Truth,
        Field(description="true: begin a CSV file with a byte order mark, by which Excel knows that it is UTF-8."),
    ] = False

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

    @property
    def ranges(self) -> tuple[str, ...]:
        """The dates and figures that the list can be narrowed by."""
        return (*self.DATES, *self.FIGURES)

    def bounded(self) -> tuple[list[str], list[str]]:
        """Return the dates and the figures for which a bound is given."""
        if not self.DATES and not self.FIGURES:
            return [], []
        given = {name[: -len(end)] for name in self.model_fields_set for end in _ENDS if name.endswith(end)}
        return [name for name in self.DATES if name in given], [name for name in self.FIGURES if name in given]

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        dates, figures = self.bounded()
        for start, end, message in (
            *((f"{name}_from", f"{name}_to", "must not lie before {start}") for name in dates),
            *((f"{name}_min", f"{name}_max", "must not be less than {start}") for name in figures),
        ):
            low, high = getattr(self, start), getattr(self, end)
            if low is not None and high is not None and low > high:
                raise PydanticCustomError("order", message, {"parameter": end, "start": start})
        return self


class SearchCriteria(Listed, InLanguage):
    """What may be asked across collections."""

    collection = "search"
    FACETS = ("topic", "place", "source")

    q: SearchText
    among: Annotated[
        tuple[CollectionName, ...],
        any_of("Only records of this collection."),
        Field(alias="collection"),
    ] = ()

    @cached_property
    def fingerprint(self) -> str:
        """A digest of all that a cursor into these hits depends on."""
        return fingerprint(self.collection, self.filters())


class SuggestCriteria(InLanguage):
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
        any_of("Only names of this collection."),
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
    sort: Annotated[
        Literal["at", "-at"] | None,
        Field(description="at: oldest first, the default of JSON, for mirrors; -at: newest first, that of the feed."),
    ] = None
    format: Annotated[
        Literal["json", "atom"] | None,
        Field(description="json: for mirrors; atom: a feed, for people. Before Accept."),
    ] = None


class QueryAddress(Parameters):
    """What the address of a query may say whose parameters are sent as a body."""

    cursor: Annotated[
        str | None,
        Field(
            pattern=rf"^[A-Za-z0-9_-]{{1,{CURSOR_LENGTH}}}$",
            description="Where the page begins: `links.next` has it. The body is sent again as it was.",
        ),
    ] = None


class TranscriptView(Parameters):
    """How a transcript is shown."""

    format: Annotated[
        Literal["json", "vtt", "text"] | None,
        Field(description="json, vtt: WebVTT, for players; text: to read. Before Accept."),
    ] = None
    lang: Annotated[
        LanguageRange | None,
        Field(
            description="Show each segment in this language where there is a translation of it, or in a wider form of "
            "the language; * for what was said. Instead of Accept-Language, and before it."
        ),
    ] = None


_SORT = Field(
    description="Order of the list; a leading - reverses it. Records with an unknown value come last either way. "
    "relevance, the default with q, goes only with it."
)


# --- The criteria of each collection ------------------------------------------------------------------------------------

#: The collections, in the order in which they are listed.
COLLECTIONS: tuple[str, ...] = get_args(CollectionName)

#: A parameter as Pydantic takes it: its type and default.
_Parameter = tuple[Any, Any]

_ID = "The record with this identifier: several of them are one request."
#: The filters that every list has and that take several values.
_OF_EVERY_LIST: dict[str, _Parameter] = {
    "topic": (_Topics, ()),
    "place": (_Places, ()),
    "source": (_Sources, ()),
    "refers_to": (_RefersTo, ()),
}


def criteria_of(fields: ArchiveFields) -> dict[str, type[Criteria]]:
    """Return the criteria of each collection of an archive, in the order in which collections are listed."""
    return {name: _criteria(fields.collection(name)) for name in COLLECTIONS}


def view_of(record: RecordFields) -> type[RecordView]:
    """Return how one record of a type may be asked to be shown."""
    return _view(record)


@lru_cache(512)
def _view(record: RecordFields) -> type[RecordView]:
    view = create_model(f"{record.model.__name__}View", __base__=RecordView, __module__=__name__)
    view.record, view.KEYS = record.record, document_keys(record)
    # A transcript may be as long as a book: it stands beside one testimony, not beside each of a list.
    has_transcript = record.by_behaviour("transcript") is not None
    view.INCLUDABLE = (*includable(record), *([TRANSCRIPT] if has_transcript else []))
    return view


@lru_cache(512)
def _criteria(record: RecordFields) -> type[Criteria]:
    filters = {each.name: each for each in record.filters}
    parameters: dict[str, _Parameter] = {}
    for by in filters.values():
        # That of every list says it in words of its own: see `Listed`.
        if by.description is not None and (by.name != "source" or record.record == "source"):
            parameters |= _parameters(by, record.record)
    for each in record.fields:
        parameters |= _SPECIAL.get(each.behaviour or "", {})
    parameters["id"] = (Annotated[_several(Annotated[str, identifier(record.record)]), any_of(_ID)], ())
    parameters |= _choosing({**_OF_EVERY_LIST, **parameters})
    signed = [sign + name for name in record.sorts for sign in ("", "-")]
    choices: Any = Literal[(*signed, RELEVANCE)]
    parameters["sort"] = (Annotated[choices, _SORT], record.sorts[0])
    model = create_model(
        f"{record.model.__name__}Criteria",
        __base__=Criteria,
        __module__=__name__,
        __doc__=f"Filters of {record.collection}.",
        **cast("dict[str, Any]", parameters),
    )
    model.collection, model.record, model.KEYS = record.collection, record.record, document_keys(record)
    model.INCLUDABLE = includable(record)
    model.DATES = tuple(name.removesuffix("_from") for name in parameters if name.endswith("_from"))
    model.FIGURES = tuple(name.removesuffix("_min") for name in parameters if name.endswith("_min"))
    counted = [name for name, each in filters.items() if each.is_counted and each.field.kind not in ("date", "number")]
    special = [name for each in record.fields for name in _COUNTED.get(each.behaviour or "", ())]
    model.FACETS = tuple(dict.fromkeys(("topic", "place", "source", *counted, *special)))
    model.SORTS = record.sorts
    model.LACKING = frozenset(name for name in record.sorts if record.may_lack(name))
    return model


def _choosing(parameters: dict[str, _Parameter]) -> dict[str, _Parameter]:
    """Return the filters that take several values, each taking `null` as well, and beside each the one that excludes."""
    made: dict[str, _Parameter] = {}
    for name, (annotation, default) in parameters.items():
        if default != ():
            continue  # it takes one value
        several, described = get_args(annotation)
        value, meaning = get_args(several)[0], described.description or ""
        if name not in ("id", "refers_to"):
            value, meaning = Annotated[value, OR_NULL], f"{meaning} null: stating none.".strip()
        made[name] = (Annotated[_several(value), any_of(meaning)], ())
        made[f"{name}!"] = (Annotated[_several(value), any_of(f"Leaves out: {meaning}")], ())
    return made


def _parameters(by: Filter, record: RecordType) -> dict[str, _Parameter]:
    """Return the parameters of a filter, by the kind of its field."""
    described = by.description or ""
    if by.field.kind == "date":
        return _days(by.name, described)
    if by.field.kind == "number":
        return _bounds(by.name, f"{described} This value or more.", f"{described} This value or less.")
    if by.field.kind == "truth":
        return {by.name: (Annotated[Truth | None, Field(description=described)], None)}
    return {by.name: (Annotated[_several(_value_of(by.field, record)), any_of(described)], ())}


def _several(value: Any) -> Any:  # noqa: ANN401 - the type of a parameter
    return tuple[value, ...]


def _value_of(each: FormatField, record: RecordType) -> Any:  # noqa: ANN401 - the type of a parameter
    if each.types:
        return Annotated[str, identifier(*each.types)]
    if each.kind == "term":
        return each.annotation
    if each.name == "id":
        return Annotated[str, identifier(record)]
    return LanguageTag if each.mark(IsLanguage) is not None else Words


#: A date or a figure is asked for by bounds; by its own name, only whether there is one.
_NOT_STATED: _Parameter = (Annotated[tuple[Literal["null"], ...], any_of("")], ())


def _days(name: str, described: str = "") -> dict[str, _Parameter]:
    after = "On or after this day, or the first day of this month or year. Leaves records without a date out."
    before = "On or before this day, or the last day of this month or year. Leaves records without a date out."
    match = "possible: it may lie between these days; certain: it does, whatever the exact day."
    return {
        name: _NOT_STATED,
        f"{name}_from": (Annotated[FirstDay | None, Field(description=f"{described} {after}".strip())], None),
        f"{name}_to": (Annotated[LastDay | None, Field(description=f"{described} {before}".strip())], None),
        f"{name}_match": (Annotated[Literal["possible", "certain"], Field(description=match)], "possible"),
    }


def _bounds(name: str, least: str, most: str) -> dict[str, _Parameter]:
    match = (
        "possible: the stated range overlaps these values; certain: it lies between them, whatever the exact figure."
    )
    return {
        name: _NOT_STATED,
        f"{name}_min": (Annotated[Number | None, Field(description=least)], None),
        f"{name}_max": (Annotated[Number | None, Field(description=most)], None),
        f"{name}_match": (Annotated[Literal["possible", "certain"], Field(description=match)], "possible"),
    }


_COUNTRY: dict[str, _Parameter] = {
    "country": (Annotated[tuple[CountryCode, ...], any_of("In this country (ISO 3166-1 alpha-2).")], ())
}
_ON_MAPS: dict[str, _Parameter] = {
    "format": (Annotated[Literal["json", "csv", "ndjson", "geojson"] | None, _FORMAT], None)
}
_BOX: dict[str, _Parameter] = {
    "bbox": (
        Annotated[
            Box | None,
            Field(
                description="At a place whose point lies in this box, the event's own or one that is claimed: west,south,east,north in degrees (WGS 84). "
                "A west greater than east crosses the antimeridian.",
                examples=[[36.8, 55.1, 38.2, 56.1]],
            ),
        ],
        None,
    )
}
_UNDATED: dict[str, _Parameter] = {
    "undated": (Annotated[Truth | None, Field(description="true: only undated events; false: only dated ones.")], None)
}
_PLACE_MATCH: dict[str, _Parameter] = {
    "place_match": (
        Annotated[
            Literal["possible", "certain"],
            Field(
                description="possible: the event's own place, or one that somebody claims, is or lies in `place`, `country` and "
                "`bbox`; certain: its own does, and so does every place that is claimed."
            ),
        ],
        "possible",
    )
}
_DISPUTED: dict[str, _Parameter] = {
    "disputed": (
        Annotated[
            Truth | None,
            Field(
                description="true: only events about which claims or figures cannot all be true, or that a record disputes, or "
                "of which one account disputes another; false: only the others."
            ),
        ],
        None,
    )
}
_CURRENT: dict[str, _Parameter] = {
    "current": (
        Annotated[
            Truth | None,
            Field(description="true: only figures that no other one revises; false: only those that one does."),
        ],
        None,
    )
}
#: The parameters of fields that something is special about, by the name of their behaviour.
_SPECIAL: dict[str, dict[str, _Parameter]] = {
    "claims": _DISPUTED | _PLACE_MATCH,
    "revisions": _CURRENT,
    "event_date": _days("date") | _UNDATED,
    "event_place": _COUNTRY | _BOX | _ON_MAPS,
    "country": _COUNTRY | _ON_MAPS,
    "stated_range": _bounds(
        "value", "The stated range reaches this value or more.", "The stated range reaches this value or less."
    ),
}
#: What is counted of them.
_COUNTED: dict[str, tuple[str, ...]] = {
    "event_date": ("undated", "year", "month"),
    "event_place": ("country",),
    "country": ("country",),
    "claims": ("disputed",),
    "revisions": ("current",),
}


def includable(record: RecordFields) -> tuple[str, ...]:
    """Return what can be included with records of a type: the collections, fields of theirs that name records, and `related`."""
    fields = [each.name for each in record.fields if each.kind == "reference" and each.is_shown]
    has_relations = any(each.name == "relations" for each in record.fields)
    return tuple(dict.fromkeys([*COLLECTIONS, *fields, *([RELATED] if has_relations else [])]))


def sort_choices(model: type[Criteria]) -> tuple[str, ...]:
    """Return the sorts that a collection offers, the descending ones and that by relevance included."""
    return (*(sign + name for name in model.SORTS for sign in ("", "-")), RELEVANCE)


@lru_cache(512)
def document_keys(record: RecordFields) -> tuple[str, ...]:
    """Return the top-level keys of a record type's document, sorted."""
    return tuple(sorted(record_shape(record).__annotations__))
