"""The rules of a stated figure: what a qualifier means, and bounds that are in order."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from service.archive.model import Statistic
from service.archive.reading import Finding
from service.archive.vocabularies import Qualifier


class _Shape(NamedTuple):
    """What a qualifier asks of the figure: a test, and the sentence that says it."""

    fits: Callable[[Statistic], bool]
    means: str


_SHAPES: Mapping[Qualifier, _Shape] = {
    "exact": _Shape(lambda s: s.value is not None and s.lower == s.upper == s.value, "`lower` and `upper` are `value`"),
    "about": _Shape(lambda s: s.value is not None, "there is a `value`"),
    "at_least": _Shape(
        lambda s: s.value is not None and s.lower == s.value and s.lower_inclusive and s.upper is None,
        "`lower` is `value`, inclusive, and there is no `upper`",
    ),
    "more_than": _Shape(
        lambda s: s.value is not None and s.lower == s.value and not s.lower_inclusive and s.upper is None,
        "`lower` is `value`, not inclusive, and there is no `upper`",
    ),
    "at_most": _Shape(
        lambda s: s.value is not None and s.upper == s.value and s.upper_inclusive,
        "`upper` is `value`, inclusive",
    ),
    "less_than": _Shape(
        lambda s: s.value is not None and s.upper == s.value and not s.upper_inclusive,
        "`upper` is `value`, not inclusive",
    ),
    "between": _Shape(
        lambda s: s.value is None and s.lower is not None and s.upper is not None,
        "there are `lower` and `upper`, and no `value`",
    ),
    "order_of_magnitude": _Shape(
        lambda s: s.value is None and s.lower is not None, "there is a `lower`, and no `value`"
    ),
    "most": _Shape(lambda s: s.value is None, "there is no `value`"),
    "all": _Shape(lambda _: True, "anything fits"),
    "none": _Shape(lambda s: s.value == s.lower == s.upper == 0, "`value`, `lower` and `upper` are 0"),
    # A gap is no zero: nobody stated a number, and a sum must not take it for one.
    "not_available": _Shape(
        lambda s: s.value is None and s.lower is None and s.upper is None,
        "there is no `value`, and neither `lower` nor `upper`",
    ),
}


def check_statistic(statistic: Statistic) -> Iterator[Finding]:
    """Yield what is wrong with the figure of a statistic; pointers are within the record."""
    shape = _SHAPES[statistic.qualifier]
    is_bounded = statistic.lower is not None or statistic.upper is not None
    # Only the first that is true: bounds in disorder fit no qualifier either, and would be told twice.
    if (detail := _disorder(statistic)) is not None:
        yield Finding("invalid_bounds", "", detail)
    elif is_bounded and statistic.bounds_basis == "none":
        yield Finding("unsupported_bounds", "/bounds_basis", "There are bounds, but `bounds_basis` is none.")
    elif not shape.fits(statistic):
        yield Finding("qualifier_mismatch", "/qualifier", f"{statistic.qualifier} means that {shape.means}.")
    if statistic.qualifier in {"most", "all"} and statistic.relative_to is None:
        yield Finding("missing_base", "", f"`relative_to` is required: {statistic.qualifier} of what?")


def _disorder(statistic: Statistic) -> str | None:
    value, lower, upper = statistic.value, statistic.lower, statistic.upper
    if lower is None and upper is None and statistic.bounds_basis != "none":
        return "`bounds_basis` must be none where there are no bounds."
    if lower is not None and upper is not None:
        if lower > upper:
            return "`lower` is above `upper`."
        if lower == upper and not (statistic.lower_inclusive and statistic.upper_inclusive):
            return "`lower` and `upper` are equal, so both must be inclusive."
    if value is not None and ((lower is not None and value < lower) or (upper is not None and value > upper)):
        return "`value` lies outside the bounds."
    return None
