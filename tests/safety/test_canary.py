"""Nothing that is not public is in a release, in an answer or in a log: an archive is published in which everything hidden
or private is marked, and every byte of what comes of it is looked through.
"""

import base64
import gzip
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import tantivy

from service.archive.checks import check_archive
from service.cli.app import run
from service.release.publish import publish
from tests.archives import Fields, archive, record, write
from tests.cli.test_command import serving
from tests.safety.asking import ask_all, wire
from tests.safety.canaries import OWN, Marks, canaries, one_of_each, private, unset_fields, visible
from tests.safety.searching import Search, look_through_copy

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
#: All that an operator may have logged and measured.
EVERYTHING_LOGGED = {"ACCESS_LOG": "full", "LOG_FORMAT": "json", "METRICS": "true"}
GONE = [{"id": "tes-gone", "on": "2026-01-02"}]


class Planted:
    """An archive with marks, published."""

    def __init__(self, folder: Path) -> None:
        self.hidden, self.public = canaries(), visible()
        self.shown = one_of_each(self.public, secret=self.hidden)
        # The file and its folder may be named by a case or a person.
        inner = folder / "qzcanary9999k"
        inner.mkdir()
        whole = archive(*self.shown, *concealed(self.hidden), *protected(self.hidden), withdrawn=GONE, **OWN)
        self.path = write(inner / "qzcanary9998k.json", whole)
        self.data = folder / "data"
        self.folder = publish(self.path, self.data, now=lambda: NOW).folder
        self.ids = [each["id"] for each in (*self.shown, *protected(canaries()))] + ["src-1", "agt-1", "tes-gone"]


def concealed(mark: Marks) -> list[Fields]:
    """Return a record of every type that is restricted, one under embargo, and those that nobody consented to publish."""
    return [
        *one_of_each(mark, visibility="restricted"),
        *one_of_each(mark, visibility="embargoed", embargo_until=f"{mark.year}-01-01"),
        *one_of_each(mark, consent={"expires": str(NOW.date()), "reference": mark.text("reference")}),
        *one_of_each(mark, consent={"scope": ["research"], "reference": mark.text("reference")}),
    ]


def protected(mark: Marks) -> list[Fields]:
    """Return public records about people whose names are not: they stand under `private`, where they do at all."""
    return [
        record(
            f"agt-{policy}", kind="person", name_policy=policy, name=None, label=f"A {policy} person",
            access={"private": private(mark)},
        )
        for policy in ("pseudonym", "withheld")
    ] + [
        record(f"tes-{policy}", witness=f"agt-{policy}", access={"private": {"who": mark.text("real name")}})
        for policy in ("pseudonym", "withheld")
    ]  # fmt: skip


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return Planted(tmp_path_factory.mktemp("canary"))


# --- The marks themselves -------------------------------------------------------------------------------------------


def test_every_field_of_the_format_is_marked() -> None:
    assert unset_fields(one_of_each(canaries(), visibility="embargoed", embargo_until="2030-01-01")) == set()


def test_the_marked_archive_is_sound(planted: Planted) -> None:
    assert check_archive(planted.path, today=NOW.date()).findings == []


# --- The release ----------------------------------------------------------------------------------------------------


def test_no_byte_of_the_release_holds_a_mark(planted: Planted, tmp_path: Path) -> None:
    search = Search(planted.hidden)
    look_through_copy(search, planted.folder, tmp_path / "copy")
    print(f"{planted.hidden.count} marks, {search.spellings} spellings, {search.places} places of the release")
    assert search.found == []


def test_what_is_public_is_found_where_it_should_be(planted: Planted, tmp_path: Path) -> None:
    search = Search(planted.public)
    look_through_copy(search, planted.folder, tmp_path / "copy")
    for place in (
        "archive.jsonl",
        "archive.sqlite",
        "field words",
        "field names",
        "field is_witness",
        "field value_low",
    ):
        assert any(place in found for found in search.found), place
    shown = (planted.folder / "archive.jsonl").read_text()
    for where, value in planted.public.texts.items():
        assert value in shown, where


def test_nothing_but_the_data_folder_is_written(planted: Planted) -> None:
    assert {path.name for path in planted.data.iterdir()} == {"current", "releases", "files", ".lock"}
    assert [path.name for path in (planted.data / "releases").iterdir()] == [planted.folder.name]
    assert (planted.data / ".lock").read_bytes() == b""


def test_the_only_files_that_are_kept_are_the_public_ones_of_public_records(planted: Planted) -> None:
    kept = [path.read_text() for path in (planted.data / "files").iterdir()]
    assert kept == [planted.shown[0]["files"][0]["path"]]
    assert planted.public.stem in kept[0]


def test_nothing_that_is_exported_holds_a_mark(planted: Planted, tmp_path: Path) -> None:
    exports = (["a.json"], ["a.jsonl"], ["--tables", "tables"], ["--bag", "bag"])
    for arguments in exports:
        assert run([*("export", "--data", str(planted.data)), *arguments_in(tmp_path, arguments)]) == 0
    search, control = Search(planted.hidden), Search(planted.public)
    for each in (search, control):
        each.look_through(tmp_path)
    assert search.found == []
    for place in ("a.json", "a.jsonl", "tables/testimonies.csv", "tables/archive.toml", "bag/data/archive.jsonl"):
        assert (tmp_path / place).is_file()
    # Every own field of a public record is in them.
    own = {where: text for where, text in planted.public.texts.items() if where.startswith("own ")}
    assert len(own) > 100
    for text in own.values():
        assert all(text in (tmp_path / place).read_text() for place in ("a.json", "a.jsonl"))
        assert any(text in table.read_text("utf-8-sig") for table in (tmp_path / "tables").glob("*.csv"))


def arguments_in(folder: Path, arguments: list[str]) -> list[str]:
    return [*arguments[:-1], str(folder / arguments[-1])]


# --- The search finds what is there ---------------------------------------------------------------------------------


def append(name: str, *data: bytes) -> Callable[[Path], None]:
    def plant(folder: Path) -> None:
        (folder / name).chmod(0o644)
        with (folder / name).open("ab") as file:
            file.writelines(data)

    return plant


def in_a_cell(value: bytes) -> Callable[[Path], None]:
    def plant(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "archive.sqlite", isolation_level=None)) as database:
            database.execute("CREATE TABLE more (cell)")
            database.execute("INSERT INTO more VALUES (?)", (value,))

    return plant


def in_a_free_page(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "archive.sqlite", isolation_level=None)) as database:
        database.execute("PRAGMA secure_delete = OFF")
        database.execute("CREATE TABLE more (cell)")
        database.execute("INSERT INTO more VALUES (?)", ("QzCanary0007k " * 2000,))
        database.execute("DROP TABLE more")


def in_the_index(name: str, value: str | int) -> Callable[[Path], None]:
    def plant(folder: Path) -> None:
        index = tantivy.Index.open(str(folder / "index"))
        plain = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        for entry in json.loads((folder / "index" / "meta.json").read_bytes())["schema"]:
            if entry["type"] == "text" and entry["options"]["indexing"]["tokenizer"] != "raw":
                index.register_tokenizer(entry["options"]["indexing"]["tokenizer"], plain)
        writer = index.writer(15_000_000, 1)
        document = tantivy.Document()
        if isinstance(value, int):
            document.add_unsigned(name, value)
        else:
            document.add_text(name, value)
        writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()

    return plant


MARK = "qzcanary0001k"


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (append("archive.jsonl", MARK.upper().encode()), "the Latin stem in archive.jsonl"),
        (append("manifest.json", MARK.encode("utf-16")), "in UTF-16"),
        (append("manifest.json", "Жъщканар".encode()), "the Cyrillic stem in title case"),
        (append("manifest.json", rb"\u0436\u044A\u0449\u043A\u0430\u043D\u0430\u0440"), "escaped for JSON"),
        (append("manifest.json", b"x?q=%D0%B6%D1%8A%D1%89%D0%BA%D0%B0%D0%BD%D0%B0%D1%80"), "escaped for an address"),
        *((append("archive.jsonl", base64.urlsafe_b64encode(b"x" * n + MARK.encode() + b"yz")), "in Base64") for n in range(3)),
        (append("archive.jsonl", MARK.encode().hex().encode()), "in hexadecimal digits"),
        (append("archive.jsonl", b"12.731004217001"), "the digits"),
        (append("archive.jsonl", b"7391-02-03"), "the year"),
        (in_a_cell(MARK.encode()), "in archive.sqlite"),
        (in_a_cell(gzip.compress(b"a" * 99 + MARK.encode())), "decompressed"),
        (in_a_free_page, "the Latin stem in archive.sqlite"),
        (in_the_index("names", MARK), "field names"),
        (in_the_index("year_in", 7391), "field year_in"),
        (lambda folder: (folder / "index" / MARK).touch(), "the name index/qzcanary0001k"),
    ],
)  # fmt: skip
def test_a_leak_that_is_planted_is_found(
    planted: Planted, tmp_path: Path, plant: Callable[[Path], None], found: str
) -> None:
    copy = tmp_path / "leaking"
    shutil.copytree(planted.folder, copy)
    for path in copy.rglob("*"):
        path.chmod(0o755)
    plant(copy)
    search = Search(planted.hidden)
    search.look_through(copy)
    assert any(found in each for each in search.found), search.found


def test_a_leaked_number_or_hash_is_found(planted: Planted) -> None:
    import struct

    assert planted.hidden.numbers
    assert planted.hidden.hashes
    for where, number in planted.hidden.numbers.items():
        search = Search(planted.hidden)
        search.look("a file", b"\0" + struct.pack("<d", number) + b"\0")
        assert search.found, where
    for where, digest in planted.hidden.hashes.items():
        search = Search(planted.hidden)
        search.look("a file", b"\0" + bytes.fromhex(digest))
        assert search.found, where


# --- The answers and the log ------------------------------------------------------------------------------------------


def test_no_answer_and_no_line_of_the_log_holds_a_mark(planted: Planted) -> None:
    search, control = Search(planted.hidden), Search(planted.public)
    kinds = set()
    options = {f"TESTIMONY_ARCHIVE_{name}": value for name, value in EVERYTHING_LOGGED.items()}
    with serving("--data", planted.data, "--archive", planted.path, **options) as (process, address, said):
        with httpx.Client(base_url=address, trust_env=False, timeout=20) as client:
            for question, answer in ask_all(client, planted.ids):
                kinds.add((answer.status_code, answer.headers.get("content-type", "").partition(";")[0]))
                search.look(str(question), wire(answer))
                control.look(str(question), wire(answer))
        process.terminate()
        process.wait(60)
    log = "".join(said)
    search.look("the log", log.replace(str(planted.path.parent), "").encode())
    print(f"{planted.hidden.count} marks, {search.spellings} spellings, {search.places} answers and logs")
    print(sorted(kinds))
    assert search.found == []
    assert len(control.found) > 1000
    # What is looked for in own fields is there to be found: in data, tables, facets, pages and descriptions.
    for where in ("custom", "facets=", ".csv", ".ndjson", "/events/"):
        assert any(where in found for found in control.found), where
    assert {status for status, _ in kinds} >= {200, 204, 206, 304, 404, 405, 406, 410, 414, 416, 422}
    assert {kind for _, kind in kinds} >= {
        "application/json", "text/csv", "application/x-ndjson", "application/geo+json", "application/atom+xml",
        "text/vtt", "text/plain", "application/problem+json", "text/html",
    }  # fmt: skip
