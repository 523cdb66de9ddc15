"""Tables of strangers: what people and spreadsheet programs do to them is undone and told, and what is none writes nothing."""

import json
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from service.archive.tables import compiled
from service.archive.tables.writing import pieces_of

GERMAN = """Vorfälle 2021;;;
;;;
Nr;Titel;Datum;Verletzte;Fläche;Ort;Ort
1;Eine Räumung;03.05.2021;2;1.234,5;Köln;Süd
2;Eine Kundgebung;23.05.2021;;0,5;Köln;Nord
"""


def events_of(tables: Path) -> list[dict[str, Any]]:
    with compiled(tables) as made:
        assert made.findings == []
        return [record for kind, record in pieces_of(made.path) if kind == "event"]


def brought(command: Any, file: Path, *options: str) -> list[dict[str, Any]]:
    """Bring a table as the guide says, by the map that is suggested, and return its events."""
    suggested = command("bring", "table", file, "--suggest", *options)
    assert suggested.code == 0, suggested.err
    how = file.with_suffix(".toml")
    how.write_text(suggested.out)
    ran = command("bring", "table", file, "--into", "mine", "--map", how, "--new-terms", "--json")
    assert ran.code == 0, ran.err
    checked = command("check", "mine")
    assert checked.code == 0, checked.out
    return events_of(file.parent / "mine")


def test_a_table_in_an_old_encoding_with_lines_above_it(command: Any, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(GERMAN.encode("cp1252"))
    suggested = command("bring", "table", file, "--suggest")
    assert 'encoding = "cp1252"' in suggested.out
    assert "read as cp1252" in suggested.err
    assert "row 1: a line above the table" in suggested.err
    events = brought(command, file)
    assert [each["title"] for each in events] == ["Eine Räumung", "Eine Kundgebung"]
    assert events[0]["date"] == "2021-05-03"
    assert [each["custom"]["flache"] for each in events] == [1234.5, 0.5]
    # Two columns are called alike, and both are kept.
    assert "place" in events[1]
    assert events[1]["custom"]["ort_2"] == "Nord"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_unicode_of_any_form_is_read(command: Any, tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes("title\tcity\r\nРазгон\tАрден\r\nОбыск\tАрден\r\n".encode(encoding))
    assert [each["title"] for each in brought(command, file)] == ["Разгон", "Обыск"]


def test_another_encoding_is_named(command: Any, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes("title,city\nРазгон,Арден\nОбыск,Арден\n".encode("cp1251"))
    assert [each["title"] for each in brought(command, file, "--encoding", "cp1251")] == ["Разгон", "Обыск"]
    ran = command("bring", "table", file, "--suggest", "--encoding", "cp9999")
    assert (ran.code, ran.out) == (1, "")
    assert "no encoding cp9999" in ran.err


def workbook(path: Path) -> Path:
    """Write a workbook as people make them: a title, names of columns in two rows, merged cells, hidden sheets."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "Incidents"
    for row in (
        ["Incidents of the year"],
        [],
        ["Case", "Headline", "Location", None, "Injured"],
        [None, None, "City", "Quarter", None],
        [7, "A stop", "Arden", "North", 2],
        [8, "A raid", None, "South", 0],
        [None, None, None, None, None, "seen by two"],
    ):
        sheet.append(row)
    for merged in ("A1:E1", "A3:A4", "B3:B4", "C3:D3", "E3:E4", "C5:C6"):
        sheet.merge_cells(merged)
    names = book.create_sheet("Names")
    names.append(["Name", "Phone"])
    names.append(["Ann Example", "0123"])
    names.sheet_state = "hidden"
    other = book.create_sheet("Other")
    other.append(["title", "city"])
    other.append(["Elsewhere", "Beech"])
    book.save(path)
    return path


def test_merged_cells_and_names_in_two_rows_of_a_workbook(command: Any, tmp_path: Path) -> None:
    file = workbook(tmp_path / "a.xlsx")
    suggested = command("bring", "table", file, "--suggest")
    assert "sheet Names: a sheet: it is hidden" in suggested.err
    assert "sheet Other: a sheet: another is brought" in suggested.err
    assert "Cells are merged: what stands in the first is taken for all." in suggested.err
    assert "3,\n    4,\n" in suggested.out
    how = tmp_path / "m.toml"
    how.write_text(suggested.out)
    command("bring", "table", file, "--into", "mine", "--map", how, "--new-terms")
    stop, raid, last = events_of(tmp_path / "mine")
    assert [each["custom"]["location_city"] for each in (stop, raid)] == ["Arden", "Arden"]
    assert [each["custom"]["location_quarter"] for each in (stop, raid)] == ["North", "South"]
    assert [each["custom"]["injured"] for each in (stop, raid)] == [2, 0]
    # What stands in a column without a name is kept.
    assert last["custom"] == {"column_f": "seen by two"}


def test_another_sheet_and_header_may_be_named(command: Any, tmp_path: Path) -> None:
    file = workbook(tmp_path / "a.xlsx")
    assert [each["title"] for each in brought(command, file, "--sheet", "Other", "--header", "1")] == ["Elsewhere"]
    for options, said in ((("--sheet", "None"), "no sheet None"), (("--header", "x"), "is a row, or two")):
        ran = command("bring", "table", file, "--suggest", *options)
        assert ran.code != 0
        assert said in " ".join(ran.err.split())


@pytest.mark.parametrize(
    ("decimal", "values", "left"),
    [
        ("", ["5", "1.5", "1,5", "1 500", "1e3"], []),
        ("", ["1,500"], ["it may be 1500 or 1.500: say `decimal` in the map"]),
        (".", ["1,500.25"], []),
        (",", ["1.500,25"], []),
        ("", ["many"], ["it is none"]),
    ],
)
def test_numbers_as_people_write_them(
    command: Any, tmp_path: Path, decimal: str, values: list[str], left: list[str]
) -> None:
    rows = "".join(f"t{number}\t{value}\n" for number, value in enumerate(values))
    (tmp_path / "a.csv").write_text("title\tn\n" + rows)
    said = f'decimal = "{decimal}"\n' if decimal else ""
    how = '[columns.title]\nfield = "title"\n[columns.n]\nfield = "custom.n"\nkind = "number"\n'
    (tmp_path / "m.toml").write_text(f'key = ["title"]\nconstants = {{ type = "other" }}\n{how}{said}')
    ran = command("bring", "table", "a.csv", "--into", "mine", "--map", "m.toml", "--json")
    assert [each["why"] for each in json.loads(ran.out)["left"]] == left
    read = [each.get("custom", {}).get("n") for each in events_of(tmp_path / "mine")]
    assert [each for each in read if each is not None] == ([] if left else NUMBERS[decimal])


NUMBERS = {"": [5, 1.5, 1.5, 1500, 1000], ".": [1500.25], ",": [1500.25]}


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * (300 << 20))


def half(path: Path) -> None:
    workbook(path)
    path.write_bytes(path.read_bytes()[:4000])


BAD: dict[str, Any] = {
    "a picture.csv": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "nothing.csv": b"",
    "a NUL.csv": b"title,city\nA\x00b,Arden\n",
    "half a cell.csv": b'title,city\n"A raid,Arden\n',
    "a million columns.csv": b"a," * 1_000_000 + b"\n",
    "a workbook in name.xlsx": b"title,city\n",
    "a workbook called.csv": b"PK\x03\x04rest",
    "locked.xlsx": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
    "bomb.xlsx": bomb,
    "half.xlsx": half,
    "broken.json": b'{"incidents": [',
    "no table.json": b'{"incidents": 7}',
    "deep.json": b"[" * 100_000,
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_table_is_said_in_a_line_and_nothing_is_written(command: Any, tmp_path: Path, name: str) -> None:
    file, content = tmp_path / name, BAD[name]
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        content(file)
    (tmp_path / "m.toml").write_text('[columns.title]\nfield = "title"\n')
    for arguments in (("--suggest",), ("--into", "mine", "--map", "m.toml")):
        ran = command("bring", "table", file, *arguments)
        assert (ran.code, ran.out) == (1, "")
        assert len(ran.err.splitlines()) == 1
    ran = command("bring", "uwazi", file, "--into", "mine")
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (1, "", 1)
    assert not (tmp_path / "mine").exists()


FORM = """Timestamp,What happened?,Date of incident,City,Types,Links,Name
2021/05/04 10:11:12,Two people were stopped,2021-05-03,Arden,"stop, search","https://a.example/1
https://a.example/2",Ann Example
2021/05/10 09:00:00,A march was dispersed,2021-05-09,Arden,"march, stop",,Bo Example
2021/05/11 09:00:00,A flat was searched,some day,Beech,"search, march",https://a.example/3,
2021/05/12 09:00:00,"A walk, stopped",2021-05-11,Beech,"stop, march, search",,
"""


def test_what_a_form_collected_is_understood(command: Any, tmp_path: Path) -> None:
    file = tmp_path / "form.csv"
    file.write_text(FORM)
    events = brought(command, file)
    assert events[0]["title"] == "Two people were stopped"
    assert events[0]["custom"]["types"] == ["stop", "search"]
    assert events[0]["custom"]["links"] == ["https://a.example/1", "https://a.example/2"]
    assert events[0]["access"]["private"] == {"name": "Ann Example"}
    assert [each["date"] for each in events] == ["2021-05-03", "2021-05-09", None, "2021-05-11"]
    assert events[2]["date_note"] == "The table says: some day."


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("title,date,city\na b,2021-01-01,Arden\na c,2021-01-01,Arden\n", ["title"]),
        ("title,date,city\na b,2021-01-01,Arden\na b,2021-01-02,Arden\n", ["title", "date"]),
        ("title,date,city\na b,2021-01-01,Arden\na b,2021-01-01,Beech\n", ["title", "date", "city"]),
        ("title,date,city\na b,2021-01-01,Arden\na b,2021-01-01,Arden\n", []),
        ("title,Case No\na b,7\na c,8\n", ["Case No"]),
        ("title,Case No\na b,7\na c,7\n", ["title"]),
    ],
)
def test_rows_are_told_apart_by_the_fewest_columns(command: Any, tmp_path: Path, table: str, key: list[str]) -> None:
    file = tmp_path / "a.csv"
    file.write_text(table)
    suggested = tomllib.loads(command("bring", "table", file, "--suggest").out)
    assert suggested.get("key", []) == key
    assert len(brought(command, file)) == 2
