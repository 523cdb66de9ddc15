"""From criteria to conditions: what a list is filtered by, and the order it is in. Pure; knows no release and no HTTP."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from service.catalogue.criteria import Criteria, Listed
from service.catalogue.parameters import NULL
from service.release.indexing import NO_VALUE, first_column, low_column


@dataclass(frozen=True, slots=True)
class Terms:
    """Records that have any of these values of a filter, such as topic."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Days:
    """Records of which a date may lie between two days, or does for sure; a missing day leaves that side open."""

    date: str
    start: str | None
    end: str | None
    match: Literal["possible", "certain"]


@dataclass(frozen=True, slots=True)
class Box:
    """Records whose point may lie in a box, in degrees, or does for sure; west greater than east crosses the antimeridian."""

    west: float
    south: float
    east: float
    north: float
    match: Literal["possible", "certain"] = "possible"


@dataclass(frozen=True, slots=True)
class Range:
    """Records whose figure, or the range it was stated to lie in, overlaps low to high, both inclusive, or lies within for sure; a missing end is
    open.
    """

    figure: str
    low: float | None
    high: float | None
    match: Literal["possible", "certain"] = "possible"


@dataclass(frozen=True, slots=True)
class Stated:
    """Records that state a date, or a figure, or do not."""

    name: str
    kind: Literal["date", "figure"]
    is_stated: bool


@dataclass(frozen=True, slots=True)
class Sure:
    """Records that have one of these values of a filter for sure: what is claimed of them does not say otherwise."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Since:
    """Records that changed at or after a moment: UTC, RFC 3339, to the second."""

    moment: str


Span = Days | Box | Range | Since | Stated | Sure


class Conditions(NamedTuple):
    """What a list is filtered by; `q` apart, which the text index answers."""

    #: All of these must hold.
    terms: list[Terms]
    spans: list[Span]
    #: None of these may.
    without: list[Terms]


#: Ends the name of a parameter that excludes.
EXCLUDING = "!"


def conditions_of(criteria: Criteria) -> Conditions:
    """Return what a list is filtered by."""
    terms, without = [], []
    for name, values in _equal(criteria):
        if name.endswith(EXCLUDING):
            without.append(Terms(name.removesuffix(EXCLUDING), tuple(values)))
        else:
            terms.append(Terms(name, tuple(values)))
    return Conditions(terms, span_conditions(criteria), without)


def term_filters(criteria: Listed) -> dict[str, list[str]]:
    """Return the filters that compare for equality, with their values as they stand in `term`."""
    return {name: values for name, values in _equal(criteria) if not name.endswith(EXCLUDING)}


def excluded_terms(criteria: Listed) -> dict[str, list[str]]:
    """Return what records must not have, by the name of the filter, with the values as they stand in `term`."""
    return {name.removesuffix(EXCLUDING): values for name, values in _equal(criteria) if name.endswith(EXCLUDING)}


def _equal(criteria: Listed) -> Iterator[tuple[str, list[str]]]:
    ranges = criteria.ranges
    for name, value in criteria.filters().items():
        if isinstance(value, bool):
            yield name, [str(value).lower()]
        elif isinstance(value, list) and name not in ("bbox", "among") and name.removesuffix(EXCLUDING) not in ranges:
            yield name, [NO_VALUE if each == NULL else each for each in dict.fromkeys(value)]


def span_conditions(criteria: Criteria) -> list[Span]:
    """Return the conditions of a list that are no terms."""
    # Of the filters that are set: an attribute that a collection does not have takes a microsecond to miss.
    filters = criteria.filters()
    spans: list[Span] = [] if criteria.updated_since is None else [Since(criteria.updated_since)]
    spans += days_of(criteria)
    if "bbox" in filters:
        west, south, east, north = filters["bbox"]
        spans.append(Box(west, south, east, north, filters.get("place_match", "possible")))
    return [*spans, *ranges_of(criteria), *_sure(criteria), *_stated(criteria)]


def _stated(criteria: Criteria) -> Iterator[Stated]:
    """Yield which dates and figures records must not state (`given=null`), or must (`given!=null`)."""
    if not criteria.ranges:
        return
    for given in criteria.filters():
        name, is_stated = given.removesuffix(EXCLUDING), given.endswith(EXCLUDING)
        if name in criteria.DATES:
            yield Stated(name, "date", is_stated)
        elif name in criteria.FIGURES:
            yield Stated(name, "figure", is_stated)


def _sure(criteria: Criteria) -> list[Sure]:
    filters = criteria.filters()
    if filters.get("place_match") != "certain":
        return []
    asked = ((name, filters.get(name)) for name in ("place", "country"))
    return [Sure(name, tuple(values)) for name, values in asked if values]


def days_of(criteria: Criteria) -> list[Days]:
    """Return the days that a list's records have to lie between, for each of their dates."""
    given = (
        Days(name, *(getattr(criteria, f"{name}_{part}") for part in ("from", "to", "match")))
        for name in criteria.bounded()[0]
    )
    return [days for days in given if (days.start, days.end) != (None, None)]


def ranges_of(criteria: Criteria) -> list[Range]:
    """Return the ranges that a list's figures have to overlap."""
    given = (
        Range(name, *(getattr(criteria, f"{name}_{part}") for part in ("min", "max", "match")))
        for name in criteria.bounded()[1]
    )
    return [each for each in given if (each.low, each.high) != (None, None)]


def order_of(criteria: Criteria) -> tuple[str, bool]:
    """Return the name of the stored order that a list follows, and whether it is read downwards."""
    name = criteria.sort.removeprefix("-")
    descending = criteria.sort.startswith("-")
    return (f"-{name}" if descending and name in criteria.LACKING else name), descending


def stated_column(span: Stated) -> str:
    """Return the column that has a value of each record which states the date or the figure."""
    return first_column(span.name) if span.kind == "date" else low_column(span.name)
