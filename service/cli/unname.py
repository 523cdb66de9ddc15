"""`testimony-archive unname`."""

from typing import Annotated, Literal

import typer

from service.archive.tables import edited_archive
from service.archive.unnaming import unname
from service.cli.opening import today
from service.cli.output import one_line, print_json, print_line, say
from service.cli.parameters import ArchiveFile, AsJson


def unname_command(
    archive: ArchiveFile,
    agent: Annotated[str, typer.Argument(help="Whose name is taken back.", metavar="AGENT")],
    *,
    policy: Annotated[Literal["withheld", "pseudonym"], typer.Option(help="What the label stands for.")] = "withheld",
    label: Annotated[str | None, typer.Option(help="What is shown instead of the name.")] = None,
    json: AsJson = False,
) -> None:
    """Take a name back: move it into `private`, and print every public place where it still stands.

    The code is 1 where there is such a place. The name is not printed.

    Example: testimony-archive unname my.json agt-007 --label "A resident"
    """
    with edited_archive(archive) as (file, told):
        outcome = unname(file, agent, policy=policy, label=label, today=today())
    if json:
        places = [{"pointer": told(each.pointer), "detail": each.detail} for each in outcome.places]
        print_json({"places": places, "more": outcome.more})
    else:
        for each in outcome.places:
            print_line(f"{one_line(told(each.pointer))}\t{one_line(each.detail)}")
    more = ", and more that are not shown" * outcome.more
    say(f"Took back the name of {agent} in {archive}. It still stands in {len(outcome.places)} public places{more}.")
    say(
        "What is published is as before until: testimony-archive publish ARCHIVE, then releases prune --erase. "
        "Earlier copies of the file, and its history where it has one, still hold the name."
    )
    if outcome.places:
        raise typer.Exit(1)
