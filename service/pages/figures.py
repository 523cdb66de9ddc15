"""Stated figures: in words, and as a drawing that claims no more than was stated.

A figure that only has a lower bound is drawn without an end, "hundreds" without a number, and "most" without a share. Figures
are never added up, and only those in the same unit share a scale.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from babel.numbers import format_decimal

from service.pages.languages import Words

#: Width of a drawing, in its own units; where a figure has no upper end, the line runs on to the edge.
WIDTH = 1000
#: From this ratio between the largest and the smallest figure on, the scale grows by powers of ten.
LOGARITHMIC_FROM = 30

#: How a lower bound that is only an order of magnitude is said.
_MAGNITUDES = {
    10: "dozens",
    100: "hundreds",
    1_000: "thousands",
    10_000: "tens of thousands",
    100_000: "hundreds of thousands",
    1_000_000: "millions",
}

Statistic = Mapping[str, Any]


def number_in_words(value: float, words: Words) -> str:
    """Return a number as it is written in a language."""
    return format_decimal(value, locale=words.locale)


def figure_in_words(statistic: Statistic, words: Words) -> str:
    """Return a stated figure with its qualifier, without the unit: "more than 2,000", "between 5 and 6", "hundreds"."""

    def number(name: str) -> str:
        value = statistic[name]
        return "" if value is None else number_in_words(value, words)

    base = statistic["relative_to"]["label"] if statistic.get("relative_to") else None
    match statistic["qualifier"]:
        case "exact":
            return number("value")
        case "about":
            return words.text("about %(number)s", number=number("value"))
        case "at_least":
            return words.text("at least %(number)s", number=number("lower"))
        case "more_than":
            return words.text("more than %(number)s", number=number("lower"))
        case "at_most":
            return words.text("at most %(number)s", number=number("upper"))
        case "less_than":
            return words.text("less than %(number)s", number=number("upper"))
        case "between":
            return words.text("between %(low)s and %(high)s", low=number("lower"), high=number("upper"))
        case "order_of_magnitude":
            return _magnitude(statistic["lower"], words)
        case "most":
            return words.text("most of: %(base)s", base=base) if base else words.text("most")
        case "all":
            return words.text("all of: %(base)s", base=base) if base else words.text("all")
        case "none":
            return words.text("none of: %(base)s", base=base) if base else words.text("none")
        case "not_available":
            return words.text("not available")
    return str(statistic["as_stated"])


def _magnitude(lower: float | None, words: Words) -> str:
    if lower is None:
        return words.text("not available")
    named = _MAGNITUDES.get(int(lower))
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
    return [value for name in ("value", "lower", "upper") if (value := statistic[name]) is not None]


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
        """Return the marks of the scale: its ends, and powers of ten or the middle between."""
        if self.logarithmic:
            highest = round(math.log10(self.high))
            step = max(1, math.ceil(highest / 4))
            values = [0.0, *(10.0**power for power in range(highest, 0, -step))]
        else:
            values = [self.low, _rounded((self.low + self.high) / 2), _rounded(self.high * 0.98)]
        # No two marks at nearly the same place.
        unique = sorted({self.at(value): value for value in values}.items())
        spaced = [pair for index, pair in enumerate(unique) if not index or pair[0] - unique[index - 1][0] > WIDTH / 8]
        return [Tick(at, number_in_words(_whole(value), words), _anchor(at)) for at, value in spaced]


def _anchor(at: float) -> Literal["start", "middle", "end"]:
    if at < WIDTH / 20:
        return "start"
    return "end" if at > WIDTH * 0.9 else "middle"


def _next_power(value: float) -> float:
    return 10.0 ** math.ceil(math.log10(value * 1.5))


def _rounded(value: float) -> float:
    """Return a number near `value` that is easy to read: two digits."""
    if value == 0:
        return 0.0
    digits = 1 - math.floor(math.log10(abs(value)))
    return round(value, digits)


def _whole(value: float) -> float:
    return int(value) if value == int(value) else value


def drawing_of(statistic: Statistic, scale: Scale) -> Drawing:
    """Return what is drawn of a figure on a scale."""
    value, lower, upper = statistic["value"], statistic["lower"], statistic["upper"]
    qualifier = statistic["qualifier"]
    if qualifier in ("most", "all", "none") and statistic.get("relative_to") and not _stands_alone(statistic):
        return Drawing("share", WIDTH / 2 if qualifier == "most" else 0, 0 if qualifier == "none" else WIDTH)
    if qualifier == "order_of_magnitude":
        return Drawing("none") if lower is None else Drawing("order", scale.at(lower), WIDTH)
    if qualifier == "about" and value is not None and lower is None and upper is None:
        return Drawing("about", scale.at(value), scale.at(value))
    if lower is not None and upper is not None:
        shape: Literal["point", "range"] = "point" if lower == upper else "range"
        ends = statistic["lower_inclusive"], statistic["upper_inclusive"]
        return Drawing(shape, scale.at(lower), scale.at(upper), *ends)
    if lower is not None:
        return Drawing("from", scale.at(lower), WIDTH, low_inclusive=statistic["lower_inclusive"])
    if upper is not None:
        return Drawing("range", scale.at(scale.low), scale.at(upper), high_inclusive=statistic["upper_inclusive"])
    return Drawing("none") if value is None else Drawing("point", scale.at(value), scale.at(value))


def _stands_alone(statistic: Statistic) -> bool:
    """Tell whether a part of another figure has a number of its own."""
    return statistic["value"] is not None
