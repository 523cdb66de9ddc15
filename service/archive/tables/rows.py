"""The rows of a table as it is kept: a CSV file, or a sheet of a workbook. Survives what spreadsheet programs do to files.

A row is a list of texts. Row numbers are those that a spreadsheet program shows: the header is row 1.
"""

import csv
import datetime as dt
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import python_calamine

from service.archive.reading import MAX_RECORD, open_regular
from service.archive.tables.workbook_xml import SheetXml, WorkbookXmlRefused, cell_name, workbook_xml

#: How the name of a workbook may end. Macros, of which .xlsm may have some, are never run.
WORKBOOKS = (".xlsx", ".xlsm", ".ods")
#: Columns that a table may have: the widest of the format has under a hundred, with its own fields a few hundred.
MAX_COLUMNS = 2000
#: Bytes that a workbook may unpack to, and how many times its packed size: real ones are packed ten to thirty times.
MAX_UNPACKED, MAX_RATIO = 4 << 30, 200
#: Cells between the first and the last of a sheet: room is made for each, 32 bytes, also where it is empty.
MAX_SPAN = 15_000_000
#: Cells that are named of those that something is told of.
_NAMED = 5
#: How a file of the old Office formats begins, and a workbook that is locked by a password.
_COMPOUND = b"\xd0\xcf\x11\xe0"

Row = tuple[int, list[str]]


class NumberText(str):
    """The text of a cell that holds a number: what was typed may have had zeros before it, or more digits than are kept."""

    __slots__ = ()


class Remark(NamedTuple):
    """What a reader should know of a table: the code of a rule, the row where it begins, and a sentence."""

    code: str
    row: int
    detail: str


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
    #: Whether it is hidden in its workbook, and so is not for others to read.
    is_hidden: bool = False
    remarks: tuple[Remark, ...] = ()
    #: Ranges of cells that were merged into one, such as C1:D2.
    merged: tuple[str, ...] = ()


# --- CSV ------------------------------------------------------------------------------------------------------------


def csv_table(path: Path, *, encoding: str | None = None, sample: int = 1) -> Table:
    """Return the table in a CSV file: UTF-8 with or without a mark, unless another encoding is named; comma, semicolon or tab
    between cells, which the first `sample` lines tell.
    """
    return Table(path.stem, path.name, lambda: _csv_rows(path, encoding, sample), path)


def _csv_rows(path: Path, encoding: str | None, sample: int) -> Iterator[Row]:
    with open_regular(path) as file:
        start = file.peek(4)[:4]
        if encoding is None and (start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start):
            raise TableRefused("The file is UTF-16, or no text at all: save it as CSV in UTF-8.")
        if start.startswith((b"PK\x03\x04", _COMPOUND)):
            raise TableRefused("The file is a workbook, not CSV: save it as CSV in UTF-8, or give the workbook itself.")
        text = io.TextIOWrapper(file, encoding=encoding or "utf-8-sig", newline="")
        lines = _Lines(text)
        try:
            first = list(islice(lines, sample))
            reader = csv.reader(chain(first, lines), delimiter=delimiter_of("".join(first)), strict=True)
            for number, cells in enumerate(reader, 1):
                if len(cells) > MAX_COLUMNS:
                    raise TableRefused(f"The row has more than {MAX_COLUMNS} columns.", number)
                yield number, cells
        except UnicodeError:
            named = "UTF-8" if encoding is None else encoding
            raise TableRefused(f"The file is not {named}: save it as CSV in UTF-8.") from None
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


# --- Workbooks ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Workbook:
    """The tables of a workbook, a sheet each, and what a reader should know of it as a whole."""

    tables: list[Table]
    remarks: list[Remark]


def read_workbook(path: Path) -> Workbook:
    """Return the tables in a workbook. Values are read, never formulas, macros or links to other files.

    Raises TableRefused where it is no workbook, is locked, or unpacks to more than it may.
    """
    refuse_unsafe(path)
    try:
        found = workbook_xml(path)
        if path.name.lower().endswith(".ods"):  # of which the library reads all sheets at once
            for each in found.sheets.values():
                _refuse_far(each)
        workbook = python_calamine.CalamineWorkbook.from_path(str(path))
    except WorkbookXmlRefused as refused:
        raise TableRefused(f"The file cannot be read as a workbook: {refused}.") from None
    except python_calamine.PasswordError:
        raise TableRefused("The workbook is locked by a password: save it without one.") from None
    except (python_calamine.CalamineError, OSError) as error:
        raise TableRefused(f"The file cannot be read as a workbook: {error}.") from None
    tables = [
        replace(
            _sheet(workbook, path, each.name, found.sheets.get(each.name, SheetXml())),
            is_hidden=each.visible is not python_calamine.SheetVisibleEnum.Visible,
        )
        for each in workbook.sheets_metadata
        if each.typ is python_calamine.SheetTypeEnum.WorkSheet
    ]
    active = [
        what for what, there in (("macros", found.has_macros), ("links to other files", found.has_links)) if there
    ]
    told = f"The workbook has {' and '.join(active)}: they are never run or followed."
    return Workbook(tables, [Remark("active_content", 0, told)] if active else [])


def _sheet(workbook: Any, path: Path, name: str, xml: SheetXml) -> Table:  # noqa: ANN401 - as the library declares it
    def rows() -> Iterator[Row]:
        _refuse_far(xml)
        try:
            sheet = workbook.get_sheet_by_name(name)
            if sheet.width > MAX_COLUMNS:
                raise TableRefused(f"The sheet has more than {MAX_COLUMNS} columns.")
            # The library leaves out the columns before the first that is not empty. Empty rows above the first that is not are
            # nobody's header.
            above, before = sheet.start or (0, 0)
            for number, cells in enumerate(sheet.iter_rows(), 1):
                if number > above:
                    yield number, [""] * before + [as_text(cell) for cell in cells]
        except (python_calamine.CalamineError, OSError) as error:
            raise TableRefused(f"The sheet cannot be read: {error}.") from None

    shown = f"{path.name}, sheet {name}"
    return Table(name.strip().lower(), shown, rows, remarks=tuple(_remarks(xml)), merged=tuple(xml.merged))


def _refuse_far(xml: SheetXml) -> None:
    if xml.span > MAX_SPAN:
        last = cell_name(xml.last_row, xml.last_column)
        raise TableRefused(
            f"A sheet reaches to {last}, which are too many cells: take away what stands far out, or save it as CSV."
        )


def _remarks(xml: SheetXml) -> Iterator[Remark]:
    if xml.merged:
        told = f"Cells are merged ({_named(xml.merged)}): the first of them alone holds the value."
        yield Remark("merged_cells", _row_of(xml.merged[0]), told)
    if xml.formulas > len(xml.without_value):
        yield Remark("formulas", 0, f"The sheet has {xml.formulas} formulas: the values that were saved last are read.")
    if xml.without_value:
        told = (
            f"Formulas were saved without a value ({_named(xml.without_value)}): open the workbook, and save it again."
        )
        yield Remark("formula_without_value", _row_of(xml.without_value[0]), told)


def _named(cells: list[str]) -> str:
    return ", ".join(cells[:_NAMED]) + ", …" * (len(cells) > _NAMED)


def _row_of(cell: str) -> int:
    digits = "".join(char for char in cell.partition(":")[0] if char.isdecimal())
    return int(digits or 0)


def as_text(cell: object) -> str:
    """Return the text of a cell: what was typed, where that can be known."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return NumberText(int(cell) if isinstance(cell, float) and cell.is_integer() else cell)
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
