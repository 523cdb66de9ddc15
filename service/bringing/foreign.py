"""Tables of others: CSV, a sheet of a workbook, or JSON that lists objects. Rows are texts by column.

What people do to tables that others were not meant to read is undone, and told: lines above the table, names of columns in two
rows, merged cells, columns without a name or with the same one, old encodings.
"""

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from service.archive.reading import open_regular
from service.archive.tables.rows import WORKBOOKS, Row, Table, TableRefused, csv_table, read_workbook
from service.archive.tables.workbook_xml import column_name
from service.bringing.brought import Brought
from service.errors import BringRefused

#: Bytes of JSON that is read: it is parsed whole.
_MAX_JSON = 512 << 20
#: What stands between the values of one cell, in what is made of JSON's lists.
BETWEEN = "|"
#: Rows in which the names of the columns are looked for.
_TOP = 20
#: What is not UTF-8 is taken for what Western spreadsheet programs write; `encoding` says otherwise.
_WESTERN = "cp1252"
_PIECE = 1 << 20
_OF_MERGED = "Cells are merged: what stands in the first is taken for all."
_RANGE = re.compile(r"([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})")


@dataclass(frozen=True)
class ForeignRow:
    """A row: its number, as a spreadsheet program shows it, and the texts in it by column, without those that are empty."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Reading:
    """How a table is read: which sheet, the first and last row of the names of its columns, and the encoding of a CSV file.
    What is None is found out.
    """

    sheet: str | None = None
    header: tuple[int, int] | None = None
    encoding: str | None = None


@dataclass(frozen=True)
class ForeignTable:
    """A table of others: its rows, and how it turned out to be read. Iterating raises BringRefused where it is no table."""

    rows: Iterator[ForeignRow]
    reading: Reading


def foreign_table(file: Path, brought: Brought, reading: Reading = Reading()) -> ForeignTable:
    """Return a table that others keep. What is in the file beside the table is told. Raises BringRefused where it is no table."""
    if file.suffix.lower() == ".json":
        return ForeignTable(_json_rows(file, brought), reading)
    try:
        table, reading = _table(file, brought, reading)
        rows = _filled(table)
        top = list(islice(rows, _TOP))
        if not any(any(cells) for _, cells in top):
            raise BringRefused(f"{file} holds no table: it has no row")
        first, last = reading.header or _header(table, top)
        names = _names(file, brought, [cells for number, cells in top if first <= number <= last])
    except TableRefused as refused:
        raise _refusal(file, refused) from None
    for number, cells in top:
        if number < first and any(cells):
            brought.leave(file, f"row {number}", "a line above the table", "the table begins below it")
    below = chain((row for row in top if row[0] > last), rows)
    return ForeignTable(_rows(file, below, names), replace(reading, header=(first, last)))


def foreign_rows(file: Path, brought: Brought, reading: Reading = Reading()) -> Iterator[ForeignRow]:
    """Yield the rows of a table that others keep. Raises BringRefused where it is no table."""
    yield from foreign_table(file, brought, reading).rows


def _rows(file: Path, rows: Iterable[Row], names: list[str]) -> Iterator[ForeignRow]:
    try:
        for number, row in rows:
            cells = {}
            for position, cell in enumerate(row):
                if text := cell.strip():
                    cells[names[position] if position < len(names) else _unnamed(position)] = str(text)
            if cells:
                yield ForeignRow(number, cells)
    except TableRefused as refused:
        raise _refusal(file, refused) from None


def _refusal(file: Path, refused: TableRefused) -> BringRefused:
    where = "" if refused.row is None else f", row {refused.row}"
    return BringRefused(f"{file}{where}: {refused}")


def _unnamed(position: int) -> str:
    return f"column {column_name(position + 1)}"


# --- Which table, and where it begins ---------------------------------------------------------------------------------


def _table(file: Path, brought: Brought, reading: Reading) -> tuple[Table, Reading]:
    if not file.name.lower().endswith(WORKBOOKS):
        encoding = reading.encoding or encoding_of(file)
        if encoding not in (None, reading.encoding):
            what = f"read as {encoding}"
            brought.leave(file, "", what, "it is not UTF-8; if letters are wrong, say `encoding`, such as cp1251")
        try:
            codecs.lookup(encoding or "utf-8")
        except LookupError:
            raise BringRefused(f"{file}: there is no encoding {encoding}") from None
        return csv_table(file, encoding=encoding, sample=_TOP), replace(reading, encoding=encoding)
    workbook = read_workbook(file)
    for remark in workbook.remarks:
        brought.leave(file, "", "the workbook", remark.detail)
    shown = [each for each in workbook.tables if not each.is_hidden]
    wanted = [each for each in workbook.tables if each.name == (reading.sheet or "").strip().lower()]
    if reading.sheet is not None and not wanted:
        raise BringRefused(f"{file} has no sheet {reading.sheet}")
    if not (chosen := wanted or shown):
        raise BringRefused(f"{file} has no sheet that is not hidden")
    for each in workbook.tables:
        if each is not chosen[0]:
            why = "it is hidden" if each.is_hidden else "another is brought: name this one with `sheet`"
            brought.leave(file, each.shown.removeprefix(f"{file.name}, "), "a sheet", why)
    where = chosen[0].shown.removeprefix(f"{file.name}, ")
    for remark in chosen[0].remarks:
        is_merged = remark.code == "merged_cells"
        brought.leave(file, where, "cells", _OF_MERGED if is_merged else remark.detail)
    return chosen[0], reading


def encoding_of(file: Path) -> str | None:
    """Return the encoding of a file with text that is not UTF-8, as far as it can be known; None where it is."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with open_regular(file) as opened:
        if opened.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        try:
            while piece := opened.read(_PIECE):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return _WESTERN
    return None


def _filled(table: Table) -> Iterator[Row]:
    """Yield rows in which each of some merged cells has what the first holds, as it is seen."""
    merged = [(int(r1), _number(c1), int(r2), _number(c2)) for c1, r1, c2, r2 in _ranges(table)]
    if not merged:
        yield from table.rows()
        return
    values: dict[tuple[int, int, int, int], str] = {}
    for number, row in table.rows():
        mine = [each for each in merged if each[0] <= number <= each[2]]
        cells = row + [""] * (max((last for _, _, _, last in mine), default=0) - len(row))
        for each in mine:
            top, first, _, last = each
            if number == top:
                values[each] = cells[first - 1]
            cells[first - 1 : last] = [values.get(each, "")] * (last - first + 1)
        yield number, cells


def _ranges(table: Table) -> Iterator[tuple[str, str, str, str]]:
    return (
        (a, b, c, d) for each in table.merged if (found := _RANGE.fullmatch(each)) for a, b, c, d in [found.groups()]
    )


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _header(table: Table, top: list[Row]) -> tuple[int, int]:
    """Return the first and last row of the names of columns: the first with two of them, and with the one below where some of
    them stand over several columns.
    """
    first = next((number for number, cells in top if len({cell.strip() for cell in cells} - {""}) > 1), None)
    if first is None:
        first = next((number for number, cells in top if any(cell.strip() for cell in cells)), 1)
    is_over_several = any(int(b) == first == int(d) and a != c for a, b, c, d in _ranges(table))
    return first, first + is_over_several


def _names(file: Path, brought: Brought, rows: list[list[str]]) -> list[str]:
    """Return the name of each column: what stands in the rows of the header, from above."""
    names: list[str] = []
    for position in range(max(map(len, rows), default=0)):
        parts = [" ".join(row[position].split()) for row in rows if position < len(row)]
        if (
            len(rows) > 1 and not parts[0] and any(parts)
        ):  # it goes on from the column before, as CSV writes merged cells
            parts[0] = next((" ".join(cell.split()) for cell in reversed(rows[0][:position]) if cell.strip()), "")
        names.append(" ".join(dict.fromkeys(filter(None, parts))) or _unnamed(position))
    counts: Counter[str] = Counter()
    for position, name in enumerate(names):
        counts[name] += 1
        if counts[name] > 1:
            names[position] = f"{name} {counts[name]}"
            brought.leave(file, f"column {name}", "the name of a column", f"two have it: this one is {names[position]}")
    return names


# --- JSON -------------------------------------------------------------------------------------------------------------


def _json_rows(file: Path, brought: Brought) -> Iterator[ForeignRow]:
    with open_regular(file) as opened:
        data = opened.read(_MAX_JSON + 1)
    if len(data) > _MAX_JSON:
        raise BringRefused(f"{file} has more than {_MAX_JSON >> 20} MB: save it as CSV")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise BringRefused(f"{file} is not valid JSON") from None
    if isinstance(value, dict):
        lists = [key for key, inner in value.items() if _is_table(inner)]
        if len(lists) != 1:
            raise BringRefused(f"{file} holds no list of objects, or more than one")
        for key in (key for key in value if key not in lists):
            brought.leave(file, key, "what stands beside the table", "a table has rows alone; say it in archive.toml")
        value = value[lists[0]]
    if not _is_table(value):
        raise BringRefused(f"{file} holds no list of objects")
    for number, row in enumerate(value, 2):
        if cells := {key: text for key, inner in row.items() if (text := _as_text(inner))}:
            yield ForeignRow(number, cells)


def _is_table(value: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _as_text(value: Any) -> str:  # noqa: ANN401 - JSON
    if value is None or value == "":
        return ""
    if isinstance(value, list) and all(isinstance(each, str | int | float) for each in value):
        return BETWEEN.join(_as_text(each).replace(BETWEEN, " ") for each in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
