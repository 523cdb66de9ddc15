"""`withdraw`, `redact` and `unname` on archives kept as tables: the same comes of it as of a file, and nothing else changes."""

import csv
import io
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from service.archive.redacting import redact_passages, redact_segments
from service.archive.tables import compiled, edited_archive, write_tables
from service.archive.tables.csv_editing import CsvEdit, edited
from service.archive.tables.writing import head_of, pieces_of
from service.archive.unnaming import unname
from service.archive.withdrawing import withdraw
from service.errors import EditRefused
from tests.archives import Fields, archive, passage, record, write

TODAY = date(2026, 3, 4)
EXAMPLES = Path(__file__).parents[2] / "examples"
ARDEN = EXAMPLES / "arden.json"

#: What each command does, to which files of the folder.
COMMANDS: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "withdraw": (
        lambda path: withdraw(path, ["tes-mira", "evt-blow", "src-report"], today=TODAY),
        {
            *("acts.csv", "citations.csv", "content_warnings.csv", "contributors.csv", "events.csv", "findings.csv"),
            *("index.csv", "sources.csv", "testimonies.csv", "transcript.csv", "withdrawn.csv", "texts/src-report.txt"),
        },
    ),
    "redact a segment": (
        lambda path: redact_segments(path, "tes-mira", ["q1", "a1"], reason="safety"),
        {"transcript.csv"},
    ),
    "redact a passage": (
        lambda path: redact_passages(path, "src-report", [(0, 40)], reason="court_order", today=TODAY),
        {"citations.csv", "redactions.csv", "sources.csv", "texts/src-report.txt"},
    ),
    "unname": (lambda path: unname(path, "agt-p05", policy="withheld", label="A resident", today=TODAY), {"agents.csv"}),
}  # fmt: skip


def tables_of(path: Path, folder: Path) -> Path:
    write_tables(head_of(path), lambda: pieces_of(path), folder)
    return folder


def contents_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def records_of(path: Path) -> dict[str, Fields]:
    """Return the records of an archive in any form, by identifier."""
    if path.is_dir() or path.suffix == ".xlsx":
        with compiled(path) as made:
            assert made.findings == []
            return {each["id"]: each for _, each in pieces_of(made.path)}
    return {each["id"]: each for _, each in pieces_of(path)}


def changed(path: Path, work: Callable[[Path], Any]) -> tuple[Any, Callable[[str], str]]:
    with edited_archive(path) as (file, told):
        outcome = work(file)
    return outcome, told


@pytest.mark.parametrize("name", COMMANDS)
def test_the_same_comes_of_it_as_of_a_file_and_other_rows_keep_every_byte(tmp_path: Path, name: str) -> None:
    work, concerned = COMMANDS[name]
    file = tmp_path / "arden.json"
    file.write_bytes(ARDEN.read_bytes())
    folder = tables_of(file, tmp_path / "tables")
    before = contents_of(folder)
    work(file)
    changed(folder, work)
    assert records_of(folder) == records_of(tables_of(file, tmp_path / "of the file"))
    after = contents_of(folder)
    touched = {each for each in before.keys() | after.keys() if before.get(each) != after.get(each)}
    assert touched <= concerned
    for each in touched & before.keys() & after.keys():
        if each.startswith("texts/"):
            continue
        old, new = (lines.decode("utf-8-sig").split("\r\n") for lines in (before[each], after[each]))
        # Rows may go, come last, or have cells changed; those that have not are there as they were, in their order.
        kept = [line for line in new[1:] if line in set(old)]
        assert kept == [line for line in old[1:] if line in set(kept)]
        assert len(kept) >= len(old) - 1 - len(rows_concerned(old, new))


def rows_concerned(old: list[str], new: list[str]) -> set[str]:
    """Return the rows that name a record that a command is about."""
    about = ("tes-mira", "evt-blow", "src-report", "agt-p05")
    return {line for line in old if line not in set(new) and any(name in line for name in about)} | {""}


def plain(tmp_path: Path, *records: Fields, **head: Any) -> Path:
    return tables_of(write(tmp_path / "a.json", archive(*records, **head)), tmp_path / "t")


def test_places_in_parts_are_told_too(tmp_path: Path) -> None:
    event = record("evt-1", participants=[{"agent": "agt-1", "role": "brother of Mara Ivanova"}])
    folder = plain(tmp_path, record("agt-2", kind="person", name="Mara Ivanova", label="A resident"), event)
    outcome, told = changed(folder, lambda path: unname(path, "agt-2", policy="withheld", label=None, today=TODAY))
    assert "participants.csv, row 2, column role" in [told(each.pointer) for each in outcome.places]


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


def test_a_row_that_named_a_person_by_her_name_names_her_by_identifier(tmp_path: Path) -> None:
    person = record("agt-2", kind="person", name="Mara Ivanova", label="A resident")
    other = record("agt-3", kind="person", name="Mara Ivanova-Kern")
    event = record("evt-1", participants=[{"agent": "agt-2", "role": "victim"}])
    folder = plain(tmp_path, person, other, event, record("tes-1", witness="agt-2"), record("tes-2", witness="agt-3"))
    for name in ("participants.csv", "testimonies.csv", "agents.csv"):
        path = folder / name
        text = path.read_bytes().decode()
        if name != "agents.csv":
            text = text.replace("agt-2", "Mara Ivanova").replace("agt-3", "Mara Ivanova-Kern")
        path.write_bytes(text.replace(",", ";").replace("\r\n", "\n").encode())
    before = records_of(folder)
    assert before["tes-1"]["witness"] == "agt-2"
    changed(folder, lambda path: unname(path, "agt-2", policy="pseudonym", label=None, today=TODAY))
    after = records_of(folder)
    assert after["agt-2"]["access"]["private"] == {"names": ["Mara Ivanova"]}
    assert "name" not in after["agt-2"]
    assert {name: value for name, value in after.items() if name != "agt-2"} == {
        name: value for name, value in before.items() if name != "agt-2"
    }
    for name in ("participants.csv", "testimonies.csv"):
        assert "Mara Ivanova;" not in (folder / name).read_text("utf-8-sig")
    assert "Mara Ivanova-Kern;" in (folder / "testimonies.csv").read_text("utf-8-sig")


def test_places_are_told_by_table_row_and_column_as_they_are_then(tmp_path: Path) -> None:
    folder = plain(
        tmp_path,
        record("agt-2", kind="person", name="Mara Ivanova"),
        record("tes-1", witness="agt-2"),
        record("tes-2", title="As Mara Ivanova said", witness="agt-1"),
    )
    outcome, told = changed(folder, lambda path: withdraw(path, ["tes-1"], today=TODAY))
    assert [(each.kind, told(each.pointer)) for each in outcome.mentions] == [
        ("names", "agents.csv, row 3, column id"),
        ("names", "agents.csv, row 3, column name"),
        ("names", "testimonies.csv, row 2, column title"),
        ("alone", "agents.csv, row 3"),
    ]
    assert [(row["id"], row["on"]) for row in table(folder / "withdrawn.csv")] == [("tes-1", "2026-03-04")]


def test_subtitles_become_rows_since_they_have_no_word_for_a_gap(tmp_path: Path) -> None:
    folder = plain(tmp_path, record("src-2", verbatim=True), record("tes-1", citations=[{"source": "src-2"}]))
    (folder / "transcripts").mkdir()
    subtitles = folder / "transcripts" / "tes-1.vtt"
    subtitles.write_text(
        "WEBVTT\n\nq1\n00:00.000 --> 00:02.000\n<v Olga>Who came?\n\n00:02.000 --> 00:03.500\nOur neighbour Ivan.\n"
    )
    changed(folder, lambda path: redact_segments(path, "tes-1", ["2"], reason="third_party"))
    assert not subtitles.exists()
    assert records_of(folder)["tes-1"]["transcript"] == [
        {"id": "q1", "start_s": 0, "end_s": 2, "speaker": "Olga", "text": "Who came?"},
        {"start_s": 2, "end_s": 3.5, "redacted": "third_party"},
    ]
    assert all("Ivan" not in path.read_text("utf-8-sig") for path in folder.rglob("*.*") if path.is_file())


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (lambda path: withdraw(path, ["tes-9"], today=TODAY), "tes-9 is no record"),
        (lambda path: unname(path, "agt-1", policy="withheld", label=None, today=TODAY), "no `label`"),
        (lambda path: redact_segments(path, "tes-1", ["1"], reason="safety"), "no segment 1"),
        (lambda path: redact_passages(path, "src-1", [(0, 3)], reason="safety", today=TODAY), "does not hold the text"),
    ],
)
def test_what_a_file_refuses_tables_refuse_and_are_as_they_were(
    tmp_path: Path, work: Callable[[Path], object], said: str
) -> None:
    folder = plain(tmp_path, record("tes-1"))
    before = contents_of(folder)
    with pytest.raises(EditRefused, match=said) as refused:
        changed(folder, work)
    assert "/tmp/testimony-archive-" not in str(refused.value)
    assert contents_of(folder) == before


def test_tables_that_are_not_sound_are_not_changed(tmp_path: Path) -> None:
    folder = plain(tmp_path, record("tes-1"))
    (folder / "testimonies.csv").write_text("id,titel\r\ntes-1,x\r\n")
    with pytest.raises(EditRefused, match=r"testimonies.csv, column titel: unknown_field"):
        changed(folder, lambda path: withdraw(path, ["tes-1"], today=TODAY))


def test_rows_without_an_identifier_are_given_one_first(tmp_path: Path) -> None:
    # One more row without an identifier would otherwise take over that of a record that is withdrawn.
    folder = plain(tmp_path, record("tes-1"))
    path = folder / "testimonies.csv"
    path.write_text(
        path.read_text("utf-8-sig") + path.read_text("utf-8-sig").splitlines()[1].replace("tes-1", "") + "\r\n"
    )
    with pytest.raises(EditRefused, match="publish it once"):
        changed(folder, lambda file: withdraw(file, ["tes-1"], today=TODAY))


def test_what_is_written_meanwhile_is_kept(tmp_path: Path) -> None:
    folder = plain(tmp_path, record("tes-1"), record("tes-2"))
    path = folder / "testimonies.csv"

    def work(file: Path) -> None:
        withdraw(file, ["tes-1"], today=TODAY)
        path.write_text(path.read_text("utf-8-sig").replace("A resident recalls", "Somebody recalls"))

    with pytest.raises(EditRefused, match="meanwhile"):
        changed(folder, work)
    assert "Somebody recalls" in path.read_text("utf-8-sig")
    assert not (folder / "withdrawn.csv").exists()
    assert not list(folder.glob(".testimony*"))


def workbook(path: Path, folder: Path) -> Path:
    """Write a folder of tables as a workbook, with a key and a value of the head a row."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    with compiled(folder) as made:
        head = head_of(made.path)
    sheet = book.create_sheet("archive")
    for key, value in head.items():
        sheet.append([key, value if isinstance(value, str) else json.dumps(value)])
    for each in folder.glob("*.csv"):
        sheet = book.create_sheet(each.stem)
        for row in csv.reader(io.StringIO(each.read_text("utf-8-sig"), newline="")):
            sheet.append(row)
    book.save(path)
    return path


def test_of_a_workbook_it_is_told_what_to_change_by_hand_without_the_name(tmp_path: Path) -> None:
    folder = plain(
        tmp_path,
        record("agt-2", kind="person", name="Mara Ivanova", label="A resident"),
        record("tes-1", witness="agt-2", citations=[passage()]),
    )
    book = workbook(tmp_path / "a.xlsx", folder)
    before = book.read_bytes()
    with pytest.raises(EditRefused) as refused:
        changed(book, lambda path: unname(path, "agt-2", policy="withheld", label=None, today=TODAY))
    said = str(refused.value)
    assert "sheet agents, row 3, column name: empty it" in said
    assert "sheet agents, row 3, column name_policy: write withheld" in said
    assert "column access_private: write the name as" in said
    assert "Mara" not in said
    with pytest.raises(EditRefused) as refused:
        changed(book, lambda path: withdraw(path, ["tes-1"], today=TODAY))
    said = str(refused.value)
    assert "sheet testimonies: delete the rows 2" in said
    assert "sheet citations: delete the rows 2" in said
    assert "sheet withdrawn: add a row with id tes-1, on 2026-03-04" in said
    assert book.read_bytes() == before


# --- One CSV file -----------------------------------------------------------------------------------------------------

CSV = '\ufeffid;"the ""title""";note\r\n1;"a;b";x\r\n\r\n2;"line\r\nbreak"\r\n3;c;=1+1'


@pytest.mark.parametrize(
    ("edit", "after"),
    [
        (CsvEdit({2: {2: "y"}}), CSV.replace(";x\r", ";y\r")),
        (CsvEdit({2: {1: 'a"b'}}), CSV.replace('"a;b"', '"a""b"')),
        (CsvEdit({4: {2: "new"}}), CSV.replace('break"\r', 'break";new\r')),
        (CsvEdit(gone={4}), CSV.replace('2;"line\r\nbreak"\r\n', "")),
        (CsvEdit(gone={2, 5}), CSV.replace('1;"a;b";x\r\n', "").replace("3;c;=1+1", "")),
        (CsvEdit(added=[{"id": "4", "note": "a;b"}]), CSV + '\r\n4;;"a;b"\r\n'),
        (
            CsvEdit({2: {3: "w"}}, columns=["why"]),
            CSV.replace(";note\r", ";note;why\r").replace(";x\r", ";x;w\r"),
        ),
        (CsvEdit({5: {3: "w"}}, columns=["why"]), CSV.replace(";note\r", ";note;why\r") + ";w"),
    ],
)
def test_only_what_is_to_change_changes(edit: CsvEdit, after: str) -> None:
    assert edited(CSV.encode(), ["id", 'the "title"', "note"], edit).decode() == after
