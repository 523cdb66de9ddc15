"""An archive file written as tables: a folder of CSV files that people can open, change and publish again.

Tables have the columns that the archive uses, in the order of the format. Reading them again gives the same records.
"""

import csv
import io
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import tomli_w

from service.archive.identifiers import PLURALS, RECORD_TYPES, RecordType
from service.archive.model import FORMAT
from service.archive.progress import Progress, silent
from service.archive.reading import Item, open_regular, read_archive
from service.archive.tables import cells
from service.archive.tables.layout import (
    HEAD_FILE,
    OWNER,
    WITHDRAWN,
    WITHIN,
    Column,
    Layout,
    own_columns,
    part_layout,
    record_layout,
)
from service.archive.tables.transaction import Transaction, transaction
from service.archive.tables.transcripts import SUFFIXES as TRANSCRIPTS
from service.errors import ArchiveUnreadable

#: A piece of an archive: a record's type, or `withdrawn`, and the record as JSON.
Piece = tuple[RecordType | Literal["withdrawn"], dict[str, Any]]
#: A row: the table, and the cells by column.
_Row = tuple[str, dict[str, str]]
#: Records after which it is told how far the writing is.
_TOLD = 500
#: What a spreadsheet program needs to see that a file is UTF-8.
_MARK = "\ufeff".encode()


def write_tables(
    head: dict[str, Any],
    pieces: Callable[[], Iterable[Piece]],
    folder: Path,
    *,
    extra: Mapping[str, bytes | Path] = MappingProxyType({}),
    progress: Progress = silent,
) -> None:
    """Write an archive as tables into a folder, which is made where it is not there. Tables that are there are replaced, all
    together; those of which the archive has nothing are taken away.

    Args:
        head: what describes the archive, as JSON.
        pieces: yields every record and withdrawal. It is asked twice: for the columns there are, then for the rows.
        folder: where to.
        extra: other files that are written with them, by name: their bytes, or where they are copied from.
        progress: told the records written.

    Raises:
        TestimonyArchiveError: where a file cannot be written.
    """
    own = {kind: own_columns(head, kind) for kind in RECORD_TYPES}
    columns: dict[str, dict[str, None]] = {}
    count = 0
    for count, (kind, record) in enumerate(pieces(), 1):  # noqa: B007 - how many there are
        for table, row in _rows(kind, record, own):
            columns.setdefault(table, {}).update(dict.fromkeys(row))
    with transaction(folder) as change:
        with change.file(HEAD_FILE) as file:
            tomli_w.dump({"format": FORMAT, "archive": _without_nulls(head)}, file)
        _write_rows(change, columns, _telling(pieces(), count, progress), own)
        for stale in set(_tables()) - set(columns):
            change.remove(f"{stale}.csv")
        for name, content in extra.items():
            with change.file(name) as file:
                if isinstance(content, bytes):
                    file.write(content)
                else:
                    with open_regular(content) as given:
                        shutil.copyfileobj(given, file)
    (folder / "texts").mkdir(exist_ok=True)


def _write_rows(
    change: Transaction,
    columns: Mapping[str, Mapping[str, None]],
    pieces: Iterable[Piece],
    own: Mapping[RecordType, Mapping[str, Column]],
) -> None:
    with ExitStack() as files:
        writers: dict[str, Any] = {}
        for table, names in columns.items():
            text = io.TextIOWrapper(files.enter_context(change.file(f"{table}.csv")), encoding="utf-8", newline="")
            files.callback(text.detach)
            text.buffer.write(_MARK)
            writers[table] = csv.DictWriter(text, _in_order(table, names), restval="", lineterminator="\r\n")
            writers[table].writeheader()
        for kind, record in pieces:
            for table, row in _rows(kind, record, own):
                writers[table].writerow(row)
            _write_text(change, kind, record)


def _telling(pieces: Iterable[Piece], total: int, progress: Progress) -> Iterator[Piece]:
    for number, piece in enumerate(pieces, 1):
        yield piece
        if number % _TOLD == 0 or number == total:
            progress("Writing tables", number, total)


def head_of(path: Path) -> dict[str, Any]:
    """Return the head of an archive file. Raises ArchiveUnreadable where it has none."""
    for piece in read_archive(path):
        if isinstance(piece, Item) and piece.kind == "archive" and isinstance(piece.value, dict):
            return piece.value
    raise ArchiveUnreadable(f"{path} has no head. See: testimony-archive check")


def pieces_of(path: Path) -> Iterator[Piece]:
    """Yield the records and withdrawals of an archive file. Raises ArchiveUnreadable where it is not sound."""
    for piece in read_archive(path):
        if not isinstance(piece, Item):
            raise ArchiveUnreadable(
                f"{path} is not sound ({piece.pointer}: {piece.code}). See: testimony-archive check"
            )
        if piece.kind not in ("format", "archive") and isinstance(piece.value, dict):
            yield piece.kind, piece.value  # type: ignore[misc]


def _write_text(change: Transaction, kind: str, record: dict[str, Any]) -> None:
    if kind == "testimony" and record.get("transcript"):
        # Subtitles that it was read from would give it a second transcript.
        for suffix in TRANSCRIPTS:
            change.remove(f"transcripts/{record['id']}{suffix}")
    content = (record.get("text") or {}).get("content") if kind == "source" else None
    if content is not None:
        with change.file(f"texts/{record['id']}.txt") as file:
            file.write(content.encode())


def _rows(
    kind: RecordType | Literal["withdrawn"], record: dict[str, Any], own: Mapping[RecordType, Mapping[str, Column]]
) -> Iterator[_Row]:
    if kind == "withdrawn":
        yield WITHDRAWN, record
    else:
        layout = record_layout(kind)
        yield PLURALS[kind], row_of(layout, record) | _own_cells(record, own[kind])
        yield from part_rows(layout, record, {OWNER: record["id"]}, "")


def part_rows(layout: Layout, value: dict[str, Any], owner: dict[str, str], within: str) -> Iterator[_Row]:
    """Yield the rows of the parts of a record, or of a part, with the cells that say whose they are: table and cells."""
    for name, field in layout.lists.items():
        assert field.part is not None  # only parts have tables of their own
        inner = part_layout(field.part)
        for number, part in enumerate(value.get(name) or (), 1):
            yield name, owner | ({WITHIN: within} if within else {}) | row_of(inner, part)
            yield from part_rows(inner, part, owner, f"{within}/{name}/{number}".lstrip("/"))


def row_of(layout: Layout, value: dict[str, Any]) -> dict[str, str]:
    """Return the cells of a record's or a part's own row, by column, those of its own fields and lists of parts left out."""
    row = {}
    for column in layout.columns.values():
        if column.path == ("text", "content"):
            continue  # it has a file of its own
        inner: Any = value
        for step in column.path:
            inner = inner.get(step) if isinstance(inner, dict) else None
        if inner is not None and inner != []:
            row[column.name] = cells.written(inner, column)
    for language, texts in (value.get("translations") or {}).items():
        own = {f"custom.{name}": text for name, text in (texts.get("custom") or {}).items()}
        for name, text in {**texts, **own}.items():
            if name != "custom":
                column = Column(f"{name}@{language}", (name,), "text", isinstance(text, list), language=language)
                row[column.name] = cells.written(text, column)
    return row


def _own_cells(record: dict[str, Any], own: Mapping[str, Column]) -> dict[str, str]:
    custom = record.get("custom") or {}
    return {
        name: cells.written(value, column)
        for name, column in own.items()
        if (value := custom.get(column.path[1])) is not None and value != []
    }


def _tables() -> Iterator[str]:
    yield WITHDRAWN
    for kind in RECORD_TYPES:
        yield PLURALS[kind]
        yield from _part_names(record_layout(kind))


def _part_names(layout: Layout) -> Iterator[str]:
    for name, field in layout.lists.items():
        yield name
        assert field.part is not None  # only parts have tables of their own
        yield from _part_names(part_layout(field.part))


def _in_order(table: str, names: Iterable[str]) -> list[str]:
    """Return the columns of a table in the order of the format: whose row it is, the fields, then translations."""
    known = [OWNER, WITHIN]
    for kind in RECORD_TYPES:
        layout = record_layout(kind)
        if PLURALS[kind] == table:
            known += layout.columns
        known += _columns_of(layout, table)
    order = {name: position for position, name in reversed(list(enumerate(known)))}
    return sorted(names, key=lambda name: (order.get(name, len(order)), "@" in name, name))


def _columns_of(layout: Layout, table: str) -> Iterator[str]:
    for name, field in layout.lists.items():
        assert field.part is not None  # only parts have tables of their own
        inner = part_layout(field.part)
        if name == table:
            yield from inner.columns
        yield from _columns_of(inner, table)


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - TOML has no null
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value
