"""Withdrawing records from an archive file: what is taken out, what is listed, and what is left for an editor to judge.

The file keeps every byte that the withdrawal does not concern, and is replaced whole. Knows no release. What it tells of
the file are identifiers and pointers: a text that names somebody is pointed to, never repeated.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from service.archive.checks import MAX_FINDINGS, is_hidden
from service.archive.editing import items_of, leaves_of, replacing, write_without
from service.archive.identifiers import is_identifier
from service.archive.model import Access
from service.archive.naming import folded, name_patterns, private_patterns
from service.archive.reading import join_pointer, locate
from service.errors import EditRefused

#: `refers` keeps the archive from being published. What `names` the withdrawn record, or the person behind it, may have
#: to change; so may a record that was referred to from there and stands `alone` now, the source of an interview for one.
Kind = Literal["refers", "names", "alone"]


@dataclass(frozen=True, slots=True)
class Mention:
    """A place in the file that still leads to what was withdrawn, or that only this led to."""

    kind: Kind
    #: Where, in the file as it is now: RFC 6901, or the line of a `.jsonl`.
    pointer: str
    #: The record that stands there; `archive` for the head.
    record: str
    #: The withdrawn record that it leads to.
    about: str


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What a withdrawal came to."""

    #: Taken out and listed under `withdrawn`.
    listed: list[str]
    #: Taken out, and not listed because they were not public: the list is, and would tell that there was something.
    unlisted: list[str]
    mentions: list[Mention]
    #: Whether there are more mentions than are kept.
    more: bool


def withdraw(path: Path, ids: Collection[str], *, today: date) -> Withdrawal:
    """Take records out of an archive file and list those that were public under `withdrawn`, as of `today` (UTC).

    Memory does not grow with a `.jsonl`; a `.json` is held whole.

    Raises:
        EditRefused: for an identifier that is not there, and for a file that is broken or being changed.
        ArchiveUnreadable: for a file that cannot be opened or read.

    In each case, and also when the process is killed, the file is as it was.
    """
    path = path.resolve()
    with replacing(path) as file:
        subjects = _find(path, ids, today=today)
        _add_names(path, subjects)
        listed = sorted(name for name, subject in subjects.items() if not subject.is_hidden)
        entries = [json.dumps({"id": name, "on": today.isoformat()}) for name in listed]
        write_without(path, file, subjects, entries)
        file.flush()
        mentions = _first(_mentions(Path(file.name), subjects), MAX_FINDINGS + 1)
    unlisted = sorted(subjects.keys() - set(listed))
    return Withdrawal(listed, unlisted, mentions[:MAX_FINDINGS], len(mentions) > MAX_FINDINGS)


def _first(mentions: Iterable[Mention], most: int) -> list[Mention]:
    return [mention for mention, _ in zip(mentions, range(most), strict=False)]


# --- What is to go --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Subject:
    """A record to withdraw: who is behind it, and what they may be called."""

    is_hidden: bool
    #: The person: an agent itself, a testimony's witness.
    person: str | None
    patterns: list[re.Pattern[str]] = field(default_factory=list)
    #: What it referred to.
    targets: set[str] = field(default_factory=set)


def _find(path: Path, ids: Collection[str], *, today: date) -> dict[str, _Subject]:
    """Return the records to withdraw. Raises EditRefused where one is not there."""
    found: dict[str, _Subject] = {}
    gone = set()
    for item, value in items_of(path):
        name = value.get("id")
        if not isinstance(name, str) or name not in ids or item.kind == "archive":
            continue
        if item.kind == "withdrawn":
            gone.add(name)
            continue
        person = {"agent": name, "testimony": value.get("witness")}.get(item.kind)
        subject = found.setdefault(name, _Subject(_hidden(name, value, today=today), person))
        subject.patterns.append(re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])"))
        subject.patterns += private_patterns(value)
        subject.targets |= {text for _, text in leaves_of(value) if is_identifier(text)} - {name}
    for name in sorted(set(ids) - found.keys()):
        reason = "was withdrawn already" if name in gone else "is no record of this archive"
        raise EditRefused(f"{name} {reason}; nothing was changed in {path}.")
    return found


def _hidden(name: str, value: Mapping[str, Any], *, today: date) -> bool:
    try:
        return is_hidden(Access.model_validate(value.get("access", {})), today=today)
    except ValidationError:
        raise EditRefused(
            f"the access of {name} is not valid; nothing was changed. See: testimony-archive check"
        ) from None


def _add_names(path: Path, subjects: Mapping[str, _Subject]) -> None:
    """Learn what the persons are called. One behind a testimony that is no person, but an organisation, is not sought."""
    persons = {subject.person for subject in subjects.values()}
    for item, value in items_of(path):
        if item.kind != "agent" or value.get("id") not in persons:
            continue
        for name, subject in subjects.items():
            if subject.person != value["id"]:
                continue
            if name != subject.person and value.get("kind") == "organisation":
                subject.person = None
            else:
                subject.patterns += name_patterns(value)
                subject.patterns += private_patterns(value)


# --- What still leads to it -----------------------------------------------------------------------------------------


def _mentions(path: Path, subjects: Mapping[str, _Subject]) -> Iterator[Mention]:
    """Yield, in the order of the file, every place that leads to what was withdrawn, then what only that led to."""
    alone = {target: name for name, subject in subjects.items() for target in subject.targets}
    places: dict[str, str] = {}
    for item, value in items_of(path):
        if item.kind in ("withdrawn", "format"):
            continue
        record = "archive" if item.kind == "archive" else str(value.get("id"))
        if record in alone:
            places[record] = item.place
        seen = set()
        for steps, text in leaves_of(value):
            if text != record:
                alone.pop(text, None)
            is_private = "private" in steps
            pointer = join_pointer(steps[: steps.index("private") + 1] if is_private else steps)
            if pointer not in seen and (led := _led_to(text, subjects, is_private=is_private)) is not None:
                seen.add(pointer)
                yield Mention(led[0], locate(item.place, pointer), record, led[1])
    for record in sorted(alone.keys() & places.keys()):
        yield Mention("alone", places[record], record, alone[record])


def _led_to(text: str, subjects: Mapping[str, _Subject], *, is_private: bool) -> tuple[Kind, str] | None:
    """Return how a text leads to a withdrawn record, and to which, if it does."""
    if text in subjects and not is_private:
        return "refers", text
    told = folded(text)
    for name, subject in subjects.items():
        if text == subject.person or any(pattern.search(told) for pattern in subject.patterns):
            return "names", name
    return None
