"""`testimony-archive redact`."""

import re
from pathlib import Path
from typing import Annotated

import typer

from service.archive.redacting import Passage, Redacted, redact_passages, redact_segments
from service.archive.tables import edited_archive
from service.archive.vocabularies import RedactionReason
from service.cli.opening import today
from service.cli.output import one_line, print_json, print_line, say
from service.cli.parameters import ArchiveFile, AsJson

_PASSAGE = re.compile(r"(\d{1,15})-(\d{1,15})")


def redact_command(
    archive: ArchiveFile,
    record: Annotated[str, typer.Argument(help="The testimony or source.", metavar="TES|SRC")],
    segments: Annotated[
        list[str] | None, typer.Argument(help="Segments of its transcript, by id or number.", metavar="[SEGMENT...]")
    ] = None,
    *,
    reason: Annotated[RedactionReason, typer.Option(help="Why the words are left out.")] = "consent",
    passage: Annotated[
        list[str] | None, typer.Option(help="Passages of its text, in code points.", metavar="START-END")
    ] = None,
    json: AsJson = False,
) -> None:
    """Take words out of a transcript or a source's text, and print where they still stand.

    Names of segments and offsets stay; hashes of passages are renewed. The code is 1 where something is left to judge.

    Example: testimony-archive redact my.json tes-001 12 --reason safety
    """
    with edited_archive(archive) as (file, told):
        outcome = _redact(file, record, segments or [], passage or [], reason)
    if json:
        places = [{"kind": each.kind, "pointer": told(each.pointer), "record": each.record} for each in outcome.places]
        print_json({"redacted": outcome.taken_out, "renewed": outcome.renewed, "places": places, "more": outcome.more})
    else:
        for each in outcome.places:
            print_line(f"{each.kind}\t{one_line(told(each.pointer))}\t{one_line(each.record)}")
    more = ", and more that are not shown" * outcome.more
    what = "passages" if record.startswith("src-") else "segments"
    say(f"Took the words out of {outcome.taken_out} {what} of {record}, and renewed {outcome.renewed} hashes.")
    say(f"{len(outcome.places)} places may still tell of them{more}.")
    say(
        "What is published is as before until: testimony-archive publish ARCHIVE, then releases prune --erase. "
        "Earlier copies of the file, and its history where it has one, still hold the words."
    )
    if outcome.places:
        raise typer.Exit(1)


def _redact(archive: Path, record: str, segments: list[str], passages: list[str], reason: RedactionReason) -> Redacted:
    """Redact what is named. Raises typer.BadParameter where it is not clear what."""
    if record.startswith("src-"):
        if segments or not passages:
            raise typer.BadParameter(f"{record} is a source: say which passages, by --passage START-END.")
        return redact_passages(archive, record, [_passage(each) for each in passages], reason=reason, today=today())
    if passages or not segments:
        raise typer.BadParameter(f"{record} is no source: say which segments of its transcript.")
    return redact_segments(archive, record, segments, reason=reason)


def _passage(text: str) -> Passage:
    match = _PASSAGE.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{text} is no passage: START-END, in code points, such as 120-180.")
    return int(match[1]), int(match[2])
