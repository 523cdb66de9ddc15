"""`testimony-archive withdraw`."""

from collections.abc import Callable
from typing import Annotated

import typer

from service.archive.tables import edited_archive
from service.archive.withdrawing import Withdrawal, withdraw
from service.cli.opening import today
from service.cli.output import one_line, print_json, print_line, say
from service.cli.parameters import ArchiveFile, AsJson


def withdraw_command(
    archive: ArchiveFile,
    ids: Annotated[list[str], typer.Argument(help="The records to withdraw.", metavar="ID...")],
    *,
    json: AsJson = False,
) -> None:
    """Take records out of an archive file, list them as withdrawn, and say what still leads to them.

    The code is 1 where something is left to judge. Names are not printed, only where they stand.

    Example: testimony-archive withdraw my.json tes-001
    """
    with edited_archive(archive) as (file, told):
        outcome = withdraw(file, ids, today=today())
    _show_mentions(outcome, told, json=json)
    if outcome.listed:
        say(f"Withdrew {', '.join(outcome.listed)} from {archive}.")
    if outcome.unlisted:
        say(
            f"Removed {', '.join(outcome.unlisted)} from {archive}: not public, so not listed as withdrawn, which would "
            "tell that there was something. If it once was public, list it by hand."
        )
    say(
        "What is published is as before until: testimony-archive publish ARCHIVE, then releases prune --erase. "
        "Earlier copies of the file, and its history where it has one, still hold what was withdrawn."
    )
    if outcome.mentions:
        raise typer.Exit(1)


def _show_mentions(outcome: Withdrawal, told: Callable[[str], str], *, json: bool) -> None:
    """Print what still leads to withdrawn records: as JSON, or a line each, with a count of both kinds."""
    if json:
        mentions = [
            {"kind": each.kind, "pointer": told(each.pointer), "record": each.record, "about": each.about}
            for each in outcome.mentions
        ]
        print_json({"listed": outcome.listed, "unlisted": outcome.unlisted, "mentions": mentions, "more": outcome.more})
        return
    for each in outcome.mentions:
        print_line(f"{each.kind}\t{one_line(told(each.pointer))}\t{one_line(each.record)}\t{each.about}")
    for kind, sentence in _LEFT_TO_JUDGE.items():
        if number := sum(each.kind == kind for each in outcome.mentions):
            say(f"{kind}: {number}. {sentence}")
    if outcome.more:
        say("There are more places than are shown: run it through `check`, and search the file.")


_LEFT_TO_JUDGE = {
    "refers": "These refer to what is gone: the archive cannot be published until they do not.",
    "names": "These may name it, or the person behind it: judge each.",
    "alone": "Only what is gone referred to these: judge whether they can stay.",
}
