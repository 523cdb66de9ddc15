"""Stated figures: in words, and as a drawing that claims no more than was stated.

A figure that only has a lower bound is drawn without an end, "hundreds" without a number, and "most" without a share. Figures
are never added up, and only those in the same unit share a scale.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from babel.numbers import format_decimal

from service.pages.languages import N_, Words

#: Width of a drawing, in its own units; where a figure has no upper end, the line runs on to the edge.
WIDTH = 1000
#: From this ratio between the largest and the smallest figure on, the scale grows by powers of ten.
LOGARITHMIC_FROM = 30

#: How a lower bound that is only an order of magnitude is said.
_MAGNITUDES: dict[float, str] = {
    10: N_("dozens"),
    100: N_("hundreds"),
    1_000: N_("thousands"),
    10_000: N_("tens of thousands"),
    100_000: N_("hundreds of thousands"),
    1_000_000: N_("millions"),
}

Statistic = Mapping[str, Any]


@lru_cache(4096)
def number_in_words(value: float, words: Words) -> str:
    """Return a number as it is written in a language."""
    return str(format_decimal(value, locale=words.locale))


#: How a figure with one number is said, and which number that is.
_WITH_NUMBER = {
    "about": (N_("about %(number)s"), "value"),
    "at_least": (N_("at least %(number)s"), "lower"),
    "more_than": (N_("more than %(number)s"), "lower"),
    "at_most": (N_("at most %(number)s"), "upper"),
    "less_than": (N_("less than %(number)s"), "upper"),
}
#: How a part of another figure is said, which is named where it is known.
_PARTS = {
    "most": (N_("most"), N_("most of: %(base)s")),
    "all": (N_("all"), N_("all of: %(base)s")),
    "none": (N_("none"), N_("none of: %(base)s")),
}


def figure_in_words(statistic: Statistic, words: Words) -> str:
    """Return a stated figure with its qualifier, without the unit: "more than 2,000", "between 5 and 6", "hundreds"."""
    qualifier = statistic["qualifier"]
    if qualifier in _PARTS:
        alone, of_another = _PARTS[qualifier]
        base = statistic.get("relative_to")
        return words.text(of_another, base=base["label"]) if base else words.text(alone)
    if qualifier == "not_available":
        return words.text("not available")
    return _number_stated(statistic, words) or str(statistic["as_stated"])


def _number_stated(statistic: Statistic, words: Words) -> str | None:
    """Return a figure that states a number or two, or its order; None where it does not."""

    def number(name: str) -> str:
        return number_in_words(statistic[name] or 0, words)

    qualifier = statistic["qualifier"]
    if qualifier in _WITH_NUMBER:
        message, name = _WITH_NUMBER[qualifier]
        return words.text(message, number=number(name))
    if qualifier == "between":
        return words.text("between %(low)s and %(high)s", low=number("lower"), high=number("upper"))
    if qualifier == "order_of_magnitude":
        return _magnitude(statistic["lower"], words)
    return number("value") if qualifier == "exact" else None


def _magnitude(lower: float | None, words: Words) -> str | None:
    if lower is None:
        return None
    named = _MAGNITUDES.get(lower)
    if named is not None:
        return words.text(named)
    return words.text("in the order of %(number)s", number=number_in_words(lower, words))


# --- Drawing ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of a scale: where it is drawn, and the number written there."""

    at: float
    text: str
    anchor: Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn of one figure. Places are between 0 and `WIDTH`.

    `shape`: `point`, `about` (a point without bounds), `range`, `from` (no upper end), `order` (no end that means anything),
    `share` (a part of another figure, whose size is not stated), or `none` (nothing that could be drawn).
    """

    shape: Literal["point", "about", "range", "from", "order", "share", "none"]
    low: float = 0.0
    high: float = 0.0
    low_inclusive: bool = True
    high_inclusive: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of a chart: the record and its drawing."""

    statistic: Statistic
    drawing: Drawing


@dataclass(frozen=True, slots=True)
class Chart:
    """Figures in one unit, on one scale."""

    unit: str
    rows: list[Row]
    ticks: list[Tick] = field(default_factory=list)


def charts_of(statistics: Sequence[Statistic], words: Words) -> list[Chart]:
    """Return one chart for each unit, in the order in which the units come."""
    by_unit: dict[str, list[Statistic]] = {}
    for statistic in statistics:
        by_unit.setdefault(statistic["unit"], []).append(statistic)
    return [_chart(unit, some, words) for unit, some in by_unit.items()]


def _chart(unit: str, statistics: list[Statistic], words: Words) -> Chart:
    scale = Scale([value for statistic in statistics for value in _numbers(statistic)])
    rows = [Row(statistic, drawing_of(statistic, scale)) for statistic in statistics]
    drawn = any(row.drawing.shape not in ("none", "share") for row in rows)
    return Chart(unit, rows, scale.ticks(words) if drawn else [])


def _numbers(statistic: Statistic) -> list[float]:
    if statistic["qualifier"] in ("most", "not_available"):
        return []
    numbers = [value for name in ("value", "lower", "upper") if (value := statistic[name]) is not None]
    # An order of magnitude reaches up to the next one: the scale must have room for it.
    return [*numbers, *(10 * value for value in numbers if statistic["qualifier"] == "order_of_magnitude")]


class Scale:
    """Where numbers are drawn: evenly from the lowest on, or by powers of ten where the figures differ that much."""

    def __init__(self, values: Sequence[float]) -> None:
        positive = [value for value in values if value > 0]
        self.low = min(0.0, *values) if values else 0.0
        highest = max(values, default=1.0)
        self.logarithmic = self.low >= 0 and bool(positive) and highest / min(positive) >= LOGARITHMIC_FROM
        # Room beyond the largest figure, so that a line without an end is seen to go on.
        self.high = _next_power(highest) if self.logarithmic else (highest * 1.25 if highest > 0 else self.low + 1)

    def at(self, value: float) -> float:
        """Return the place of a value, between 0 and `WIDTH`."""
        if self.logarithmic:
            share = math.log10(1 + max(value, 0)) / math.log10(1 + self.high)
        else:
            share = (value - self.low) / ((self.high - self.low) or 1)
        return round(min(max(share, 0.0), 1.0) * WIDTH, 1)

    def ticks(self, words: Words) -> list[Tick]:
        """Return the marks of the scale: powers of ten, or multiples of a number that is easy to read."""
        if self.logarithmic:
            highest = round(math.log10(self.high))
            step = max(1, math.ceil(highest / 4))
            values = sorted([0.0, *(10.0**power for power in range(highest, 0, -step))])
        else:
            width = _easy((self.high - self.low) / 3)
            first, last = math.ceil(self.low / width), math.floor(self.high / width)
            values = [number * width for number in range(first, last + 1)]
        return [
            Tick(at, number_in_words(_whole(value), words), _anchor(at)) for value in values for at in [self.at(value)]
        ]


def _easy(value: float) -> float:
    """Return the next number from `value` on that is easy to count in: 1, 2 or 5 and noughts."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= value)


def _anchor(at: float) -> Literal["start", "middle", "end"]:
    if at < WIDTH / 20:
        return "start"
    return "end" if at > WIDTH * 0.9 else "middle"


def _next_power(value: float) -> float:
    return 10.0 ** math.ceil(math.log10(value * 1.5))


def _whole(value: float) -> float:
    return int(value) if value == int(value) else value


def drawing_of(statistic: Statistic, scale: Scale) -> Drawing:
    """Return what is drawn of a figure on a scale."""
    qualifier, lower = statistic["qualifier"], statistic["lower"]
    if qualifier in _PARTS and statistic.get("relative_to") and statistic["value"] is None:
        return Drawing("share", WIDTH / 2 if qualifier == "most" else 0, 0 if qualifier == "none" else WIDTH)
    if qualifier == "order_of_magnitude":
        return Drawing("none") if lower is None else Drawing("order", scale.at(lower), WIDTH)
    return _with_bounds(statistic, scale)


def _with_bounds(statistic: Statistic, scale: Scale) -> Drawing:
    """Return what is drawn of a figure by the bounds that it has."""
    value, lower, upper = statistic["value"], statistic["lower"], statistic["upper"]
    ends = {"low_inclusive": statistic["lower_inclusive"], "high_inclusive": statistic["upper_inclusive"]}
    if lower is not None and upper is not None:
        return Drawing("point" if lower == upper else "range", scale.at(lower), scale.at(upper), **ends)
    if lower is not None:
        return Drawing("from", scale.at(lower), WIDTH, **ends)
    if upper is not None:
        return Drawing("range", scale.at(scale.low), scale.at(upper), **ends)
    if value is None:
        return Drawing("none")
    return Drawing("about" if statistic["qualifier"] == "about" else "point", scale.at(value), scale.at(value))
