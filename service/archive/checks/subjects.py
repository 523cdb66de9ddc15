"""Which record a finding is about: its identifier and, where that can hurt nobody, its title."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from service.archive.checks.records import is_hidden
from service.archive.identifiers import is_identifier
from service.archive.model import Access
from service.archive.reading import Finding, Item, Line, parsed, read_batches

#: Under which of its fields people know a record. An agent's are names, which a report doesn't repeat.
_TITLES = ("title", "subject")
#: Findings whose reason may stand in the title itself.
_OF_NAMES = frozenset({"protected_name_present", "deanonymising_anchor", "visibility_conflict"})


def with_subjects(path: Path, findings: Sequence[Finding], *, today: date) -> list[Finding]:
    """Return findings about an archive file with the records they are about.

    The title is left out of a record that is not public on `today` (UTC), and where a finding says that it may name somebody. Raises
    ArchiveUnreadable where the file cannot be read again.
    """
    wanted = {_piece(each.pointer) for each in findings}
    if not wanted - {""}:
        return list(findings)
    known: dict[str, tuple[str, str | None]] = {}
    for place, record in _pieces(path, wanted):
        identifier = record.get("id")
        if isinstance(identifier, str) and is_identifier(identifier):
            known[place] = identifier, _title(record, today)
    unsafe = {_piece(each.pointer) for each in findings if each.code in _OF_NAMES}
    return [_with_subject(each, known, unsafe) for each in findings]


def _with_subject(finding: Finding, known: dict[str, tuple[str, str | None]], unsafe: set[str]) -> Finding:
    place = _piece(finding.pointer)
    if place not in known:
        return finding
    identifier, title = known[place]
    return replace(finding, record=identifier, title=None if place in unsafe else title)


def _pieces(path: Path, wanted: set[str]) -> Iterable[tuple[str, dict[str, Any]]]:
    for batch in read_batches(path):
        for part in batch:
            if isinstance(part, Line) and f"line {part.number}" not in wanted:
                continue
            piece = parsed(part)
            if isinstance(piece, Item) and piece.place in wanted and isinstance(piece.value, dict):
                yield piece.place, piece.value


def _piece(pointer: str) -> str:
    """Return where the record stands that a pointer leads into: `line 7`, or `/events/3`."""
    if pointer.startswith("line "):
        return pointer.partition(" /")[0]
    return "/".join(pointer.split("/")[:3])


def _title(record: dict[str, Any], today: date) -> str | None:
    try:
        if is_hidden(Access.model_validate(record.get("access", {})), today=today):
            return None
    except ValidationError:  # what its access means is not known
        return None
    titles = (record[name] for name in _TITLES if isinstance(record.get(name), str))
    return next((title[:200] for title in titles), None)
