"""The table form: archives written as tables and read again, what spreadsheet programs do to files, and what is told of it."""

import csv
import datetime as dt
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.styles import PatternFill
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH
from pydantic import AfterValidator

from service.archive.checks import Report, check_archive
from service.archive.declarations import stated_in
from service.archive.fields import FormatField, archive_fields, fields_of
from service.archive.identifiers import PLURALS, PREFIXES, RECORD_TYPES, RecordType
from service.archive.marks import Translated
from service.archive.model import RECORD_MODELS
from service.archive.tables import compiled, write_tables
from service.archive.tables.rows import MAX_COLUMNS
from service.archive.tables.starting import start_tables
from service.archive.tables.writing import Piece, head_of, pieces_of
from service.release.projection import canonical_line, public_record
from tests.archives import TEXT, TIMES

GOOD = Path(__file__).parent / "corpus" / "good.json"
ROOT = Path(__file__).parents[2]
TODAY = date(2024, 6, 1)

HEAD = """
format = "testimony-archive/1"
[archive]
id = "arden"
title = "Arden"
language = "en"
licence = "CC-BY-4.0"
contact = "society@arden.example"
publisher = { name = "Arden Society" }
"""
SOURCES = "id,type,title,language,rights\nsrc-1,article,A report,en,CC-BY-4.0\n"
EVENTS = "id,type,title,date\nevt-1,detention,A stop,2021-05-09\nevt-2,protest,A march,\n"
CITATIONS = "record_id,source_id\nevt-1,src-1\nevt-2,src-1\n"


def folder_of(folder: Path, **files: str | bytes) -> Path:
    """Write tables; names have `_` before the suffix."""
    folder.mkdir(exist_ok=True)
    for name, content in {"archive_toml": HEAD, **files}.items():
        stem, _, suffix = name.rpartition("_")
        path = folder / f"{stem.replace('__', '/')}.{suffix}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def check(tables: Path) -> Report:
    with compiled(tables) as made:
        return made.told(check_archive(made.path, today=TODAY))


def found(tables: Path) -> list[tuple[str, str]]:
    return [(each.code, each.pointer) for each in check(tables).findings]


def records_of(tables: Path) -> dict[str, dict[str, Any]]:
    with compiled(tables) as made:
        assert not made.findings
        return {record["id"]: record for _, record in pieces_of(made.path)}


def public(path: Path) -> list[bytes]:
    """Return the canonical lines of an archive file: what its release is made of."""
    lines = []
    fields = archive_fields(stated_in(path))
    for kind, record in pieces_of(path):
        if kind in RECORD_MODELS:
            found = public_record(fields[kind].model.model_validate(record), today=TODAY)
            lines.append(canonical_line(found) if found else b"")
        else:
            lines.append(canonical_line({"record": kind, **record}))
    return sorted(lines)


# --- Both ways without loss ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *(
            "seed/archive.json",
            "examples/arden.json",
            "tests/archive/corpus/good.json",
            "tests/archive/corpus/good.jsonl",
        ),
        *sorted(str(path.relative_to(ROOT)) for path in (GOOD.parent / "situations").glob("*.json")),
    ],
)
def test_an_archive_written_as_tables_and_read_again_is_the_same(name: str, tmp_path: Path) -> None:
    write_tables(head_of(ROOT / name), lambda: pieces_of(ROOT / name), tmp_path / "tables")
    with compiled(tmp_path / "tables") as made:
        assert made.findings == []
        assert public(made.path) == public(ROOT / name)
        assert _plain(head_of(ROOT / name)) == head_of(made.path)


#: What a text may hold that a spreadsheet or a table gives a meaning of its own.
ODD = st.text(st.sampled_from("|\\,;\t\"'=+-@\n\r ^#ё中 a1é.{}[]"), min_size=1, max_size=8)


def _with_odd_texts(value: dict[str, Any], fields: tuple[FormatField, ...], odd: Callable[[], str]) -> dict[str, Any]:
    def one(each: FormatField, inner: Any) -> Any:
        if each.part is not None and isinstance(inner, dict):
            return _with_odd_texts(inner, each.inner, odd)
        is_free = each.kind == "text" and each.name != "id"
        has_form = any(isinstance(mark, AfterValidator) for mark in each.marks)
        return odd() if is_free and not has_form and isinstance(inner, str) and "sha" not in each.name else inner

    changed = dict(value)
    for each in fields:
        if (inner := value.get(each.name)) is not None:
            changed[each.name] = [one(each, part) for part in inner] if isinstance(inner, list) else one(each, inner)
    return changed


@settings(max_examples=12 * TIMES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_texts_that_mean_something_to_a_spreadsheet_come_back(tmp_path: Path, data: st.DataObject) -> None:
    pool = data.draw(st.lists(ODD, min_size=6, max_size=6))
    turn = iter(range(10**9))

    def odd() -> str:
        return pool[next(turn) % len(pool)]

    pieces: list[Piece] = [
        (kind, _with_odd_texts(record, fields_of(RECORD_MODELS[kind]), odd) if kind in RECORD_MODELS else record)
        for kind, record in pieces_of(GOOD)
    ]
    write_tables(head_of(GOOD), lambda: pieces, tmp_path / "tables")
    back = {record["id"]: record for _, record in _pieces_of_tables(tmp_path / "tables")}
    for kind, record in pieces:
        if kind != "withdrawn":
            assert _plain(back[record["id"]]) == _plain(record)


#: Own fields of each kind, one and many.
OWN: list[dict[str, Any]] = [
    {"name": f"{kind}_{'many' if many else 'one'}", "label": kind, "kind": kind, "many": many}
    | ({"vocabulary": "weapon"} if kind == "term" else {})
    for kind in ("text", "term", "number", "boolean", "date", "url", "reference")
    for many in (False, True)
]


class Drawn:
    """Any record that the format can hold, as far as the kinds of its fields say. Hypothesis draws too few of that size."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def record(self, kind: RecordType) -> dict[str, Any]:
        record = self._part(fields_of(RECORD_MODELS[kind])) | {"id": f"{PREFIXES[kind]}-1"}
        record["custom"] = {each["name"]: self._own(each) for each in OWN if self._random.random() < 0.5}
        translated = record.setdefault("translations", {}).setdefault("ru", {})
        translated["custom"] = {each["name"]: self._own(each) for each in OWN if each["kind"] == "text"}
        return record

    def _part(self, fields: tuple[FormatField, ...]) -> dict[str, Any]:
        part = {
            each.name: self._list(lambda: self._value(each)) if each.is_list else self._value(each)  # noqa: B023 - called at once
            for each in fields
            if each.name not in ("translations", "custom", "id", "content") and self._random.random() < 0.5
        }
        texts = [each for each in fields if each.mark(Translated) is not None]
        if texts and any(each.name == "translations" for each in fields):
            part["translations"] = {
                language: {each.name: self._list(self._odd) if each.is_list else self._odd() for each in texts}
                for language in ("es", "zh-Hant")
            }
        return part

    def _value(self, each: FormatField) -> Any:
        if each.kind == "part":
            return self._part(each.inner)
        if each.kind == "reference":
            return f"{PREFIXES[self._random.choice(each.types)]}-1"
        if each.name == "private":
            return {self._odd(): self._json() for _ in range(2)}
        has_form = any(isinstance(mark, AfterValidator) for mark in each.marks)
        kinds: dict[str, Callable[[], Any]] = {
            "number": self._number,
            "truth": self._truth,
            "object": self._json,
            "text": self._plain if has_form else self._odd,
        }
        return kinds.get(each.kind, self._plain)()

    def _own(self, each: dict[str, Any]) -> Any:
        kinds: dict[str, Callable[[], Any]] = {
            "text": self._odd,
            "number": self._number,
            "boolean": self._truth,
            "reference": lambda: "evt-1",
        }
        one = kinds.get(each["kind"], self._plain)
        return self._list(one) if each["many"] else one()

    def _list(self, one: Callable[[], Any]) -> list[Any]:
        return [one() for _ in range(self._random.randint(1, 3))]

    def _json(self) -> Any:
        kinds: list[Callable[[], Any]] = [self._odd, self._number, self._truth]
        kinds += [lambda: [self._json()], lambda: {self._odd(): self._json()}]
        return self._random.choice(kinds)()

    def _odd(self) -> str:
        return "".join(self._random.choices("|\\,;\t\"'=+-@\n\r ^#ё中 a1é.{}[]", k=self._random.randint(1, 8)))

    def _plain(self) -> str:
        return "".join(self._random.choices("abcdef-0123456789", k=5)) + "z"

    def _number(self) -> float:
        return self._random.choice(
            [self._random.randint(-(10**15), 10**15), self._random.uniform(-1e15, 1e15), 0.5, -0.0, 1e-9, 1e300]
        )

    def _truth(self) -> bool:
        return self._random.random() < 0.5


@pytest.mark.parametrize("seed", range(25))
def test_any_record_that_the_format_can_hold_comes_back(tmp_path: Path, seed: int) -> None:
    drawn = Drawn(seed)
    records: list[Piece] = [(kind, drawn.record(kind)) for kind in RECORD_TYPES]
    head = {**head_of(GOOD), "fields": dict.fromkeys(RECORD_TYPES, OWN)}
    write_tables(head, lambda: records, tmp_path / "tables")
    back = dict(_pieces_of_tables(tmp_path / "tables"))
    for kind, record in records:
        assert _plain(back[kind]) == _plain(record), kind


def _pieces_of_tables(tables: Path) -> list[Piece]:
    with compiled(tables) as made:
        assert made.findings == []
        return list(pieces_of(made.path))


def _plain(value: Any) -> Any:
    """Return a value without what stands for nothing, which tables do not write down."""
    if isinstance(value, dict):
        return {key: plain for key, inner in value.items() if (plain := _plain(inner)) not in (None, [], {})}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


# --- What people write, and what programs make of it -----------------------------------------------------------------


def test_labels_stand_for_records_and_new_records_get_identifiers_that_are_kept(tmp_path: Path) -> None:
    tables = folder_of(
        tmp_path / "t",
        sources_csv=SOURCES,
        places_csv="name,kind\nArden,city\nOld Market,site\n",
        events_csv="type;title;date;place_label\ndetention;A stop;2021-05-09;Old Market\n",
        citations_csv="record_id,source\nA stop,A report\n",
    )
    records = records_of(tables)
    assert records["evt-0001"]["place"] == "plc-old-market"
    assert records["evt-0001"]["citations"] == [{"source": "src-1"}]
    with compiled(tables) as made:
        assert {path.name for path in made.keep_identifiers()} == {"places.csv", "events.csv"}
    assert (tables / "events.csv").read_text().splitlines()[1].startswith("evt-0001;detention")
    # A new title is no new record.
    (tables / "events.csv").write_text((tables / "events.csv").read_text().replace("A stop", "The stop"))
    (tables / "citations.csv").write_text("record_id,source\nThe stop,A report\n")
    assert set(records_of(tables)) == {"src-1", "plc-arden", "plc-old-market", "evt-0001"}


def test_a_text_and_a_transcript_lie_beside_the_tables(tmp_path: Path) -> None:
    tables = folder_of(
        tmp_path / "t",
        sources_csv="id,type,title,language,rights,verbatim\nsrc-1,article,A report,en,CC-BY-4.0,yes\n",
        agents_csv="id,kind,name_policy,name\nagt-1,person,published,Ann\n",
        testimonies_csv="id,title,summary,witness_id,language,attribution\ntes-1,She saw it,She did,agt-1,en,first_person\n",
        citations_csv="record_id,source_id\ntes-1,src-1\n",
    )
    (tables / "texts").mkdir(exist_ok=True)
    (tables / "texts" / "src-1.txt").write_text(TEXT)
    (tables / "transcripts").mkdir()
    (tables / "transcripts" / "tes-1.vtt").write_text(
        "WEBVTT\n\n00:01.000 --> 00:02.500\n<v Ann>Hello.\n\n00:03.000 --> 00:04.000\n<v Bo>One.\n<v Ann>Two.\n"
    )
    records = {record["id"]: record for _, record in _pieces_without_findings(tables)}
    assert records["src-1"]["text"]["content"] == TEXT
    assert [(each["start_s"], each["speaker"], each["text"]) for each in records["tes-1"]["transcript"]] == [
        (1, "Ann", "Hello."),
        (3, "Bo", "One."),
        (3, "Ann", "Two."),
    ]


def test_a_text_that_came_with_the_tables_may_be_written_over(tmp_path: Path) -> None:
    start_tables(tmp_path / "t")
    (tmp_path / "t" / "citations.csv").write_text(
        "record_id,source_id\nevt-0001,src-example\ntes-0001,src-example\nrsp-0001,src-example\n"
    )
    (tmp_path / "t" / "texts" / "src-example.txt").write_text("Another text.")
    assert found(tmp_path / "t") == []
    assert records_of(tmp_path / "t")["src-example"]["text"]["length"] == 13


def _pieces_without_findings(tables: Path) -> Iterator[Piece]:
    with compiled(tables) as made:
        yield from list(pieces_of(made.path))


@pytest.mark.parametrize(
    "written",
    [
        EVENTS.replace(",", ";"),
        EVENTS.replace(",", "\t"),
        "\ufeff" + EVENTS,
        EVENTS.replace("\n", "\r\n"),
        EVENTS + "\n\n,,,\n",
        EVENTS.replace("id,type,title,date", " ID , Type,title ,Date_edtf"),
        EVENTS.replace("A stop", '"A stop"'),
    ],
    ids=["semicolons", "tabs", "mark", "crlf", "blank rows", "header", "quotes"],
)
def test_what_spreadsheet_programs_do_to_csv_is_survived(written: str, tmp_path: Path) -> None:
    records = records_of(folder_of(tmp_path / "t", sources_csv=SOURCES, events_csv=written, citations_csv=CITATIONS))
    assert records["evt-1"]["date"] == "2021-05-09"
    assert records["evt-2"]["date"] is None
    assert records["evt-1"]["title"] == "A stop"


def test_a_finding_names_table_row_and_column(tmp_path: Path) -> None:
    tables = folder_of(
        tmp_path / "t",
        sources_csv=SOURCES,
        agents_csv="id,kind,name_policy,name\nagt-1,group,published,Guards\n",
        events_csv="id,type,titel,title,date,place_id\nevt-1,detention,,A stop,,plc-9\nevt-2,protest,,A march,44325,\n",
        citations_csv="record_id,within,source_id\nevt-1,,src-1\nevt-1,acts/1,src-7\nevt-1,acts/2,src-1\nevt-9,,src-1\nevt-2,,src-1\nevt-2,acts/1,src-1\n",
        acts_csv="record_id,type,actor,status,asserted_by\nevt-1,beating,Guards,alleged,Guards\nevt-2,beating,,alleged,Nobody\n",
        event_csv="id\n",
    )
    assert sorted(found(tables)) == [
        ("dangling_reference", "acts.csv, row 3, column asserted_by_id"),
        ("dangling_reference", "citations.csv, row 3, column source_id"),
        ("dangling_reference", "citations.csv, row 4, column within"),
        ("dangling_reference", "citations.csv, row 5, column record_id"),
        ("dangling_reference", "events.csv, row 2, column place_id"),
        ("invalid_date", "events.csv, row 3, column date"),
        ("missing_date_note", "events.csv, row 2"),
        ("missing_response", "acts.csv, row 2, column actor_id"),
        ("unknown_field", "events.csv, column titel"),
        ("unknown_table", "event.csv"),
    ]
    [detail] = [each.detail for each in check(tables).findings if each.code == "invalid_date"]
    assert "2021-05-09" in detail
    assert "1904" in detail
    [hint] = [each.detail for each in check(tables).findings if each.code == "unknown_field"]
    assert "did you mean title?" in hint


def test_a_decimal_comma_is_read_and_told(tmp_path: Path) -> None:
    tables = folder_of(
        tmp_path / "t", places_csv='id,name,kind,latitude,longitude,radius_m\nplc-1,Arden,city,"1,5",2.25,100\n'
    )
    assert records_of(tables)["plc-1"]["latitude"] == 1.5
    assert [(each.code, each.pointer) for each in check(tables).notes if each.code == "decimal_comma"] == [
        ("decimal_comma", "places.csv, row 2, column latitude")
    ]


@pytest.mark.parametrize(
    ("content", "row"),
    [
        ("id,name,kind\nplc-1,Ünter,city\n".encode("latin-1"), ""),
        ("id,name,kind\nplc-1,Arden,city\n".encode("utf-16"), ""),
        (b"id,name,kind\nplc-1,Ar\0den,city\n", ", row 2"),
        (b'id,name,kind\nplc-1,"Arden,city\n', ", row 2"),
        (b"PK\x03\x04rest", ""),
        (b"id,name,kind\nplc-1,Arden,city,more\n", ", row 2"),
        (b"," * (MAX_COLUMNS + 5) + b"\n", ", row 1"),
    ],
    ids=["latin-1", "utf-16", "NUL", "half a file", "a workbook", "cells beyond the header", "too many columns"],
)
def test_what_is_no_table_gives_one_finding(content: bytes, row: str, tmp_path: Path) -> None:
    assert found(folder_of(tmp_path / "t", places_csv=content)) == [("invalid_table", f"places.csv{row}")]


# --- Workbooks --------------------------------------------------------------------------------------------------------


def workbook(path: Path, **sheets: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)  # type: ignore[arg-type]
    head = [["key", "value"], ["id", "arden"], ["title", "Arden"], ["language", "en"], ["licence", "CC-BY-4.0"]]
    head += [["contact", "society@arden.example"], ["publisher.name", "Arden Society"]]
    for name, rows in {"archive": head, **sheets}.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_a_workbook_is_read_as_the_folder_is(tmp_path: Path) -> None:
    book = workbook(
        tmp_path / "arden.xlsx",
        Sources=[["id", "type", "title", "language", "rights"], ["src-1", "article", "A report", "en", "CC-BY-4.0"]],
        events=[
            ["type", "title", "date"],
            ["detention", "A stop", dt.date(2021, 5, 9)],
            ["protest", 1984, 2021],
            [None, None, None],
        ],
        citations=[["record_id", "source_id"], ["A stop", "src-1"], ["1984", "src-1"]],
        notes=[["Call Ann back"]],
    )
    with compiled(book) as made:
        report = made.told(check_archive(made.path, today=TODAY))
        assert not report.findings
        assert ("unknown_table_left_out", "arden.xlsx, sheet notes") in [
            (each.code, each.pointer) for each in report.notes
        ]
        events = {record["id"]: record for kind, record in pieces_of(made.path) if kind == "event"}
        assert [(each["title"], each["date"]) for each in events.values()] == [
            ("A stop", "2021-05-09"),
            ("1984", "2021"),
        ]
        assert [path.name for path in made.keep_identifiers()] == ["arden.xlsx.ids.csv"]
    with compiled(book) as again:
        assert not again.keep_identifiers()
        assert {record["id"] for kind, record in pieces_of(again.path) if kind == "event"} == set(events)


def test_a_workbook_that_is_none_is_refused(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * (300 << 20))
    locked = tmp_path / "locked.xlsx"
    locked.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600)
    rubbish = tmp_path / "rubbish.ods"
    rubbish.write_bytes(b"hello")
    for path in (bomb, locked, rubbish):
        assert [code for code, _ in found(path)] == ["invalid_table"]


SHEETS: dict[str, list[list[Any]]] = {
    "sources": [["id", "type", "title", "language", "rights"], ["src-1", "article", "A report", "en", "CC-BY-4.0"]],
    "events": [["id", "type", "title", "date"], ["evt-1", "detention", "A stop", "2021-05-09"]],
    "citations": [["record_id", "source_id"], ["evt-1", "src-1"]],
}


def changed(path: Path, change: Callable[[openpyxl.Workbook], object]) -> Path:
    """Change a workbook as a spreadsheet program does."""
    book = openpyxl.load_workbook(path)
    change(book)
    book.save(path)
    return path


def repacked(
    path: Path, change: Callable[[str, bytes], bytes], *, name: str = "", more: dict[str, bytes] | None = None
) -> Path:
    """Change the parts of a workbook, and add some."""
    target = path.with_name(name or f"changed-{path.name}")
    with zipfile.ZipFile(path) as given, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for each in given.namelist():
            packed.writestr(each, change(each, given.read(each)))
        for each, content in (more or {}).items():
            packed.writestr(each, content)
    return target


def told(tables: Path) -> list[tuple[str, str]]:
    """Return what was found, errors and notes, less those that every small archive has."""
    report = check(tables)
    assert report.more is False
    return [(each.code, each.pointer) for each in (*report.findings, *report.notes) if each.code != "single_source"]


def events_of(tables: Path) -> list[dict[str, Any]]:
    with compiled(tables) as made:
        return [record for kind, record in pieces_of(made.path) if kind == "event"]


@pytest.mark.parametrize("epoch", [WINDOWS_EPOCH, MAC_EPOCH], ids=["1900", "1904"])
def test_days_are_those_that_a_spreadsheet_program_shows(tmp_path: Path, epoch: dt.datetime) -> None:
    book = workbook(tmp_path / "a.xlsx", **SHEETS)

    def days(opened: openpyxl.Workbook) -> None:
        opened.epoch = epoch
        opened["events"]["D2"] = dt.datetime(2021, 5, 9)  # noqa: DTZ001 - a cell has no zone
        opened["events"].append(["evt-2", "protest", "A march", 44325])
        opened["citations"].append(["evt-2", "src-1"])

    changed(book, days)
    assert [each["date"] for each in events_of(book)] == ["2021-05-09", "44325"]
    [finding] = check(book).findings
    assert (finding.code, finding.pointer) == ("invalid_date", "a.xlsx, sheet events, row 3, column date")
    assert "2021-05-09, or 2025-05-10 where days count from 1904" in finding.detail


def test_rows_and_columns_that_hold_nothing_are_no_records(tmp_path: Path) -> None:
    def space(book: openpyxl.Workbook) -> None:
        sheet = book["events"]
        for row in range(5, 500):
            sheet.cell(row, 3).fill = PatternFill("solid", "FFFF00")
        sheet.cell(700, 2).value = " "
        sheet.insert_rows(1, 2)
        sheet.insert_cols(1, 2)

    book = changed(workbook(tmp_path / "a.xlsx", **SHEETS), space)
    assert [each["id"] for each in events_of(book)] == ["evt-1"]
    assert told(book) == []


def test_merged_cells_and_hidden_sheets_are_told(tmp_path: Path) -> None:
    def change(book: openpyxl.Workbook) -> None:
        book["events"]["C3"] = "A march"
        book["events"].merge_cells("C3:D4")
        book.create_sheet("agents").append(["id", "kind", "name_policy", "name"])
        book["agents"].append(["agt-1", "person", "published", "Ann Example"])
        book["agents"].sheet_state = "hidden"
        book.create_sheet("topics").append(["id", "label"])
        book["topics"].sheet_state = "veryHidden"

    book = changed(workbook(tmp_path / "a.xlsx", **SHEETS), change)
    with compiled(book) as made:
        assert b"Ann Example" not in made.path.read_bytes()
        assert [(each.code, each.pointer) for each in made.notes] == [
            ("merged_cells", "a.xlsx, sheet events, row 3"),
            ("hidden_sheet", "a.xlsx, sheet agents"),
            ("hidden_sheet", "a.xlsx, sheet topics"),
        ]
        assert "C3:D4" in made.notes[0].detail


def test_of_formulas_the_saved_value_is_read(tmp_path: Path) -> None:
    def formulas(book: openpyxl.Workbook) -> None:
        book["events"]["C2"] = '=CONCATENATE("A ","stop")'
        book["events"]["D2"] = "=A9"

    book = changed(workbook(tmp_path / "a.xlsx", **SHEETS), formulas)
    assert ("formula_without_value", "a.xlsx, sheet events, row 2") in told(book)
    [finding] = [each for each in check(book).findings if each.code == "formula_without_value"]
    assert "(C2, D2)" in finding.detail

    def saved(_: str, content: bytes) -> bytes:
        content = re.sub(
            rb'<c r="C2"([^>]*)><f>([^<]*)</f><v ?/?>(</v>)?', rb'<c r="C2" t="str"\1><f>\2</f><v>A stop</v>', content
        )
        return re.sub(
            rb'<c r="D2"([^>]*)><f>([^<]*)</f><v ?/?>(</v>)?', rb'<c r="D2" t="str"\1><f>\2</f><v></v>', content
        )

    with_values = repacked(book, saved)
    assert events_of(with_values)[0]["title"] == "A stop"
    assert ("formulas", "changed-a.xlsx, sheet events") in told(with_values)
    assert "formula_without_value" not in dict(told(with_values))


def test_numbers_among_texts_and_texts_that_are_numbers(tmp_path: Path) -> None:
    def numbers(book: openpyxl.Workbook) -> None:
        book["events"]["C2"] = 7
        sheet = book.create_sheet("places")
        for row in (
            ["id", "name", "kind", "latitude", "longitude", "radius_m"],
            ["plc-1", "Arden", "city", "1,5", "2.5", "10"],
        ):
            sheet.append(row)

    book = changed(workbook(tmp_path / "a.xlsx", **SHEETS), numbers)
    assert events_of(book)[0]["title"] == "7"
    place = records_of(book)["plc-1"]
    assert (place["latitude"], place["longitude"], place["radius_m"]) == (1.5, 2.5, 10)
    assert sorted(told(book), reverse=True) == [
        ("number_as_text", "a.xlsx, sheet events, row 2, column title"),
        ("decimal_comma", "a.xlsx, sheet places, row 2, column latitude"),
    ]


def test_a_head_that_cannot_be_read_is_one_finding(tmp_path: Path) -> None:
    book = workbook(tmp_path / "a.xlsx", **SHEETS)
    changed(book, lambda opened: opened["archive"].__setitem__("XFD1048576", "x"))
    assert told(book) == [("invalid_table", "a.xlsx, sheet archive")]
    other = workbook(tmp_path / "b.xlsx", **SHEETS)
    changed(other, lambda opened: opened["archive"].append(["title.short", "x"]))
    assert told(other) == [("repeated_column", "b.xlsx, sheet archive, row 8")]


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    sheets = {**SHEETS, "events": [[*SHEETS["events"][0], " Title "], [*SHEETS["events"][1], "Another"]]}
    book = workbook(tmp_path / "a.xlsx", **sheets)
    assert told(book) == [("repeated_column", "a.xlsx, sheet events, column title")]


def test_macros_are_not_run_and_links_not_followed(tmp_path: Path) -> None:
    book = workbook(tmp_path / "a.xlsx", **SHEETS)
    link = b'<externalLink xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>'
    more = {"xl/vbaProject.bin": b"\xd0\xcf", "xl/externalLinks/externalLink1.xml": link}
    active = repacked(book, lambda _, content: content, name="a.xlsm", more=more)
    [note] = [each for each in check(active).notes if each.code == "active_content"]
    assert "macros and links to other files" in note.detail
    assert [each["id"] for each in events_of(active)] == ["evt-1"]


ODS = """<?xml version="1.0"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">
<office:body><office:spreadsheet><table:table table:name="archive"><table:table-row table:number-rows-repeated="100000">
<table:table-cell office:value-type="string" table:number-columns-repeated="900"><text:p>x</text:p></table:table-cell>
</table:table-row></table:table></office:spreadsheet></office:body></office:document-content>"""


def test_cells_far_apart_do_not_take_all_memory(tmp_path: Path) -> None:
    book = workbook(tmp_path / "a.xlsx", **SHEETS)
    changed(book, lambda opened: opened["events"].__setitem__("XFD1048576", "x"))
    [finding] = check(book).findings[:1]
    assert (finding.code, finding.pointer) == ("invalid_table", "a.xlsx, sheet events")
    assert "XFD1048576" in finding.detail
    with zipfile.ZipFile(tmp_path / "a.ods", "w") as packed:
        packed.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        packed.writestr(
            "META-INF/manifest.xml", '<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
        )
        packed.writestr("content.xml", ODS)
    [finding] = check(tmp_path / "a.ods").findings[:1]
    assert (finding.code, finding.pointer) == ("invalid_table", "a.ods")
    assert "ADP100000" in finding.detail or "AHP100000" in finding.detail


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet3.xml"])
def test_a_workbook_whose_xml_declares_entities_is_not_read(tmp_path: Path, part: str) -> None:
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'

    def declare(name: str, content: bytes) -> bytes:
        start = content.index(b"?>") + 2 if content.startswith(b"<?xml") else 0
        return content[:start] + laughs + content[start:] if name == part else content

    book = repacked(workbook(tmp_path / "a.xlsx", **SHEETS), declare)
    assert told(book) == [("invalid_table", "changed-a.xlsx")]


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ("id,name,kind\rplc-1,Arden,city\r\nplc-2,Beech,city\n", []),
        ("id,name,kind\nplc-1,Arden,city\nplc-1,Beech,city\n", [("duplicate_id", "places.csv, row 3, column id")]),
        (
            "id,name,kind,part_of\nplc-1,Arden,city,Beech\nplc-2,Beech,city,Arden\n",
            [("reference_cycle", "places.csv, row 2, column part_of_id")],
        ),
        (
            "id,name,kind,part_of\nplc-1,Arden,city,\nplc-2,Arden,city,\nplc-3,Cedar,site,Arden\n",
            [("ambiguous_label", "places.csv, row 4, column part_of_id")],
        ),
        ("," * 1_000_000 + "\n", [("invalid_table", "places.csv, row 1")]),
    ],
    ids=["mixed line ends", "ids that clash", "a cycle", "a label that two have", "a million columns"],
)
def test_each_fault_of_a_table_is_one_finding(tmp_path: Path, places: str, expected: list[tuple[str, str]]) -> None:
    assert told(folder_of(tmp_path / "t", places_csv=places)) == expected


def test_entities_of_a_workbook_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET")
    book = workbook(tmp_path / "a.xlsx", places=[["id", "name", "kind"], ["plc-1", "NAME", "city"]])
    hostile = tmp_path / "hostile.xlsx"
    with zipfile.ZipFile(book) as given, zipfile.ZipFile(hostile, "w") as packed:
        for name in given.namelist():
            content = given.read(name)
            if name.endswith(("sharedStrings.xml", "sheet2.xml")):
                entity = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]>'.encode()
                content = content.replace(b"NAME", b"&e;")
                content = content.replace(b"?>", b"?>" + entity, 1) if b"?>" in content else entity + content
            packed.writestr(name, content)
    with compiled(hostile) as made:
        assert b"SECRET" not in made.path.read_bytes()


def test_tables_that_are_written_are_csv_that_others_read(tmp_path: Path) -> None:
    write_tables(head_of(GOOD), lambda: pieces_of(GOOD), tmp_path / "t")
    for plural in PLURALS.values():
        with (tmp_path / "t" / f"{plural}.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        assert {row["id"] for row in rows} == {each["id"] for each in json.loads(GOOD.read_bytes())[plural]}
