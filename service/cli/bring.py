"""`testimony-archive bring`: a command for each kind of thing that others keep."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.cli.output import one_line, print_json, print_line, say
from service.cli.parameters import AsJson
from service.cli.progress import progress_bars
from service.errors import BringRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.archive.progress import Progress
    from service.bringing.brought import Brought, Left

bring = typer.Typer(help="Bring what others keep into a folder of tables.", no_args_is_help=True)

Files = Annotated[list[Path], typer.Argument(help="What to bring.", metavar="FILE…")]
Into = Annotated[Path, typer.Option("--into", help="The folder of tables; it is started if need be.", metavar="DIR")]
NewTerms = Annotated[bool, typer.Option("--new-terms", help="Make values that no vocabulary has its terms.")]
Spoken = Annotated[str, typer.Option("--language", help="The language of what is said (BCP 47).")]
Consent = Annotated[
    Literal["direct", "published_source", "guardian"] | None,
    typer.Option(help="On what footing testimonies may be public; without it they are restricted."),
]


Radius = Annotated[
    float | None,
    typer.Option(
        "--radius",
        min=1,
        help="How far off points may be, in metres: they are published no finer than that. Without it they are kept, unpublished.",
        metavar="METRES",
    ),
]


@bring.command("vtt")
def bring_vtt(
    files: Files, *, into: Into, language: Spoken = "und", consent: Consent = None, json: AsJson = False
) -> None:
    """Bring subtitles, WebVTT or SRT: a testimony each.

    Example: testimony-archive bring vtt interview.vtt --into my-archive --language en
    """
    from service.bringing.transcripts import bring_subtitles  # noqa: PLC0415 - each importer has libraries of its own

    put(lambda _: bring_subtitles(_there(files), language=language, consent=consent), into, json=json)


@bring.command("ohms")
def bring_ohms(
    files: Files, *, into: Into, consent: Consent = None, radius: Radius = None, json: AsJson = False
) -> None:
    """Bring interviews of OHMS, as XML: a testimony each, with its transcript and its table of contents.

    Example: testimony-archive bring ohms interview.xml --into my-archive --consent published_source
    """
    from service.bringing.ohms import bring_interviews  # noqa: PLC0415

    put(lambda _: bring_interviews(_there(files), consent=consent, radius_m=radius), into, json=json)


@bring.command("text")
def bring_texts(
    files: Files, *, into: Into, language: Spoken = "und", consent: Consent = None, json: AsJson = False
) -> None:
    """Bring transcripts as text (.txt, .docx), with times or without: a testimony each.

    Example: testimony-archive bring text interview.docx --into my-archive --language en
    """
    from service.bringing.transcripts import bring_plain  # noqa: PLC0415

    put(lambda _: bring_plain(_there(files), language=language, consent=consent), into, json=json)


@bring.command("table")
def bring_a_table(
    files: Files,
    *,
    into: Annotated[
        Path | None, typer.Option("--into", help="The folder of tables; it is started if need be.", metavar="DIR")
    ] = None,
    how: Annotated[Path | None, typer.Option("--map", help="What each column becomes.", metavar="MAP.toml")] = None,
    suggest: Annotated[
        bool, typer.Option("--suggest", help="Print a map for the table instead, to be looked through.")
    ] = False,
    sheet: Annotated[
        str | None, typer.Option(help="With --suggest: which sheet of a workbook.", metavar="NAME")
    ] = None,
    header: Annotated[
        str | None,
        typer.Option(help="With --suggest: the row with the names of columns, or two of them.", metavar="ROW[-ROW]"),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="With --suggest: the encoding of a CSV file, such as cp1251.", metavar="NAME")
    ] = None,
    new_terms: NewTerms = False,
    json: AsJson = False,
) -> None:
    """Bring a table (CSV, a workbook, JSON that lists objects) by a map: a record for each row.

    Example: testimony-archive bring table incidents.csv --suggest > map.toml
    Then: testimony-archive bring table incidents.csv --into my-archive --map map.toml --new-terms
    """
    from service.bringing.brought import Brought  # noqa: PLC0415
    from service.bringing.foreign import Reading, foreign_table  # noqa: PLC0415
    from service.bringing.mapped import bring_table  # noqa: PLC0415
    from service.bringing.maps import read_map  # noqa: PLC0415
    from service.bringing.suggesting import map_text  # noqa: PLC0415
    from service.bringing.suggesting import suggest as suggest_map  # noqa: PLC0415

    there = _there(files)
    brought = Brought("table")
    if suggest:
        asked = Reading(sheet, _rows_of(header), encoding)
        tables = [foreign_table(file, brought, asked) for file in there]
        rows = (row for table in tables for row in table.rows)
        print_line(map_text(suggest_map(rows, reading=tables[0].reading)).rstrip())
        for each in brought.left:
            say(f"{each.file}{f', {each.where}' if each.where else ''}: {each.what}: {each.why}")
        return
    if into is None or how is None:
        raise typer.BadParameter(
            "is required; a map is made with --suggest", param_hint="--into" if into is None else "--map"
        )
    maps = [(file, read_map(how)) for file in there]
    put(
        lambda progress: bring_table(maps, brought, progress=progress),
        into,
        new_terms=new_terms,
        json=json,
    )


@bring.command("uwazi")
def bring_uwazi(
    files: Files, *, into: Into, new_terms: NewTerms = False, radius: Radius = None, json: AsJson = False
) -> None:
    """Bring tables of Uwazi, as its CSV import and export have them: an event for each row, with the files beside the table.

    Example: testimony-archive bring uwazi entities.csv --into my-archive --new-terms
    """
    from service.bringing.into import present_in  # noqa: PLC0415
    from service.bringing.uwazi import bring_entities  # noqa: PLC0415

    put(
        lambda progress: bring_entities(_there(files), present_in(into), radius_m=radius, progress=progress),
        into,
        new_terms=new_terms,
        json=json,
    )


def put(bring_them: "Callable[[Progress], Brought]", into: Path, *, new_terms: bool = False, json: bool) -> None:
    """Bring something, put it into a folder of tables, and tell what was brought and what was left."""
    from service.bringing.into import bring_into  # noqa: PLC0415

    with progress_bars() as progress:
        brought = bring_them(progress)
        outcome = bring_into(into, brought, new_terms=new_terms, progress=progress)
    if json:
        print_json(
            {
                "created": outcome.created,
                "updated": outcome.updated,
                "unchanged": outcome.unchanged,
                "left": [{"file": e.file, "where": e.where, "what": e.what, "why": e.why} for e in brought.left],
            }
        )
        return
    _show_left(brought.left)
    for name, counts in (("created", outcome.created), ("updated", outcome.updated), ("unchanged", outcome.unchanged)):
        if counts:
            say(f"{name}: {', '.join(f'{count} {kind}' for kind, count in sorted(counts.items()))}")
    say(f"Brought into {into}; {len(brought.left)} things were left. Next: testimony-archive check {into}")


def _show_left(left: "list[Left]") -> None:
    """Print what was left: as a table in a terminal, or a line each."""
    rows = [[one_line(text) for text in (each.file, each.where, each.what, each.why)] for each in left]
    if rows and sys.stdout.isatty():
        table = Table("File", "Where", "What was left", "Why")
        for row in rows:
            # As texts: Rich would read square brackets in a name as markup.
            table.add_row(*map(Text, row))
        Console().print(table)
        return
    for row in rows:
        print_line("\t".join(("left", *row)))


def _rows_of(header: str | None) -> tuple[int, int] | None:
    if header is None:
        return None
    if (found := re.fullmatch(r"([1-9]\d{0,5})(?:-([1-9]\d{0,5}))?", header)) is None:
        raise typer.BadParameter("is a row, or two with a hyphen", param_hint="--header")
    first = int(found.group(1))
    return first, max(first, int(found.group(2) or first))


def _there(files: list[Path]) -> list[Path]:
    for file in files:
        if not file.is_file():
            raise BringRefused(f"{file} is not a file")
    return files
