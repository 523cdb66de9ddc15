"""`testimony-archive check`."""

import sqlite3
from pathlib import Path
from typing import Annotated

import typer

from service.archive.checks import check_archive
from service.cli.opening import opened_archive, predecessor_in, today
from service.cli.parameters import ArchiveFile, AsJson, CopiesOfSources, copies_of_sources
from service.cli.progress import progress_bars
from service.cli.reports import show_report, write_findings
from service.errors import TestimonyArchiveError


def check_command(
    archive: ArchiveFile,
    *,
    source: CopiesOfSources = None,
    data: Annotated[Path | None, typer.Option(help="Check also against the release in this folder.")] = None,
    table: Annotated[
        Path | None, typer.Option(help="Write the findings into this file as CSV, one row each.", metavar="FILE")
    ] = None,
    json: AsJson = False,
) -> None:
    """Report every error of an archive; publish nothing.

    With - in place of ARCHIVE it is read from standard input.

    Example: testimony-archive check my.json --source src-001=report.txt
    """
    sources = copies_of_sources(source or [])
    with (
        progress_bars() as progress,
        opened_archive(archive, progress=progress) as opened,
        predecessor_in(data) as predecessor,
    ):
        if opened.tables is not None:
            sources = opened.tables.texts() | sources
        size = opened.path.stat().st_size if opened.path.is_file() else 0
        try:
            report = opened.told(
                check_archive(
                    opened.path,
                    today=today(),
                    sources=sources,
                    folder=opened.files_in,
                    predecessor=predecessor,
                    progress=lambda done: progress("Checking", done, size),
                )
            )
        except sqlite3.OperationalError as error:
            raise TestimonyArchiveError(
                f"no room for what a check has to remember ({error}); set SQLITE_TMPDIR to a folder that has some"
            ) from None
    if table is not None:
        write_findings(report, table)
    show_report(archive, report, json=json)
    if not report.ok:
        raise typer.Exit(1)
