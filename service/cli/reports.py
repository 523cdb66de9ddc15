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
        findings = [{"code": each.code, "pointer": each.pointer, "detail": each.detail} for each in report.findings]
        print_json({"ok": report.ok, "findings": findings, "more": report.more, "counts": report.counts})
        return
    if report.ok:
        print_line(f"{archive}: no errors in {sum(report.counts.values())} records")
        return
    if sys.stdout.isatty():
        table = Table("Code", "Where", "What", title=str(archive))
        for each in report.findings:
            # As texts: Rich would read square brackets in a detail as markup.
            table.add_row(each.code, Text(one_line(each.pointer)), Text(one_line(each.detail)))
        Console().print(table)
    else:
        for each in report.findings:
            print_line(f"{each.code}\t{one_line(each.pointer)}\t{one_line(each.detail)}")
    number = len(report.findings)
    say(f"error: {archive}: {number} error{'s' * (number != 1)}{', and more that are not shown' * report.more}")
