"""`testimony-archive bring`: a command for each kind of thing that others keep."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.cli.output import one_line, print_json, print_line, say
from service.cli.parameters import AsJson
from service.errors import BringRefused

if TYPE_CHECKING:
    from service.bringing.brought import Brought

bring = typer.Typer(help="Bring what others keep into a folder of tables.", no_args_is_help=True)

Files = Annotated[list[Path], typer.Argument(help="What to bring.", metavar="FILE…")]
Into = Annotated[Path, typer.Option("--into", help="The folder of tables; it is started if need be.", metavar="DIR")]
NewTerms = Annotated[bool, typer.Option("--new-terms", help="Make values that no vocabulary has its terms.")]
Spoken = Annotated[str, typer.Option("--language", help="The language of what is said (BCP 47).")]
Consent = Annotated[
    Literal["direct", "published_source", "guardian"] | None,
    typer.Option(help="On what footing testimonies may be public; without it they are restricted."),
]


@bring.command("vtt")
def bring_vtt(
    files: Files, *, into: Into, language: Spoken = "und", consent: Consent = None, json: AsJson = False
) -> None:
    """Bring subtitles, WebVTT or SRT: a testimony each.

    Example: testimony-archive bring vtt interview.vtt --into my-archive --language en
    """
    from service.bringing.transcripts import bring_subtitles  # noqa: PLC0415 - each importer has libraries of its own

    put(bring_subtitles(_there(files), language=language, consent=consent), into, json=json)


@bring.command("ohms")
def bring_ohms(files: Files, *, into: Into, consent: Consent = None, json: AsJson = False) -> None:
    """Bring interviews of OHMS, as XML: a testimony each, with its transcript and its table of contents.

    Example: testimony-archive bring ohms interview.xml --into my-archive --consent published_source
    """
    from service.bringing.ohms import bring_interviews  # noqa: PLC0415

    put(bring_interviews(_there(files), consent=consent), into, json=json)


def put(brought: "Brought", into: Path, *, new_terms: bool = False, json: bool) -> None:
    """Put what was brought into a folder of tables, and tell what was brought and what was left."""
    from service.bringing.into import bring_into  # noqa: PLC0415

    outcome = bring_into(into, brought, new_terms=new_terms)
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
    for each in brought.left:
        print_line(f"left\t{one_line(each.file)}\t{one_line(each.where)}\t{one_line(each.what)}\t{one_line(each.why)}")
    for name, counts in (("created", outcome.created), ("updated", outcome.updated), ("unchanged", outcome.unchanged)):
        if counts:
            say(f"{name}: {', '.join(f'{count} {kind}' for kind, count in sorted(counts.items()))}")
    say(f"Brought into {into}; {len(brought.left)} things were left. Next: testimony-archive check {into}")


def _there(files: list[Path]) -> list[Path]:
    for file in files:
        if not file.is_file():
            raise BringRefused(f"{file} is not a file")
    return files
