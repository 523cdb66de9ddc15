"""The pieces that an archive file is read as, and where each stands in it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from service.archive.identifiers import PLURALS

KINDS = {**{plural: kind for kind, plural in PLURALS.items()}, "withdrawn": "withdrawn"}
RECORDS = frozenset(KINDS.values())
HEAD = ("format", "archive")
# Characters of a key that a pointer shows: no key of the format has as many, and another may be a whole text.
_SHOWN_KEY = 80


class TablePlace(NamedTuple):
    """Where in an archive that is kept as tables something stands; 0 and an empty name where it is all of a table."""

    table: str
    row: int = 0
    column: str = ""

    def __str__(self) -> str:
        return (
            f"{self.table}{f', row {self.row}' if self.row else ''}{f', column {self.column}' if self.column else ''}"
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """An error of the archive: a code of the checks, a pointer to where it is, and a sentence.

    The pointer is RFC 6901 in a `.json`; in a `.jsonl` `line 7`, with the pointer inside that line after a space; in tables
    the table, the row and the column. The
    sentence never holds a text of the archive, a name or a private value.
    """

    code: str
    pointer: str
    detail: str
    #: The record it is about, and what that is called, once they were looked up.
    record: str | None = None
    title: str | None = None
    #: The same as the pointer, of an archive that is kept as tables.
    place: TablePlace | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of the file: its kind, its pointer as in `Finding`, and its plain JSON.

    The kind is `format`, `archive`, a record type or `withdrawn`.
    """

    kind: str
    place: str
    value: object


class Line(NamedTuple):
    """A line of a `.jsonl` that holds a record, as far as one can tell without parsing it."""

    number: int
    text: bytes


def locate(place: str, inner: str) -> str:
    """Return the pointer to what `inner`, a pointer or nothing, names within the piece at `place`."""
    is_whole_line = place.startswith("line ") and "/" not in place
    return f"{place} {inner}" if inner and is_whole_line else place + inner


def join_pointer(steps: Iterable[str | int]) -> str:
    """Return the JSON pointer (RFC 6901) of the keys and indexes in `steps`, very long keys cut short."""
    return "".join("/" + str(step)[:_SHOWN_KEY].replace("~", "~0").replace("/", "~1") for step in steps)


class HeadWatch:
    """Notices which parts of the head an archive lacks, by its pieces."""

    def __init__(self) -> None:
        self._missing = set(HEAD)

    def see(self, piece: Item | Finding) -> None:
        if isinstance(piece, Item):
            self._missing.discard(piece.kind)
        elif piece.code in ("invalid_json", "unsupported_format") or not piece.pointer:
            self._missing.clear()  # for all that is known, they stood in what could not be read

    def findings(self) -> Iterator[Finding]:
        """Yield what is missing, once all pieces were seen."""
        for key in sorted(self._missing):
            yield Finding("missing_field", "", f"`{key}` is required.")
