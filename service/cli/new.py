"""`testimony-archive new`."""

from pathlib import Path
from typing import Annotated

import typer

from service.archive.tables.starting import start_tables
from service.cli.output import say


def new_command(
    folder: Annotated[Path, typer.Argument(help="The folder to make; one that is there must be empty.", metavar="DIR")],
) -> None:
    """Start an archive as a folder of tables, with a guide and one invented example of each record to write over.

    Example: testimony-archive new my-archive
    """
    start_tables(folder)
    say(
        f"Started an archive in {folder}. Read {folder / 'GUIDE.txt'}, write over the tables with a spreadsheet program, then:"
    )
    say(f"  testimony-archive check {folder}")
    say(f"  testimony-archive serve --archive {folder} --watch")
