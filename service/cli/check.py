"""`testimony-archive check`."""

import sqlite3
from pathlib import Path
from typing import Annotated

import typer

from service.archive.checks import check_archive
from service.cli.opening import current_release, today
from service.cli.parameters import ArchiveFile, AsJson
from service.cli.reports import show_report
from service.errors import TestimonyArchiveError


def check_command(
    archive: ArchiveFile,
    *,
    source: Annotated[
        list[str] | None,
        typer.Option(help="A copy of a source to check passages against; may be given again.", metavar="ID=FILE"),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Check also against the release in this folder.")] = None,
    json: AsJson = False,
) -> None:
    """Report every error of an archive; publish nothing.

    Example: testimony-archive check my.json --source src-001=report.txt
    """
    sources = _sources(source or [])
    with current_release(data) as release:
        try:
            report = check_archive(archive, today=today(), sources=sources, predecessor=release)
        except sqlite3.OperationalError as error:
            raise TestimonyArchiveError(
                f"no room for what a check has to remember ({error}); set SQLITE_TMPDIR to a folder that has some"
            ) from None
    show_report(archive, report, json=json)
    if not report.ok:
        raise typer.Exit(1)


def _sources(given: list[str]) -> dict[str, Path]:
    """Return the copies of sources by identifier."""
    sources: dict[str, Path] = {}
    for pair in given:
        name, equals, path = pair.partition("=")
        if not (name and equals and path):
            raise typer.BadParameter(f"{pair!r} is not ID=FILE, such as src-001=report.txt", param_hint="--source")
        if name in sources:
            raise typer.BadParameter(f"{name} is given twice", param_hint="--source")
        if not Path(path).is_file():
            raise typer.BadParameter(f"{path} is not a file", param_hint="--source")
        sources[name] = Path(path)
    return sources
