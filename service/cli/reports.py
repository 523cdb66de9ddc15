"""What a check found, for people and for programs."""

import csv
import io
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.archive.checks import Report
from service.archive.reading import Finding, TablePlace
from service.archive.tables.cells import harmless
from service.archive.writing import written_whole
from service.cli.output import one_line, print_json, print_line, say


def show_report(archive: Path, report: Report, *, json: bool) -> None:
    """Print what a check found: as JSON, as a table in a terminal, or a line each."""
    if json:
        findings = [
            {
                "code": each.code,
                "severity": severity,
                "pointer": each.pointer,
                "detail": each.detail,
                "record": each.record,
                "title": each.title,
                "table": None if each.place is None else each.place._asdict(),
            }
            for severity, those in (("error", report.findings), ("note", report.notes))
            for each in those
        ]
        print_json(
            {
                "ok": report.ok,
                "findings": findings,
                "more": report.more,
                "more_notes": report.more_notes,
                "counts": report.counts,
                "masked": report.masked,
            }
        )
        return
    _show(archive, report)
    if report.notes:
        say(f"note: {archive}: {_number(len(report.notes), 'note')}{_MORE * report.more_notes}, which stop nothing")
    if report.ok:
        masked = f", {_number(report.masked, 'passage')} masked by the editor's word" if report.masked else ""
        print_line(f"{archive}: no errors in {sum(report.counts.values())} records{masked}")
    else:
        say(f"error: {archive}: {_number(len(report.findings), 'error')}{_MORE * report.more}")


_MORE = ", and more that are not shown"


def _number(count: int, name: str) -> str:
    return f"{count} {name}{'s' * (count != 1)}"


def _show(archive: Path, report: Report) -> None:
    """Print errors, then notes: as a table in a terminal, or a line each."""
    rows = [(each.code, each) for each in report.findings] + [(f"{each.code} (note)", each) for each in report.notes]
    if rows and sys.stdout.isatty():
        table = Table("Code", "Record", "Where", "What", title=str(archive))
        for code, each in rows:
            # As texts: Rich would read square brackets in a detail as markup.
            where = Text(one_line(each.pointer))
            table.add_row(code, Text(one_line(_subject(each))), where, Text(one_line(each.detail)))
        Console().print(table)
    else:
        for code, each in rows:
            print_line(
                f"{code}\t{one_line(each.pointer)}\t{one_line(each.detail)}\t{one_line(_subject(each))}".rstrip("\t")
            )


def _subject(finding: Finding) -> str:
    """Return the record that a finding is about, as people know it."""
    return f"{finding.record or ''}{f' “{finding.title}”' if finding.title else ''}"


_COLUMNS = ("severity", "code", "record", "title", "table", "row", "column", "pointer", "detail")


def write_findings(report: Report, target: Path) -> None:
    """Write what a check found as a table, one row a finding, for whoever will mend it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for severity, found in (("error", report.findings), ("note", report.notes)):
        for each in found:
            place = each.place or TablePlace("")
            row = (severity, each.code, each.record, each.title, place.table, place.row or None, place.column)
            writer.writerow([harmless(cell) for cell in (*row, each.pointer, each.detail)])
    with written_whole(target) as file:
        # With a mark, so that spreadsheet programs see that it is UTF-8.
        file.write("\ufeff".encode() + text.getvalue().encode())
