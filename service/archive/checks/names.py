"""Protected names against every public text of an archive, which is read a second time for it.

Which names are protected is not known before the end of the file.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from service.archive.checks.ledger import Ledger
from service.archive.checks.records import is_hidden
from service.archive.editing import leaves_of
from service.archive.identifiers import is_identifier
from service.archive.model import Access
from service.archive.protected_names import Named, ProtectedNames, words_of
from service.archive.reading import Finding, Item, Line, join_pointer, locate, parsed, read_batches
from service.archive.words import stemmer_of

#: Where in the head names stand that have no capital letters: at the beginning and at the end of the way there.
_WRITTEN_SMALL = frozenset(
    {("fields", "name"), ("fields", "vocabulary"), ("vocabularies", "value"), ("vocabularies", "broader")}
)


def protected_names(ledger: Ledger, languages: Iterable[str]) -> ProtectedNames:
    """Return the names that no public text may hold, as far as the ledger has them.

    `languages` are those of the archive's texts: the word index stems in no others.
    """
    sought = [Named(agent, name, bool(is_person)) for agent, name, is_person in ledger.protected_names()]
    wanted = {word for named in sought for word in words_of(named.name)}
    shared = {word for name in ledger.published_names() for word in words_of(name)} if wanted else set()
    stemmers = {stemmer for language in languages if (stemmer := stemmer_of(language)) is not None}
    return ProtectedNames(sought, shared=shared & wanted, stemmers=sorted(stemmers))


def check_names(path: Path, names: ProtectedNames, *, today: date) -> Iterator[tuple[int, Finding]]:
    """Yield each place of the archive where a protected name stands, with the number of the piece it is in."""
    for number, piece in enumerate(chain.from_iterable(read_batches(path)), 1):
        if isinstance(piece, Line) and not names.may_stand_in(piece.text):
            continue
        item = parsed(piece)
        if isinstance(item, Item) and item.kind not in {"format", "withdrawn"} and isinstance(item.value, dict):
            for finding in names_in(item, item.value, names, today=today):
                yield number, finding


def names_in(item: Item, value: Mapping[str, Any], names: ProtectedNames, *, today: date) -> Iterator[Finding]:
    """Yield each place of a piece of the archive where a protected name stands, unless it is not public."""
    if not names.may_stand_in(orjson.dumps(value)) or _is_hidden(value, today=today):
        return
    own = str(value.get("id", "archive"))
    shown = f", in `{own}`" if names.find(own) is None else ""
    for steps, text in _texts_of(item, value):
        if steps[0] == "access" or _is_reference(steps, text) or _is_told(item, steps, value):
            continue
        if item.kind == "source" and _is_of_private_file(steps, value):
            continue
        if (agent := names.find(text)) is not None:
            whose = f"`{agent}`" if names.find(agent) is None else "an agent"
            detail = f"The name of {whose}, which is protected, stands here{shown}."
            yield Finding("protected_name_present", locate(item.place, join_pointer(steps)), detail)


def _texts_of(item: Item, value: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield every text of a piece of the archive. Names of own vocabularies and fields, and values of terms, are written
    without capital letters, as addresses are: they are looked through as such.
    """
    if item.kind != "archive":
        yield from leaves_of(value)
        return
    vocabularies = value.get("vocabularies")
    for name in vocabularies if isinstance(vocabularies, dict) else ():
        yield ("vocabularies", name), f"/{name}"
    for steps, text in leaves_of(value):
        is_name = (steps[0], steps[-1]) in _WRITTEN_SMALL and not any(char.isspace() for char in text)
        yield steps, f"/{text}" if is_name else text


def _is_reference(steps: tuple[str | int, ...], text: str) -> bool:
    # A record's own id is looked through; where others repeat it, it would be told again and again. What stands in an own
    # field may be a text that only looks like an identifier.
    return steps != ("id",) and "custom" not in steps and is_identifier(text)


def _is_told(item: Item, steps: tuple[str | int, ...], value: Mapping[str, Any]) -> bool:
    """Tell whether this is the name that a protected agent must not have, which is told as such."""
    is_name = steps[-1] == "name" and "custom" not in steps
    return item.kind == "agent" and is_name and value.get("name_policy") in {"pseudonym", "withheld"}


def _is_of_private_file(steps: tuple[str | int, ...], source: Mapping[str, Any]) -> bool:
    """Tell whether a text is that of a file that is not published: an original may bear the name that is protected."""
    if len(steps) < 2 or steps[0] != "files":
        return False
    file = source["files"][steps[1]]
    return isinstance(file, dict) and file.get("public") is not True


def _is_hidden(value: Mapping[str, Any], *, today: date) -> bool:
    try:
        return is_hidden(Access.model_validate(value.get("access", {})), today=today)
    except ValidationError:
        return False
