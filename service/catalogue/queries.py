"""From criteria to SQL. Builds statements and their binds; never executes, and knows no HTTP.

A list is read in one of two ways, which give the same records. A *walk* follows the sort order from the cursor and keeps
what matches: best where much matches. A *gathering* takes the records of the rarest filter and sorts them: best where
little does. `browsing.py` chooses by the number of matches, which it has to know anyway.

Statements are compiled once for each shape of question (which filters, how many values), not once a request.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Select,
    asc,
    bindparam,
    desc,
    func,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects import sqlite

from service.catalogue.criteria import Criteria, EventCriteria, Listed, StatisticCriteria
from service.release.indexing import DATED_SORTS
from service.release.tables import (
    UNBOUNDED_EARLY,
    UNBOUNDED_LATE,
    EventDate,
    EventPoint,
    FilterRow,
    RecordRow,
    SortRow,
    StatisticRange,
    TermRow,
    position,
    posting,
    table_of,
)

Binds = tuple[Any, ...]
#: A statement for SQLite with `?` for its binds, and the binds.
Statement = tuple[str, Binds]
#: A statement before it is compiled.
AnySelect = Select[*tuple[Any, ...]]

_date, _point, _range = (table_of(model).c for model in (EventDate, EventPoint, StatisticRange))
_filter, _record, _sort, _term = (table_of(model).c for model in (FilterRow, RecordRow, SortRow, TermRow))

# SQLAlchemy writes an offset beside every limit for SQLite; one that is spelled out needs no bind.
_NO_OFFSET: ColumnElement[int] = literal_column("0")


# --- Conditions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Terms:
    """The records that any of these terms finds. `terms` are ids of `term` rows."""

    terms: tuple[int, ...]
    table: ClassVar[str] = "posting"

    @property
    def shape(self) -> tuple[Any, ...]:
        return ("terms", len(self.terms))

    @property
    def binds(self) -> Binds:
        return self.terms


@dataclass(frozen=True, slots=True)
class Days:
    """Events that may lie between two days, or that do for sure; a missing day leaves that side open."""

    start: str | None
    end: str | None
    match: Literal["possible", "certain"]

    @property
    def shape(self) -> tuple[Any, ...]:
        return ("days", self.match, self.start is not None, self.end is not None)

    @property
    def binds(self) -> Binds:
        return tuple(day for day in (self.start, self.end) if day is not None)


@dataclass(frozen=True, slots=True)
class Box:
    """Events whose point lies in a box, in degrees; west greater than east crosses the antimeridian."""

    west: float
    south: float
    east: float
    north: float

    @property
    def shape(self) -> tuple[Any, ...]:
        return ("box", self.west <= self.east)

    @property
    def binds(self) -> Binds:
        return (self.south, self.north, self.west, self.east)


@dataclass(frozen=True, slots=True)
class Range:
    """Statistics whose stated range overlaps low to high, both inclusive; a missing end is open."""

    low: float | None
    high: float | None

    @property
    def shape(self) -> tuple[Any, ...]:
        return ("range", self.low is not None, self.high is not None)

    @property
    def binds(self) -> Binds:
        return tuple(end for end in (self.low, self.high) if end is not None)


@dataclass(frozen=True, slots=True)
class Since:
    """Records of a collection that changed at or after a moment. `sort` is the id of its order by `updated_at`."""

    sort: int
    moment: str

    @property
    def shape(self) -> tuple[Any, ...]:
        return ("since",)

    @property
    def binds(self) -> Binds:
        return (self.sort, self.moment)


Condition = Terms | Days | Box | Range | Since


def term_filters(criteria: Listed) -> dict[str, list[str]]:
    """Return the filters that compare for equality, with their values as they stand in `term`."""
    values: dict[str, list[str]] = {}
    for name, value in criteria.filters().items():
        if isinstance(value, bool):
            values[name] = [str(value).lower()]
        elif isinstance(value, list) and name not in ("bbox", "among"):
            values[name] = list(dict.fromkeys(value))
    return values


def span_conditions(criteria: Criteria, *, sorts: dict[str, int]) -> list[Condition]:
    """Return the conditions of a list that are no terms. `sorts` are the ids of the collection's sort orders."""
    conditions: list[Condition] = []
    if criteria.updated_since is not None:
        conditions.append(Since(sorts["updated_at"], criteria.updated_since))
    if isinstance(criteria, EventCriteria):
        if criteria.date_from is not None or criteria.date_to is not None:
            conditions.append(Days(criteria.date_from, criteria.date_to, criteria.date_match))
        if criteria.bbox is not None:
            conditions.append(Box(*criteria.bbox))
    if isinstance(criteria, StatisticCriteria) and (criteria.value_min, criteria.value_max) != (None, None):
        conditions.append(Range(criteria.value_min, criteria.value_max))
    return conditions


# --- Clauses --------------------------------------------------------------------------------------------------------


class _Binder:
    """Names binds in the order in which conditions give them, for statements that use them in another."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> BindParameter[Any]:
        self.count += 1
        return bindparam(f"b{self.count - 1}")


def _matching(shape: tuple[Any, ...], bind: _Binder) -> tuple[Column[Any], list[ColumnElement[bool]]]:
    """Return the ordinal column of the table that a condition of this shape reads, and its clauses on that table."""
    match shape:
        case ("terms", number):
            return posting.c.ordinal, [posting.c.term.in_([bind() for _ in range(number)])]
        case ("days", "possible", has_start, has_end):
            return _date.ordinal, [
                *([_date.latest >= bind()] if has_start else []),
                *([_date.earliest <= bind()] if has_end else []),
            ]
        case ("days", "certain", has_start, has_end):
            # A side that is not asked about may be unbounded; one that is asked about may not.
            return _date.ordinal, [
                *([_date.earliest >= bind()] if has_start else []),
                *([_date.latest <= bind()] if has_end else []),
                *([_date.earliest > literal_column(f"'{UNBOUNDED_EARLY}'")] if has_start else []),
                *([_date.latest < literal_column(f"'{UNBOUNDED_LATE}'")] if has_end else []),
            ]
        case ("box", one_piece):
            latitude, longitude = _point.latitude, _point.longitude
            north_south = [latitude >= bind(), latitude <= bind()]
            after_west, before_east = longitude >= bind(), longitude <= bind()
            return _point.ordinal, [
                *north_south,
                (after_west & before_east) if one_piece else (after_west | before_east),
            ]
        case ("range", has_low, has_high):
            return _range.ordinal, [
                *([_range.high >= bind()] if has_low else []),
                *([_range.low <= bind()] if has_high else []),
            ]
        case ("since",):
            changed = position.alias("changed")
            return changed.c.ordinal, [changed.c.sort == bind(), changed.c.key >= bind()]
    raise AssertionError(shape)


def _holds(ordinal: ColumnElement[Any], shape: tuple[Any, ...], bind: _Binder) -> ColumnElement[bool]:
    """Return a clause: the record with this ordinal meets the condition."""
    own, clauses = _matching(shape, bind)
    return select(literal_column("1")).where(own == ordinal, *clauses).correlate_except(own.table).exists()


def _ordinals(shape: tuple[Any, ...], bind: _Binder) -> AnySelect:
    """Return all records that meet the condition, each once."""
    own, clauses = _matching(shape, bind)
    several = shape[0] == "terms" and shape[1] > 1
    return (select(own).distinct() if several else select(own)).where(*clauses)


def _compile(statement: AnySelect) -> tuple[str, tuple[str, ...]]:
    """Return SQL with `?`, and the names of its binds in the order of the question marks."""
    compiled = statement.compile(dialect=sqlite.dialect(paramstyle="qmark"))
    return str(compiled), tuple(compiled.positiontup or ())


def _bound(names: tuple[str, ...], values: dict[str, Any]) -> Binds:
    return tuple(values[name] for name in names)


def _numbered(conditions: Iterable[Condition]) -> dict[str, Any]:
    values = (value for condition in conditions for value in condition.binds)
    return {f"b{number}": value for number, value in enumerate(values)}


# --- Statements -------------------------------------------------------------------------------------------------------


def terms_statement(collection: str, name: str, values: list[str]) -> Statement:
    """Ask for (id, count) of the terms that a filter's values name. Values that find nothing have none."""
    sql, names = _terms(len(values))
    binds = {"collection": collection, "name": name} | {f"b{number}": value for number, value in enumerate(values)}
    return sql, _bound(names, binds)


@lru_cache(64)
def _terms(number: int) -> tuple[str, tuple[str, ...]]:
    bind = _Binder()
    return _compile(
        select(_term.id, _term.count)
        .join(table_of(FilterRow), _filter.id == _term.filter)
        .where(
            _filter.collection == bindparam("collection"),
            _filter.name == bindparam("name"),
            _term.value.in_([bind() for _ in range(number)]),
        )
    )


def posting_statement(term: int) -> Statement:
    """Ask for the ordinal of every record that a term finds."""
    return _posting(), (term,)


@lru_cache(1)
def _posting() -> str:
    return _compile(select(posting.c.ordinal).where(posting.c.term == bindparam("term")))[0]


def sorts_statement() -> Statement:
    """Ask for (collection, name, id) of every sort order."""
    return _compile(select(_sort.collection, _sort.name, _sort.id))[0], ()


def count_statement(conditions: list[Condition]) -> Statement:
    """Ask how many records meet all conditions. The first should be the rarest: its records are the ones looked at."""
    sql, names = _count(tuple(condition.shape for condition in conditions))
    return sql, _bound(names, _numbered(conditions))


@lru_cache(512)
def _count(shapes: tuple[tuple[Any, ...], ...]) -> tuple[str, tuple[str, ...]]:
    bind = _Binder()
    first = _ordinals(shapes[0], bind).subquery("found")
    [ordinal] = first.c
    return _compile(
        select(func.count()).select_from(first).where(*(_holds(ordinal, shape, bind) for shape in shapes[1:]))
    )


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a sort order: beside the record with this key and ordinal."""

    key: str
    ordinal: int


def page_statement(
    conditions: list[Condition],
    *,
    sort: int,
    descending: bool,
    after: Place | None,
    limit: int,
    gather: bool,
) -> Statement:
    """Ask for (key, ordinal, id, document) of up to `limit` records that come after a place, in order.

    `sort` is the id of the order. To read backwards, give the opposite direction. `gather` reads the records of the
    first condition and sorts them; without it the sort order is walked.
    """
    shapes = tuple(condition.shape for condition in conditions)
    sql, names = _page(shapes, descending=descending, has_place=after is not None, gather=gather and bool(conditions))
    values = _numbered(conditions) | {"sort": sort, "limit": limit}
    if after is not None:
        values |= {"key": after.key, "ordinal": after.ordinal}
    return sql, _bound(names, values)


@lru_cache(1024)
def _page(
    shapes: tuple[tuple[Any, ...], ...], *, descending: bool, has_place: bool, gather: bool
) -> tuple[str, tuple[str, ...]]:
    bind = _Binder()
    key, ordinal = position.c.key, position.c.ordinal
    # The plus keeps SQLite from walking the order all the same: it has no figures on which of the two is shorter.
    sort = literal_column("+position.sort") if gather else position.c.sort
    wanted = select(key, ordinal).where(sort == bindparam("sort"))
    if gather:
        found = _ordinals(shapes[0], bind).subquery("found")
        wanted = wanted.where(ordinal.in_(select(*found.c)))
        shapes = shapes[1:]
    wanted = wanted.where(*(_holds(ordinal, shape, bind) for shape in shapes))
    if has_place:
        here = tuple_(bindparam("key"), bindparam("ordinal"))
        wanted = wanted.where(tuple_(key, ordinal) < here if descending else tuple_(key, ordinal) > here)
    direction = desc if descending else asc
    page = (
        wanted.order_by(direction(key), direction(ordinal))
        .limit(bindparam("limit"))
        .offset(_NO_OFFSET)
        .subquery("page")
    )
    # The documents are fetched for the page only, after it has been cut.
    return _compile(
        select(page.c.key, page.c.ordinal, _record.id, _record.document)
        .join_from(page, table_of(RecordRow), _record.ordinal == page.c.ordinal)
        .order_by(direction(page.c.key), direction(page.c.ordinal))
    )


def ordinal_statement(record_id: str, *, backward: bool) -> Statement:
    """Ask for the ordinal of a record, or of the nearest one before it (`backward`: after it) if it is gone."""
    return _ordinal(backward=backward), (record_id,)


@lru_cache(2)
def _ordinal(*, backward: bool) -> str:
    record_id = _record.id
    near = record_id >= bindparam("id") if backward else record_id <= bindparam("id")
    order = record_id if backward else record_id.desc()
    sql, _ = _compile(select(_record.ordinal).where(near).order_by(order).limit(literal_column("1")).offset(_NO_OFFSET))
    return sql


def document_statement(record_id: str) -> Statement:
    """Ask for the document of one record."""
    return _document(), (record_id,)


@lru_cache(1)
def _document() -> str:
    return _compile(select(_record.document).where(_record.id == bindparam("id")))[0]


#: Identifiers asked for by one statement: a fixed number, so that it is compiled once.
DOCUMENTS_AT_ONCE = 50


def documents_statement(record_ids: list[str]) -> Statement:
    """Ask for (id, document) of up to `DOCUMENTS_AT_ONCE` records, in any order."""
    return _documents(), tuple(record_ids + record_ids[-1:] * (DOCUMENTS_AT_ONCE - len(record_ids)))


@lru_cache(1)
def _documents() -> str:
    bind = _Binder()
    wanted = _record.id.in_([bind() for _ in range(DOCUMENTS_AT_ONCE)])
    return _compile(select(_record.id, _record.document).where(wanted))[0]


def sort_name(criteria: Criteria) -> tuple[str, bool]:
    """Return the name of the stored order that a list follows, and whether it is read in descending direction."""
    name = criteria.sort.removeprefix("-")
    descending = criteria.sort.startswith("-")
    return (f"-{name}" if descending and name in DATED_SORTS else name), descending
