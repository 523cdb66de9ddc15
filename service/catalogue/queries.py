"""From criteria to conditions: what a list is filtered by, and the order it is in. Pure; knows no release and no HTTP."""

from dataclasses import dataclass
from typing import Literal

from service.catalogue.criteria import Criteria, EventCriteria, Listed, StatisticCriteria
from service.release.indexing import DATED_SORTS


@dataclass(frozen=True, slots=True)
class Terms:
    """Records that have any of these values of a filter, such as topic."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Days:
    """Events that may lie between two days, or that do for sure; a missing day leaves that side open."""

    start: str | None
    end: str | None
    match: Literal["possible", "certain"]


@dataclass(frozen=True, slots=True)
class Box:
    """Events whose point lies in a box, in degrees; west greater than east crosses the antimeridian."""

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class Range:
    """Statistics whose stated range overlaps low to high, both inclusive, or lies within it for sure; a missing end is
    open.
    """

    low: float | None
    high: float | None
    match: Literal["possible", "certain"] = "possible"


@dataclass(frozen=True, slots=True)
class Since:
    """Records that changed at or after a moment: UTC, RFC 3339, to the second."""

    moment: str


Span = Days | Box | Range | Since


def conditions_of(criteria: Criteria) -> tuple[list[Terms], list[Span]]:
    """Return what a list is filtered by, all of which must hold; `q` apart, which the text index answers."""
    terms = [Terms(name, tuple(values)) for name, values in term_filters(criteria).items()]
    return terms, span_conditions(criteria)


def term_filters(criteria: Listed) -> dict[str, list[str]]:
    """Return the filters that compare for equality, with their values as they stand in `term`."""
    values: dict[str, list[str]] = {}
    for name, value in criteria.filters().items():
        if isinstance(value, bool):
            values[name] = [str(value).lower()]
        elif isinstance(value, list) and name not in ("bbox", "among"):
            values[name] = list(dict.fromkeys(value))
    return values


def span_conditions(criteria: Criteria) -> list[Span]:
    """Return the conditions of a list that are no terms."""
    conditions: list[Span] = []
    if criteria.updated_since is not None:
        conditions.append(Since(criteria.updated_since))
    if isinstance(criteria, EventCriteria):
        if criteria.date_from is not None or criteria.date_to is not None:
            conditions.append(Days(criteria.date_from, criteria.date_to, criteria.date_match))
        if criteria.bbox is not None:
            conditions.append(Box(*criteria.bbox))
    if isinstance(criteria, StatisticCriteria) and (criteria.value_min, criteria.value_max) != (None, None):
        conditions.append(Range(criteria.value_min, criteria.value_max, criteria.value_match))
    return conditions


def order_of(criteria: Criteria) -> tuple[str, bool]:
    """Return the name of the stored order that a list follows, and whether it is read downwards."""
    name = criteria.sort.removeprefix("-")
    descending = criteria.sort.startswith("-")
    return (f"-{name}" if descending and name in DATED_SORTS else name), descending
