"""The types of records, the identifiers that name them, and references from one record to another.

Knows no record.
"""

import re
from typing import Annotated, Literal, get_args

from pydantic import (
    GetCoreSchemaHandler,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

#: Longest identifier, in characters.
ID_LENGTH = 64

RecordType = Literal["source", "agent", "place", "topic", "event", "testimony", "statistic", "response"]
#: Every record type in the order of the format; the canonical form of an archive lists records in it.
RECORD_TYPES: tuple[RecordType, ...] = get_args(RecordType)

PREFIXES: dict[RecordType, str] = {
    "source": "src",
    "agent": "agt",
    "place": "plc",
    "topic": "top",
    "event": "evt",
    "testimony": "tes",
    "statistic": "sta",
    "response": "rsp",
}
TYPE_OF_PREFIX: dict[str, RecordType] = {prefix: record for record, prefix in PREFIXES.items()}

_ANY_ID = rf"^(?:{'|'.join(TYPE_OF_PREFIX)})-[a-z0-9-]+$"

# A form that Python and Pydantic's own engine, in which records name each other a million times, read alike.
_ID = rf"(?:{'|'.join(TYPE_OF_PREFIX)})-[a-z0-9-]*[a-z0-9][a-z0-9-]*"
_is_id = re.compile(_ID).fullmatch


def is_identifier(value: str) -> bool:
    """Tell whether `value` has the form of an identifier of any type; whether it names one is for the checks."""
    return len(value) <= ID_LENGTH and _is_id(value) is not None


class _IsIdentifier:
    """Refuses a text that is no identifier."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        form = core_schema.custom_error_schema(
            core_schema.str_schema(pattern=f"^{_ID}$", max_length=ID_LENGTH),
            custom_error_type="invalid_id",
            custom_error_message="is not an identifier: one of the prefixes src- agt- plc- top- evt- tes- sta- rsp-, "
            "then lower-case letters, digits and hyphens, 64 characters at most",
        )
        return core_schema.chain_schema([handler(source), form])


class RefersTo:
    """Marks a field as a reference, with the record types it may name. The checks walk the fields so marked."""

    def __init__(self, *types: RecordType, where: tuple[str, str] | None = None) -> None:
        self.types = types
        #: A field beside it and what must stand there; where something else does, the field is no reference.
        self.where = where


Identifier = Annotated[str, _IsIdentifier(), WithJsonSchema({"type": "string", "pattern": _ANY_ID})]
SourceRef = Annotated[Identifier, RefersTo("source")]
AgentRef = Annotated[Identifier, RefersTo("agent")]
PlaceRef = Annotated[Identifier, RefersTo("place")]
TopicRef = Annotated[Identifier, RefersTo("topic")]
EventRef = Annotated[Identifier, RefersTo("event")]
TestimonyRef = Annotated[Identifier, RefersTo("testimony")]
StatisticRef = Annotated[Identifier, RefersTo("statistic")]
RelatedRef = Annotated[Identifier, RefersTo("testimony", "event", "statistic", "source")]
SubjectRef = Annotated[Identifier, RefersTo("event", "testimony", "statistic", "agent")]

#: The key under which `archive.json` lists each record type.
PLURALS: dict[RecordType, str] = {
    "source": "sources",
    "agent": "agents",
    "place": "places",
    "topic": "topics",
    "event": "events",
    "testimony": "testimonies",
    "statistic": "statistics",
    "response": "responses",
}
#: The other way round: the record type of each collection.
RECORD_OF: dict[str, RecordType] = {plural: record for record, plural in PLURALS.items()}
