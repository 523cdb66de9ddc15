"""Tables of others: CSV, a workbook's first sheet, or JSON that lists objects. Rows are texts by column."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.archive.reading import open_regular
from service.archive.tables.rows import WORKBOOKS, Table, TableRefused, csv_table, workbook_tables
from service.bringing.brought import Brought
from service.errors import BringRefused

#: Bytes of JSON that is read: it is parsed whole.
_MAX_JSON = 512 << 20
#: What stands between the values of one cell, in what is made of JSON's lists.
BETWEEN = "|"


@dataclass(frozen=True)
class ForeignRow:
    """A row: its number, the header being row 1, and the texts in it by column, without those that are empty."""

    number: int
    cells: dict[str, str]


def foreign_rows(file: Path, brought: Brought) -> Iterator[ForeignRow]:
    """Yield the rows of a table that others keep. What is in the file beside the table is told.

    Raises BringRefused where it is no table.
    """
    if file.suffix.lower() == ".json":
        yield from _json_rows(file, brought)
        return
    try:
        table = _table(file, brought)
        rows = table.rows()
        _, names = next(rows, (1, []))
        header = [" ".join(name.split()) for name in names]
        if len(named := [name for name in header if name]) != len(set(named)):
            raise BringRefused(f"{file}: two columns have the same name")
        for number, row in rows:
            cells = {name: cell.strip() for name, cell in zip(header, row, strict=False) if name and cell.strip()}
            if cells:
                yield ForeignRow(number, cells)
    except TableRefused as refused:
        where = "" if refused.row is None else f", row {refused.row}"
        raise BringRefused(f"{file}{where}: {refused}") from None


def _table(file: Path, brought: Brought) -> Table:
    if not file.name.lower().endswith(WORKBOOKS):
        return csv_table(file)
    first, *others = workbook_tables(file)
    for other in others:
        brought.leave(file, other.shown, "a sheet", "the first sheet is brought; save this one as a file of its own")
    return first


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
