"""The citations of a record, wherever the models have them."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from service.archive.fields import fields_of
from service.archive.model import Citation, Part, Record


class _Way(NamedTuple):
    """A field that holds citations, or parts that do."""

    name: str
    is_citation: bool
    inner: "tuple[_Way, ...]"


@cache
def _ways(model: type[Part]) -> tuple[_Way, ...]:
    # Kept: going through the fields of a model takes longer than checking a record.
    ways = (_Way(each.name, each.part is Citation, _inner(each.part)) for each in fields_of(model))
    return tuple(way for way in ways if way.is_citation or way.inner)


def _inner(part: type[Part] | None) -> tuple[_Way, ...]:
    return () if part is None or part is Citation else _ways(part)


def citations_of(record: Record) -> Iterator[tuple[str, Citation]]:
    """Yield every citation of a record, those of its parts included, with the pointer to it."""
    return _citations(record, _ways(type(record)), "")


def _citations(part: Part, ways: Iterable[_Way], at: str) -> Iterator[tuple[str, Citation]]:
    fields = vars(part)
    for name, is_citation, inner in ways:
        value = fields[name]
        if not value:
            continue
        values = enumerate(value) if isinstance(value, list) else (("", value),)
        for index, each in values:
            here = f"{at}/{name}/{index}".removesuffix("/")
            if is_citation:
                yield here, each
            else:
                yield from _citations(each, inner, here)
