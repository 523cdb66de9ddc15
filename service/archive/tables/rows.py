"""The rows of a table as it is kept: a CSV file, or a sheet of a workbook. Survives what spreadsheet programs do to files.

A row is a list of texts. Row numbers are those that a spreadsheet program shows: the header is row 1.
"""

import csv
import datetime as dt
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import python_calamine

from service.archive.reading import MAX_RECORD, open_regular

#: How the name of a workbook may end.
WORKBOOKS = (".xlsx", ".ods")
#: Columns that a table may have: the widest of the format has under a hundred, with its own fields a few hundred.
MAX_COLUMNS = 2000
#: Bytes that a workbook may unpack to, and how many times its packed size: real ones are packed ten to thirty times.
MAX_UNPACKED, MAX_RATIO = 4 << 30, 200
#: How a file of the old Office formats begins, and a workbook that is locked by a password.
_COMPOUND = b"\xd0\xcf\x11\xe0"

Row = tuple[int, list[str]]


class TableRefused(Exception):
    """A table cannot be read as one; the text says why. `row` is where, if known."""

    def __init__(self, message: str, row: int | None = None) -> None:
        super().__init__(message)
        self.row = row


@dataclass(frozen=True)
class Table:
    """One table: what it is called, what people know it by, and its rows, the header first. `rows` raises TableRefused."""

    name: str
    shown: str
    rows: Callable[[], Iterator[Row]]
    #: The file where a row can be changed: a CSV file. None of a workbook.
    file: Path | None = None


# --- CSV ------------------------------------------------------------------------------------------------------------


def csv_table(path: Path) -> Table:
    """Return the table in a CSV file: UTF-8 with or without a mark; comma, semicolon or tab between cells."""
    return Table(path.stem, path.name, lambda: _csv_rows(path), path)


def _csv_rows(path: Path) -> Iterator[Row]:
    with open_regular(path) as file:
        start = file.peek(4)[:4]
        if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start:
            raise TableRefused("The file is UTF-16, or no text at all: save it as CSV in UTF-8.")
        if start.startswith((b"PK\x03\x04", _COMPOUND)):
            raise TableRefused("The file is a workbook, not CSV: save it as CSV in UTF-8, or give the workbook itself.")
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        lines = _Lines(text)
        try:
            first = next(lines, "")
            reader = csv.reader(lines.again(first), delimiter=delimiter_of(first), strict=True)
            for number, cells in enumerate(reader, 1):
                if len(cells) > MAX_COLUMNS:
                    raise TableRefused(f"The row has more than {MAX_COLUMNS} columns.", number)
                yield number, cells
        except UnicodeDecodeError:
            raise TableRefused("The file is not UTF-8: save it as CSV in UTF-8.") from None
        except csv.Error as error:
            raise TableRefused(f"The file is no sound CSV: {error}.", lines.number) from None


def delimiter_of(header: str) -> str:
    """Return what stands between the cells of a header: what there is most of, outside quotes."""
    outside = "".join(header.split('"')[::2])
    return max(",;\t", key=outside.count)


class _Lines:
    """The lines of a text, none longer than a record may be, and none with a NUL."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.number = 0
        csv.field_size_limit(MAX_RECORD)

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_RECORD)
        if not line:
            raise StopIteration
        self.number += 1
        if "\0" in line:
            raise TableRefused("The line holds a NUL, which no text has.", self.number)
        return line

    def again(self, first: str) -> Iterator[str]:
        """Yield a line that was taken already, then the rest."""
        if first:
            yield first
        yield from self


# --- Workbooks ------------------------------------------------------------------------------------------------------


def workbook_tables(path: Path) -> list[Table]:
    """Return the tables in a workbook, a sheet each. Values are read, never formulas, macros or links to other files.

    Raises TableRefused where it is no workbook, is locked, or unpacks to more than it may.
    """
    refuse_unsafe(path)
    try:
        workbook = python_calamine.CalamineWorkbook.from_path(str(path))
    except python_calamine.PasswordError:
        raise TableRefused("The workbook is locked by a password: save it without one.") from None
    except (python_calamine.CalamineError, OSError) as error:
        raise TableRefused(f"The file cannot be read as a workbook: {error}.") from None
    return [_sheet(workbook, path, name) for name in workbook.sheet_names]


def _sheet(workbook: Any, path: Path, name: str) -> Table:  # noqa: ANN401 - as the library declares it
    def rows() -> Iterator[Row]:
        try:
            sheet = workbook.get_sheet_by_name(name)
            if sheet.width > MAX_COLUMNS:
                raise TableRefused(f"The sheet has more than {MAX_COLUMNS} columns.")
            # The library leaves out the empty rows above the first that is not.
            for number, cells in enumerate(sheet.iter_rows(), (sheet.start or (0, 0))[0] + 1):
                yield number, [as_text(cell) for cell in cells]
        except (python_calamine.CalamineError, OSError) as error:
            raise TableRefused(f"The sheet cannot be read: {error}.") from None

    return Table(name.strip().lower(), f"{path.name}, sheet {name}", rows)


def as_text(cell: object) -> str:
    """Return the text of a cell: what was typed, where that can be known."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return cell.date().isoformat()
    if isinstance(cell, dt.date | dt.time | dt.datetime):
        return cell.isoformat()
    return str(cell)


def refuse_unsafe(path: Path) -> None:
    """Refuse a file of an office program that is locked, is no such file, or unpacks to far more than one does.

    Raises TableRefused.
    """
    with open_regular(path) as file:
        if file.peek(4)[:4] == _COMPOUND:
            raise TableRefused(
                "The workbook is locked by a password, or of an old format: save it as .xlsx without one."
            )
        try:
            with zipfile.ZipFile(file) as packed:
                sizes = [(each.file_size, each.compress_size) for each in packed.infolist()]
        except (zipfile.BadZipFile, NotImplementedError, ValueError):
            raise TableRefused("The file is no workbook, or is damaged.") from None
    unpacked, compressed = sum(size for size, _ in sizes), sum(size for _, size in sizes)
    if unpacked > MAX_UNPACKED or unpacked > MAX_RATIO * max(compressed, 1 << 20):
        raise TableRefused("The workbook unpacks to far more than a workbook does: it is not opened.")
