"""`testimony-archive cite`."""

from dataclasses import asdict
from itertools import islice
from typing import Annotated

import typer

from service.archive.citing import MAX_PLACES, Passage, nearest, passages, text_of
from service.cli.opening import opened_archive
from service.cli.output import one_line, print_json, print_line, say
from service.cli.parameters import ArchiveFile, AsJson, CopiesOfSources, copies_of_sources


def cite_command(
    archive: ArchiveFile,
    source: Annotated[str, typer.Argument(help="The source that the words are from.", metavar="SOURCE")],
    words: Annotated[
        str, typer.Argument(help="The words of the passage, exactly as they stand there.", metavar="WORDS")
    ],
    *,
    copies: CopiesOfSources = None,
    json: AsJson = False,
) -> None:
    """Print the citation of a passage: where these words stand in a source, and their hash.

    Every place is printed where they stand more than once; where they stand nowhere, the nearest passage, and the code
    is 1. The text is the archive's own or, where it holds none, a copy given with --source.

    Example: testimony-archive cite my.json src-001 "they came at night" --source src-001=report.txt
    """
    given = copies_of_sources(copies or [])
    with opened_archive(archive) as opened:
        beside = {} if opened.tables is None else opened.tables.texts()
        text = text_of(opened.path, source, (beside | given).get(source))
    if not words.strip():
        raise typer.BadParameter("no words", param_hint="WORDS")
    found = list(islice(passages(text, words), MAX_PLACES + 1))
    near = None if found else nearest(text, words)
    if json:
        shown = [_citation(source, each) for each in found[:MAX_PLACES]]
        print_json(
            {
                "citations": shown,
                "more": len(found) > MAX_PLACES,
                "nearest": None if near is None else _citation(source, near),
            }
        )
    else:
        _show(source, found, near)
    if not found:
        raise typer.Exit(1)


def _citation(source: str, passage: Passage) -> dict[str, object]:
    return {"source": source, **asdict(passage)}


def _show(source: str, found: list[Passage], near: Passage | None) -> None:
    for each in found[:MAX_PLACES]:
        print_line(f'{{"source": "{source}", "start": {each.start}, "end": {each.end}, "sha256": "{each.sha256}"}}')
        say(f"  … {one_line(each.before)}[{one_line(each.words)}]{one_line(each.after)} …")
    if len(found) > MAX_PLACES:
        say(f"The words stand in more than {MAX_PLACES} places: give more of them.")
    elif len(found) > 1:
        say(f"The words stand in {len(found)} places: choose the one that is meant.")
    if not found and near is None:
        say(f"The words stand nowhere in {source}, and nothing is near them.")
    elif near is not None:
        say(f"The words stand nowhere in {source}. The nearest passage, at {near.start} to {near.end}:")
        print_line(one_line(near.words))
