"""What is told of a question that was answered all the same: identifiers in filters that no public record has.

A record that is hidden or was withdrawn looks the same here as one that never was.
"""

from functools import lru_cache
from typing import TypedDict

from service.archive.identifiers import is_identifier
from service.catalogue.criteria import Listed
from service.catalogue.parameters import NULL, parameter_schemas
from service.catalogue.sets import RecordSets

#: Values that are told of. A question may have thousands.
MOST = 20


class Note(TypedDict):
    """A parameter, its value, and what is to be known of them."""

    parameter: str
    value: str
    message: str


def notes_on(sets: RecordSets, criteria: Listed) -> list[Note]:
    """Return a note for each identifier in the filters of a list that no public record has, the first ones of many."""
    by_identifier = _by_identifier(type(criteria))
    named = [
        (name, value)
        for name, values in criteria.filters().items()
        if name in by_identifier
        for value in values
        if value != NULL
    ]
    if not named:
        return []
    known = sets.ordinals(sorted({value for _, value in named}))
    unknown = [(name, value) for name, value in named if value not in known]
    return [
        {"parameter": name, "value": value, "message": f"no public record has the identifier {value}"}
        for name, value in unknown[:MOST]
    ]


@lru_cache(512)
def _by_identifier(model: type[Listed]) -> frozenset[str]:
    """Return the filters of a list that take identifiers of records: those whose examples are such, and no other text."""
    schemas = {name: schema.get("items", {}) for name, schema in parameter_schemas(model).items()}
    return frozenset(
        name
        for name, schema in schemas.items()
        if schema.get("pattern") and any(is_identifier(str(each)) for each in schema.get("examples", ()))
    )
