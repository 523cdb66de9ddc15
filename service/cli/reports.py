"""What a check found, for people and for programs."""

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.archive.checks import Report
from service.cli.output import one_line, print_json, print_line, say


def show_report(archive: Path, report: Report, *, json: bool) -> None:
    """Print what a check found: as JSON, as a table in a terminal, or a line each."""
    if json:
        findings = [
            {"code": each.code, "severity": severity, "pointer": each.pointer, "detail": each.detail}
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
        table = Table("Code", "Where", "What", title=str(archive))
        for code, each in rows:
            # As texts: Rich would read square brackets in a detail as markup.
            table.add_row(code, Text(one_line(each.pointer)), Text(one_line(each.detail)))
        Console().print(table)
    else:
        for code, each in rows:
            print_line(f"{code}\t{one_line(each.pointer)}\t{one_line(each.detail)}")
