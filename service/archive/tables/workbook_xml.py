"""What the XML of a workbook says beside its values: how far out cells lie, which are merged, which formulas were saved without
a value. Read in pieces; nothing is run, followed or expanded.

The library that reads the values makes room for every cell between the first and the last, so two cells far apart would take
all memory: that is looked at first.
"""

import re
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final
from xml.parsers import expat

_PIECE: Final = 1 << 18
#: Bytes of the parts of a workbook that say which sheets it has.
_MAX_INDEX: Final = 16 << 20
_CELL = re.compile(r"([A-Z]{1,3})(\d{1,7})")


class WorkbookXmlRefused(Exception):
    """The XML of a workbook is not what a spreadsheet program writes; the text says how."""


@dataclass
class SheetXml:
    """What the XML of one sheet says. Rows and columns count from 1; cells are named as spreadsheet programs do."""

    first_row: int = 0
    last_row: int = 0
    first_column: int = 0
    last_column: int = 0
    #: Cells that hold something.
    cells: int = 0
    merged: list[str] = field(default_factory=list)
    formulas: int = 0
    #: Formulas whose value was not saved.
    without_value: list[str] = field(default_factory=list)

    @property
    def span(self) -> int:
        """How many cells lie between the first and the last, those two included."""
        return (self.last_row - self.first_row + 1) * (self.last_column - self.first_column + 1) if self.cells else 0

    def see(self, row: int, column: int, *, rows: int = 1, columns: int = 1) -> None:
        """Take note of cells that hold something."""
        self.first_row = min(self.first_row or row, row)
        self.last_row = max(self.last_row, row + rows - 1)
        self.first_column = min(self.first_column or column, column)
        self.last_column = max(self.last_column, column + columns - 1)
        self.cells += 1


@dataclass
class WorkbookXml:
    """What the XML of a workbook says: of each sheet by name, and whether it has macros or links to other files."""

    sheets: dict[str, SheetXml]
    has_macros: bool = False
    has_links: bool = False


def workbook_xml(path: Path) -> WorkbookXml:
    """Return what the XML of a workbook says. Raises WorkbookXmlRefused, and OSError where it cannot be read."""
    try:
        with zipfile.ZipFile(path) as packed:
            names = packed.namelist()
            return WorkbookXml(
                _sheets_of_ods(packed) if "content.xml" in names else _sheets_of_xlsx(packed, names),
                has_macros=any(name.lower().endswith("vbaproject.bin") or name.startswith("Basic/") for name in names),
                has_links=any(name.startswith("xl/externalLinks/") for name in names),
            )
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise WorkbookXmlRefused(f"it is damaged ({error})") from None


def cell_name(row: int, column: int) -> str:
    """Return the name of a cell, such as C7."""
    return f"{column_name(column)}{row}"


def column_name(column: int) -> str:
    """Return the letters of a column, the first being A."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


# --- Reading XML ------------------------------------------------------------------------------------------------------


class _Reading:
    """One reading of one part. Names of elements and attributes are taken without their namespaces' prefixes."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = lambda name, marks: self.start(_plain(name), marks)
        self._parser.EndElementHandler = lambda name: self.end(_plain(name))
        self._parser.CharacterDataHandler = self.text
        # Entities could be expanded without end, or read files; no spreadsheet program declares any.
        self._parser.StartDoctypeDeclHandler = self._refuse

    def read(self, part: IO[bytes], *, most: int | None = None) -> None:
        """Read a part to its end. Raises WorkbookXmlRefused."""
        done = 0
        try:
            while piece := part.read(_PIECE):
                done += len(piece)
                if most is not None and done > most:
                    raise WorkbookXmlRefused("the list of its sheets is too long")
                self._parser.Parse(piece, False)
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise WorkbookXmlRefused(f"its XML is not sound ({error})") from None

    def start(self, name: str, marks: dict[str, str]) -> None:
        """Take note of an element that begins."""

    def end(self, name: str) -> None:
        """Take note of an element that ends."""

    def text(self, text: str) -> None:
        """Take note of text."""

    def _refuse(self, *_: object) -> None:
        raise WorkbookXmlRefused("its XML declares a document type, as no spreadsheet program does")


def _plain(name: str) -> str:
    return name.rpartition(":")[2]


def _mark(marks: dict[str, str], name: str) -> str:
    """Return an attribute, whatever prefix it has."""
    return next((value for key, value in marks.items() if _plain(key) == name), "")


def _number(marks: dict[str, str], name: str) -> int:
    text = _mark(marks, name)
    return max(int(text), 1) if text.isdecimal() and len(text) < 10 else 1


# --- .xlsx ------------------------------------------------------------------------------------------------------------


class _Index(_Reading):
    """Which sheets there are: names with the keys of their parts, or keys with the parts."""

    def __init__(self) -> None:
        super().__init__()
        self.sheets: list[tuple[str, str]] = []
        self.targets: dict[str, str] = {}

    def start(self, name: str, marks: dict[str, str]) -> None:
        if name == "sheet":
            # `id` with a prefix is the key; `sheetId` is another thing.
            self.sheets.append((marks.get("name", ""), _mark(marks, "id")))
        elif name == "Relationship":
            self.targets[marks.get("Id", "")] = marks.get("Target", "")


class _XlsxSheet(_Reading):
    def __init__(self) -> None:
        super().__init__()
        self.found = SheetXml()
        self._row = self._column = 0
        self._is_formula = self._has_value = self._is_text = self._is_value = False

    def start(self, name: str, marks: dict[str, str]) -> None:
        if name == "c":
            place = _CELL.fullmatch(marks.get("r", ""))
            self._column = _column(place.group(1)) if place else self._column + 1
            self._row = int(place.group(2)) if place else self._row
            self._is_formula = self._has_value = False
            self._is_text = marks.get("t") == "str"
        elif name == "row":
            self._row = int(marks["r"]) if marks.get("r", "").isdecimal() else self._row + 1
            self._column = 0
        elif name == "f":
            self._is_formula = True
        elif name in ("v", "is"):
            self._is_value = True
        elif name == "mergeCell":
            self.found.merged.append(marks.get("ref", ""))

    def text(self, text: str) -> None:
        self._has_value = self._has_value or (self._is_value and bool(text))

    def end(self, name: str) -> None:
        if name in ("v", "is"):
            self._is_value = False
        elif name == "c" and (self._has_value or self._is_formula):
            self.found.see(self._row, self._column)
            self.found.formulas += self._is_formula
            # The value of a formula may well be an empty text, which is then said to be a text.
            if self._is_formula and not self._has_value and not self._is_text:
                self.found.without_value.append(cell_name(self._row, self._column))


def _sheets_of_xlsx(packed: zipfile.ZipFile, names: list[str]) -> dict[str, SheetXml]:
    index = _Index()
    for part in ("xl/workbook.xml", "xl/_rels/workbook.xml.rels"):
        if part not in names:
            raise WorkbookXmlRefused("it lacks the list of its sheets")
        with packed.open(part) as opened:
            reading = _Index()
            reading.read(opened, most=_MAX_INDEX)
            index.sheets += reading.sheets
            index.targets |= reading.targets
    sheets = {}
    for name, key in index.sheets:
        target = index.targets.get(key, "")
        member = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        if member in names:
            with packed.open(member) as opened:
                sheet = _XlsxSheet()
                sheet.read(opened)
                sheets[name] = sheet.found
    return sheets


def _column(letters: str) -> int:
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column


# --- .ods -------------------------------------------------------------------------------------------------------------


class _OdsSheets(_Reading):
    """All sheets of an .ods: a row or cell may stand for many alike."""

    def __init__(self) -> None:
        super().__init__()
        self.sheets: dict[str, SheetXml] = {}
        self._sheet = SheetXml()
        self._row = self._column = 0
        self._rows = 1

    def start(self, name: str, marks: dict[str, str]) -> None:
        if name == "table":
            self._sheet = self.sheets[_mark(marks, "name")] = SheetXml()
            self._row, self._rows = 1, 1
        elif name == "table-row":
            self._column, self._rows = 1, _number(marks, "number-rows-repeated")
        elif name in ("table-cell", "covered-table-cell"):
            self._see(marks)

    def _see(self, marks: dict[str, str]) -> None:
        columns = _number(marks, "number-columns-repeated")
        formula = _mark(marks, "formula")
        if _mark(marks, "value-type") or formula:
            self._sheet.see(self._row, self._column, rows=self._rows, columns=columns)
        self._sheet.formulas += bool(formula)
        if formula and not _mark(marks, "value-type"):
            self._sheet.without_value.append(cell_name(self._row, self._column))
        wide, high = _number(marks, "number-columns-spanned"), _number(marks, "number-rows-spanned")
        if wide > 1 or high > 1:
            last = cell_name(self._row + high - 1, self._column + wide - 1)
            self._sheet.merged.append(f"{cell_name(self._row, self._column)}:{last}")
        self._column += columns

    def end(self, name: str) -> None:
        if name == "table-row":
            self._row += self._rows


def _sheets_of_ods(packed: zipfile.ZipFile) -> dict[str, SheetXml]:
    with packed.open("content.xml") as opened:
        reading = _OdsSheets()
        reading.read(opened)
    return reading.sheets
