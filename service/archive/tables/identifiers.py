"""Identifiers that were made for records without one, kept where the next reading finds them: in the table itself, or, since
a workbook is not written to, in a table beside it.
"""

import csv
import io
from pathlib import Path

from service.archive.tables.rows import csv_table, delimiter_of
from service.archive.writing import written_whole

#: The table, what the record is called, and its identifier.
_COLUMNS = ("table", "label", "id")
_MARK = "\ufeff".encode()


def beside(workbook: Path) -> Path:
    """Return the file beside a workbook that keeps the identifiers of its records."""
    return workbook.with_name(f"{workbook.name}.ids.csv")


def kept_beside(workbook: Path) -> dict[tuple[str, str], str]:
    """Return the identifiers that are kept beside a workbook, by table and label."""
    path = beside(workbook)
    if not path.is_file():
        return {}
    return {(row[0], row[1]): row[2] for number, row in csv_table(path).rows() if number > 1 and len(row) > 2}


def keep_beside(workbook: Path, made: dict[tuple[str, str], str]) -> None:
    """Add identifiers to those that are kept beside a workbook."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows((*key, identifier) for key, identifier in (kept_beside(workbook) | made).items())
    with written_whole(beside(workbook)) as file:
        file.write(text.getvalue().encode())


def with_identifiers(data: bytes, made: dict[int, str]) -> bytes:
    """Return a table with identifiers in its column `id`, by row, which is added where the table has none. All else stays as
    it is, also what stands between cells, at the end of lines and before the first.
    """
    text = data.decode("utf-8-sig")
    header = text.partition("\n")[0]
    ending = "\r\n" if header.endswith("\r") else "\n"
    delimiter = delimiter_of(header)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    names = [name.strip().lower() for name in rows[0]]
    at = names.index("id") if "id" in names else 0
    if "id" not in names:
        rows = [["", *row] for row in rows]
        rows[0][0] = "id"
    for number, identifier in made.items():
        row = rows[number - 1]
        row += [""] * (at + 1 - len(row))
        row[at] = identifier
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=ending).writerows(rows)
    return (_MARK if data.startswith(_MARK) else b"") + out.getvalue().encode()
