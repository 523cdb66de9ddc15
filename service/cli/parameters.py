"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

ArchiveFile = Annotated[Path, typer.Argument(help="The archive: .json, .jsonl or .jsonl.gz.", metavar="ARCHIVE")]
DataFolder = Annotated[Path | None, typer.Option("--data", help="The folder of releases (default: data).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
