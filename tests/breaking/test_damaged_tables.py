"""Workbooks and tables that were damaged anywhere: what is wrong is a finding or a refusal, never a fault of the engine."""

import os
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from random import Random

import openpyxl
import pytest

from service.archive.checks import check_archive
from service.archive.tables import compiled
from service.bringing.brought import Brought
from service.bringing.foreign import foreign_table
from service.bringing.mapped import Mapping
from service.bringing.suggesting import suggest
from service.errors import TestimonyArchiveError

SEED = int(os.environ.get("BREAKING_SEED", "4"))
#: Damaged files for each form.
RUNS = 250
ODD = (
    *(b"<", b">", b'"', b"\0", b"\xff", b"&#0;", b'r="XFD1048576"', b'r="A99999999"', b't="s"', b't="e"', b't="d"'),
    *(b"<v>9999</v>", b"<v>1e999</v>", b"<f>1</f>", b'<mergeCell ref="A1:XFD9"/>', b'<row r="0">', b'"\n', b";", b"\r"),
)
HEAD = (
    '[archive]\nid = "arden"\ntitle = "Arden"\nlanguage = "en"\nlicence = "CC-BY-4.0"\npublisher = { name = "Arden" }\n'
)
SHEET: list[list[str | int]] = [["key", "value"], ["id", "arden"], ["title", "Arden"]]
TABLES: dict[str, list[list[str | int]]] = {
    "sources": [["id", "type", "title", "language", "rights"], ["src-1", "article", "A report", "en", "CC-BY-4.0"]],
    "events": [["id", "type", "title", "date"], ["evt-1", "detention", "A stop", "2021-05-09"]],
    "citations": [["record_id", "source_id", "page"], ["evt-1", "src-1", 7]],
}


def damaged(random: Random, content: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(data) + 1)
        what = random.random()
        if what < 0.4:
            data[at:at] = random.choice(ODD)
        elif what < 0.7:
            del data[at : at + random.randint(1, 9)]
        else:
            data[at : at + 1] = bytes([random.randrange(256)])
    return bytes(data)


def workbook(folder: Path, random: Random) -> tuple[Path, Path]:
    """Write a workbook of which one part, or all of it, is damaged."""
    whole = folder / "whole.xlsx"
    if not whole.exists():
        book = openpyxl.Workbook()
        for name, rows in {"archive": SHEET, **TABLES}.items():
            sheet = book.create_sheet(name)
            for row in rows:
                sheet.append(row)
        book.save(whole)
    target = folder / "damaged.xlsx"
    with zipfile.ZipFile(whole) as given:
        parts = {name: given.read(name) for name in given.namelist()}
    chosen = random.choice([name for name in parts if "worksheets/" in name or "workbook" in name])
    with zipfile.ZipFile(target, "w") as packed:
        for name, content in parts.items():
            packed.writestr(name, damaged(random, content) if name == chosen else content)
    if random.random() < 0.1:
        target.write_bytes(damaged(random, whole.read_bytes()))
    return target, target


def folder(folder: Path, random: Random) -> tuple[Path, Path]:
    """Write a folder of damaged tables."""
    tables = folder / "tables"
    tables.mkdir(exist_ok=True)
    (tables / "archive.toml").write_bytes(damaged(random, HEAD.encode()) if random.random() < 0.3 else HEAD.encode())
    for name, rows in TABLES.items():
        text = "".join(",".join(map(str, row)) + "\n" for row in rows)
        (tables / f"{name}.csv").write_bytes(damaged(random, text.encode()))
    return tables, tables / "events.csv"


@pytest.mark.parametrize("write", [workbook, folder])
def test_what_is_damaged_is_refused_or_found(
    tmp_path: Path, write: Callable[[Path, Random], tuple[Path, Path]]
) -> None:
    random = Random(SEED)
    outcomes: set[bool | None] = set()
    for _ in range(RUNS):
        archive, table = write(tmp_path, random)
        try:
            with compiled(archive) as made:
                outcomes.add(made.told(check_archive(made.path, today=date(2024, 6, 1))).ok)
        except TestimonyArchiveError:
            outcomes.add(None)
        try:
            how = suggest((given := foreign_table(table, Brought("table"))).rows, reading=given.reading)
            Mapping(brought := Brought("table"), table, how).bring(foreign_table(table, brought, how.reading).rows)
        except TestimonyArchiveError:
            outcomes.add(None)
    assert outcomes >= {False, None}
