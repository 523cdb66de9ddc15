"""What the table form costs: an archive checked as tables beside the same as `.jsonl`, and a workbook.

    python -m tests.bench.tables --rows 200000 --workbook-rows 50000

Costs are seconds of processor time of the command with its processes, so that what else the machine does counts little;
the two forms take turns.
"""

import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import orjson

from service.archive.tables import write_tables
from service.archive.tables.writing import head_of, pieces_of
from tests.bench.archives import generated
from tests.bench.load import ROOT
from tests.bench.memory import watched
from tests.bench.processes import environment

#: Rows that a testimony of the invented archive comes to, with all that it refers to.
ROWS_EACH = 3.85
#: What must be reached: times the `.jsonl`, seconds of a workbook, and megabytes of it.
MOST_TIMES, MOST_SECONDS, MOST_MB = 2.0, 20.0, 500.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What one check cost: seconds of processor time, and the most memory that its processes held together, in MB."""

    seconds: float
    memory: float


def check(archive: Path) -> Cost:
    """Check an archive with the command. Raises SystemExit where it has errors."""
    with tempfile.TemporaryFile() as nowhere:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "check", str(archive)],
            cwd=ROOT,
            env=environment(),
            stdout=nowhere,
            stderr=nowhere,
        )
        with watched(process.pid) as memory:
            _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{archive} has errors")
    return Cost(used.ru_utime + used.ru_stime, memory.pss / 1e6)


def as_tables(archive: Path, folder: Path) -> int:
    """Write an archive as tables, and return how many rows they have."""
    write_tables(head_of(archive), lambda: pieces_of(archive), folder)
    return sum(len(list(rows_of(table))) - 1 for table in folder.glob("*.csv"))


def rows_of(table: Path) -> Iterator[list[str]]:
    """Yield the rows of a table, the header first."""
    with table.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.reader(file)


def as_workbook(folder: Path, head: dict[str, object], workbook: Path) -> None:
    """Write a folder of tables as one workbook, numbers as numbers, as a spreadsheet program saves them."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("archive")
    for key, value in head.items():
        sheet.append([key, value if isinstance(value, str) else orjson.dumps(value).decode()])
    for table in sorted(folder.glob("*.csv")):
        sheet = book.create_sheet(table.stem)
        for row in rows_of(table):
            sheet.append([int(cell) if cell.isdecimal() and len(cell) < 10 else cell or None for cell in row])
    book.save(workbook)


def main() -> None:
    """Measure, and say what was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--workbook-rows", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", type=Path, help="Where archives are kept for the next time.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="testimony-archive-bench-") as temporary:
        work = asked.work or Path(temporary)
        reached = [_measure_tables(work, asked.rows, asked.rounds), _measure_workbook(work, asked.workbook_rows)]
    raise SystemExit(0 if all(reached) else 1)


def _measure_tables(work: Path, rows: int, rounds: int) -> bool:
    archive = generated(work, round(rows / ROWS_EACH))
    folder = archive.parent / "tables"
    count = as_tables(archive, folder)
    print(f"{count} rows in {len(list(folder.glob('*.csv')))} tables")
    costs = [(check(archive), check(folder)) for _ in range(rounds)]
    times = statistics.median(tables.seconds / lines.seconds for lines, tables in costs)
    for name, those in (("archive.jsonl", [each[0] for each in costs]), ("tables", [each[1] for each in costs])):
        seconds, memory = statistics.median(each.seconds for each in those), max(each.memory for each in those)
        print(f"  {name}: {seconds:.2f} s of processor time, {memory:.0f} MB")
    return _told("tables: times the same as archive.jsonl", times, MOST_TIMES)


def _measure_workbook(work: Path, rows: int) -> bool:
    archive = generated(work, round(rows / ROWS_EACH))
    folder = archive.parent / "tables"
    count = as_tables(archive, folder)
    workbook = archive.parent / "archive.xlsx"
    as_workbook(folder, head_of(archive), workbook)
    print(f"{count} rows in a workbook of {workbook.stat().st_size / 1e6:.1f} MB")
    cost = check(workbook)
    is_fast = _told("workbook: seconds of processor time", cost.seconds, MOST_SECONDS)
    return _told("workbook: MB", cost.memory, MOST_MB) and is_fast


def _told(what: str, value: float, most: float) -> bool:
    print(f"  {what}: {value:.2f} (must be <= {most:g}){'' if value <= most else ', MISSED'}")
    return value <= most


if __name__ == "__main__":
    main()
