r"""What a cell of a table holds: the values of the format as texts that a spreadsheet keeps, and back without loss.

In a list, `|` stands between values, `\|` and `\\` for these characters inside one. A text that a spreadsheet would run
as a formula has an apostrophe before it, as in the API's CSV.
"""

import re
from typing import Any

import orjson

from service.archive.tables.layout import Column

# What makes a spreadsheet take a text for a formula (OWASP, "CSV Injection"), also in full width. Apostrophes before it
# count too, so that taking one away gives the text back.
_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_BETWEEN = re.compile(r"\\(.)|\|", re.DOTALL)
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_DECIMAL = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d{1,3})?")
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def written(value: Any, column: Column) -> str:  # noqa: ANN401 - any value of the format
    """Return the cell that holds a value."""
    if value is None:
        return ""
    if column.is_list and isinstance(value, list):
        return _harmless("|".join(_escaped(_one_written(each, column)) for each in value))
    return _harmless(_one_written(value, column))


def read(cell: str, column: Column) -> Any:  # noqa: ANN401 - any value of the format
    """Return the value that a cell holds. What cannot be one of the column's kind is returned as its text, for the checks
    to refuse where it stands.
    """
    cell = _as_meant(cell)
    if column.is_list:
        return [_one_read(each, column) for each in _divided(cell) if each and (column.kind == "text" or each.strip())]
    return _one_read(cell, column)


def _one_written(value: Any, column: Column) -> str:  # noqa: ANN401
    if isinstance(value, bool):
        return "true" if value else "false"
    if column.kind == "object":
        return value if isinstance(value, str) and not _is_json(value) else orjson.dumps(value).decode()
    return value if isinstance(value, str) else repr(value)


def _one_read(cell: str, column: Column) -> Any:  # noqa: ANN401 - one way out for each kind
    match column.kind:
        case "text":
            return cell
        case "number":
            return _number(cell.strip())
        case "truth":
            return _TRUTHS.get(cell.strip().lower(), cell)
        case "object":
            return orjson.loads(cell) if _is_json(cell) else cell
        case _:
            return cell.strip()


def _number(cell: str) -> int | float | str:
    if _WHOLE.fullmatch(cell):
        return int(cell)
    if _DECIMAL.fullmatch(cell):
        # A decimal comma is what spreadsheets of half of the world write.
        return float(cell.replace(",", "."))
    return cell


def _is_json(cell: str) -> bool:
    try:
        orjson.loads(cell)
    except orjson.JSONDecodeError:
        return False
    return True


def harmless(text: object) -> object:
    """Return a cell that no spreadsheet runs as a formula: with an apostrophe before it where one would."""
    return _harmless(text) if isinstance(text, str) else text


def _harmless(text: str) -> str:
    return "'" + text if _FORMULA.match(text) else text


def _as_meant(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("|", "\\|") if "|" in value or "\\" in value else value


def _divided(cell: str) -> list[str]:
    if "\\" not in cell:
        return cell.split("|")
    parts, start, text = [], 0, ""
    for found in _BETWEEN.finditer(cell):
        text += cell[start : found.start()] + (found.group(1) or "")
        start = found.end()
        if found.group() == "|":
            parts.append(text)
            text = ""
    parts.append(text + cell[start:])
    return parts
