"""Which fields of a record name other records, as their declarations mark them."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Annotated, NamedTuple, get_args, get_origin

from service.archive.identifiers import RecordType, RefersTo
from service.archive.model import Part, Record


class _Link(NamedTuple):
    """A field that refers to records, or whose parts do."""

    name: str
    types: tuple[RecordType, ...]
    inner: "tuple[_Link, ...]"
    #: A field beside it and what must stand there, or it is no reference.
    where: tuple[str, str] | None = None


def _links(model: type[Part]) -> Iterator[_Link]:
    for name, described in model.model_fields.items():
        marks = [*described.metadata, *_walk(described.annotation)]
        refers = next((mark for mark in marks if isinstance(mark, RefersTo)), RefersTo())
        parts = (mark for mark in marks if isinstance(mark, type) and issubclass(mark, Part))
        inner = tuple(link for part in parts for link in _links(part))
        if refers.types or inner:
            yield _Link(name, refers.types, inner, refers.where)


def _walk(annotation: object) -> Iterator[object]:
    """Yield every type and every mark that an annotation is made of."""
    if get_origin(annotation) is None:
        yield annotation
    if get_origin(annotation) is Annotated:
        yield from annotation.__metadata__  # type: ignore[attr-defined]
    for inner in get_args(annotation):
        yield from _walk(inner)


@lru_cache(512)
def _links_of(model: type[Record]) -> tuple[_Link, ...]:
    # Kept: going through the fields of a model takes longer than checking a record.
    return tuple(_links(model))


def _references(part: Part, links: Iterable[_Link], at: str = "") -> Iterator[tuple[str, str, tuple[RecordType, ...]]]:
    # Most fields are empty. They are looked at in the model's own dictionary, in a third of the time.
    values = vars(part)
    for name, types, inner, where in links:
        value = values[name]
        if not value or (where is not None and values[where[0]] != where[1]):
            continue
        if isinstance(value, Part):
            yield from _references(value, inner, f"{at}/{name}")
        elif not isinstance(value, list):
            yield f"{at}/{name}", value, types
        elif inner:
            for index, one in enumerate(value):
                yield from _references(one, inner, f"{at}/{name}/{index}")
        else:
            for index, target in enumerate(value):
                yield f"{at}/{name}/{index}", target, types


def references_of(record: Record) -> Iterator[tuple[str, str, tuple[RecordType, ...]]]:
    """Yield every reference of a record: the pointer to it, whom it names, and which types it may name."""
    return _references(record, _links_of(type(record)))
