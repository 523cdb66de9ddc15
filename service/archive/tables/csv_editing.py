"""A CSV file changed in place: cells, whole rows, new rows at its end. Every byte that this does not concern is kept.

Knows no column of the format.
"""

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from service.archive.tables.rows import TableRefused, delimiter_of


@dataclass
class CsvEdit:
    """What is to change in a table. Rows count from 1, which is the header; columns from 0."""

    cells: dict[int, dict[int, str]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    #: New rows, by the name of the column.
    added: list[Mapping[str, str]] = field(default_factory=list)
    #: Names of columns that the table does not have yet; they come after those that it has.
    columns: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.cells or self.gone or self.added)


#: A row: where it starts and ends, its ending included, and where each of its cells does.
_Spans = tuple[int, int, list[tuple[int, int]]]


def edited(data: bytes, header: Sequence[str], edit: CsvEdit) -> bytes:
    """Return a CSV file with what is to change changed.

    Args:
        data: the file, in UTF-8.
        header: the names of the columns that it has.
        edit: what is to change.

    Raises:
        TableRefused: where the file is no sound CSV.
    """
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    text = data[len(mark) :].decode()
    delimiter = delimiter_of(text.splitlines()[0] if text else "")
    rows = list(_rows(text, delimiter))
    ending = "\r\n" if rows and text[: rows[0][1]].endswith("\r\n") else "\n"
    cells = {number: dict(row) for number, row in edit.cells.items()}
    if edit.columns:
        cells.setdefault(1, {}).update(enumerate(edit.columns, len(header)))
    parts, done = [], 0
    for number in sorted(cells.keys() | edit.gone):
        start, end, _ = rows[number - 1]
        parts.append(text[done:start])
        if number not in edit.gone:
            parts.append(_with_cells(text, rows[number - 1], cells[number], delimiter))
        done = end
    parts.append(text[done:])
    whole = "".join(parts)
    if edit.added and whole and not whole.endswith(("\n", "\r")):
        whole += ending
    names = [*header, *edit.columns]
    for row in edit.added:
        whole += delimiter.join(_quoted(row.get(name, ""), delimiter) for name in names) + ending
    return mark + whole.encode()


def new_table(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> bytes:
    """Return a CSV file with these rows, as spreadsheet programs open it best."""
    lines = [columns, *([row.get(name, "") for name in columns] for row in rows)]
    return codecs.BOM_UTF8 + "".join(",".join(_quoted(each, ",") for each in line) + "\r\n" for line in lines).encode()


def _rows(text: str, delimiter: str) -> Iterator[_Spans]:
    """Yield where rows and their cells stand, an empty line being a row of none."""
    cell = re.compile(rf'"(?:[^"]|"")*"|[^"{re.escape(delimiter)}\r\n][^{re.escape(delimiter)}\r\n]*|')
    at = 0
    while at < len(text):
        start, spans = at, []
        while True:
            match = cell.match(text, at)
            assert match is not None  # an empty cell always matches
            spans.append(match.span())
            at = match.end()
            if text[at : at + 1] != delimiter:
                break
            at += 1
        if text.startswith("\r\n", at):
            at += 2
        elif at < len(text):
            if text[at] not in "\r\n":
                raise TableRefused("The file is no sound CSV: a cell goes on after its quotes.")
            at += 1
        yield start, at, [] if len(spans) == 1 and spans[0][0] == spans[0][1] else spans


def _with_cells(text: str, row: _Spans, new: Mapping[int, str], delimiter: str) -> str:
    """Return a row with some cells changed. One that is too short for them is made longer."""
    start, end, spans = row
    body = spans[-1][1] if spans else start
    cells = [text[first:last] for first, last in spans]
    cells += [""] * (max(new) + 1 - len(cells))
    for position, value in new.items():
        cells[position] = _quoted(value, delimiter, always=cells[position].startswith('"'))
    return delimiter.join(cells) + text[body:end]


def _quoted(value: str, delimiter: str, *, always: bool = False) -> str:
    if always or any(char in value for char in (delimiter, '"', "\n", "\r")):
        return '"' + value.replace('"', '""') + '"'
    return value
