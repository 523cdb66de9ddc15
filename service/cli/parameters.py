"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

ArchiveFile = Annotated[
    Path,
    typer.Argument(
        help="The archive: .json, .jsonl or .jsonl.gz, a folder of tables, or a workbook (.xlsx, .ods).",
        metavar="ARCHIVE",
    ),
]
SigningKey = Annotated[
    Path | None, typer.Option("--sign", help="Sign the release's statement with this private key.", metavar="KEY")
]
DataFolder = Annotated[Path | None, typer.Option("--data", help="The folder of releases (default: data).")]
Depot = Annotated[
    str | None,
    typer.Option(
        "--depot", help="Where releases lie for many servers: s3://, gs://, az:// or file://.", metavar="ADDRESS"
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
CopiesOfSources = Annotated[
    list[str] | None,
    typer.Option(
        "--source", help="A copy of a source to check passages against; may be given again.", metavar="ID=FILE"
    ),
]


def copies_of_sources(given: list[str]) -> dict[str, Path]:
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
