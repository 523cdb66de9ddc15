"""Withdrawing records from an archive file: what is taken out, what is listed, and what is left for an editor to judge.

The file keeps every byte that the withdrawal does not concern, and is replaced whole. Knows no release. What it tells of
the file are identifiers and pointers: a text that names somebody is pointed to, never repeated.
"""

import fcntl
import gzip
import json
import os
import re
import stat
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, NamedTuple, cast

from pydantic import ValidationError

from service.archive.checks import is_hidden
from service.archive.ledger import MAX_FINDINGS
from service.archive.model import PLURALS, Access, is_identifier
from service.archive.reading import Item, join_pointer, locate, open_regular, read_archive
from service.archive.writing import written_whole
from service.errors import WithdrawalRefused

_LISTS: Final = frozenset({*PLURALS.values(), "withdrawn"})


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
        WithdrawalRefused: for an identifier that is not there, and for a file that is broken or being changed.
        ArchiveUnreadable: for a file that cannot be opened or read.

    In each case, and also when the process is killed, the file is as it was.
    """
    path = path.resolve()
    with _held(path) as before:
        subjects = _find(path, ids, today=today)
        _add_names(path, subjects)
        listed = sorted(name for name, subject in subjects.items() if not subject.is_hidden)
        entries = [json.dumps({"id": name, "on": today.isoformat()}) for name in listed]
        with written_whole(path, mode=stat.S_IMODE(before.st_mode)) as file:
            with suppress(PermissionError):  # whoever may write the file need not be who owns it
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
            _write(path, file, subjects, entries)
            file.flush()
            mentions = _first(_mentions(Path(file.name), subjects), MAX_FINDINGS + 1)
            if _state(path.stat()) != _state(before):
                raise WithdrawalRefused(f"{path} was changed by something else meanwhile; nothing was withdrawn.")
        unlisted = sorted(subjects.keys() - set(listed))
        return Withdrawal(listed, unlisted, mentions[:MAX_FINDINGS], len(mentions) > MAX_FINDINGS)


def _first(mentions: Iterable[Mention], most: int) -> list[Mention]:
    return [mention for mention, _ in zip(mentions, range(most), strict=False)]


@contextmanager
def _held(path: Path) -> Iterator[os.stat_result]:
    """Hold the file against other withdrawals, and yield its state. Raises WithdrawalRefused where one is at work."""
    with open_regular(path) as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WithdrawalRefused(f"{path} is in use: another withdrawal is at work; try again.") from None
        yield os.fstat(file.fileno())


def _state(of: os.stat_result) -> tuple[int, int, int]:
    return of.st_ino, of.st_size, of.st_mtime_ns


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


def _items(path: Path) -> Iterator[tuple[Item, Mapping[str, Any]]]:
    """Yield every piece of the file that is an object. Raises WithdrawalRefused where the file is not sound."""
    for piece in read_archive(path):
        if not isinstance(piece, Item):
            raise WithdrawalRefused(
                f"{path} is not a sound archive ({piece.pointer or 'as a whole'}: {piece.code}); nothing was withdrawn. "
                "See: testimony-archive check"
            )
        if isinstance(piece.value, dict):
            yield piece, piece.value


def _find(path: Path, ids: Collection[str], *, today: date) -> dict[str, _Subject]:
    """Return the records to withdraw. Raises WithdrawalRefused where one is not there."""
    found: dict[str, _Subject] = {}
    gone = set()
    for item, value in _items(path):
        name = value.get("id")
        if not isinstance(name, str) or name not in ids or item.kind == "archive":
            continue
        if item.kind == "withdrawn":
            gone.add(name)
            continue
        person = {"agent": name, "testimony": value.get("witness")}.get(item.kind)
        subject = found.setdefault(name, _Subject(_hidden(name, value, today=today), person))
        subject.patterns.append(re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])"))
        subject.patterns += _private_patterns(value)
        subject.targets |= {text for _, text in _leaves(value) if is_identifier(text)} - {name}
    for name in sorted(set(ids) - found.keys()):
        reason = "was withdrawn already" if name in gone else "is no record of this archive"
        raise WithdrawalRefused(f"{name} {reason}; nothing was changed in {path}.")
    return found


def _hidden(name: str, value: Mapping[str, Any], *, today: date) -> bool:
    try:
        return is_hidden(Access.model_validate(value.get("access", {})), today=today)
    except ValidationError:
        raise WithdrawalRefused(
            f"the access of {name} is not valid; nothing was changed. See: testimony-archive check"
        ) from None


def _add_names(path: Path, subjects: Mapping[str, _Subject]) -> None:
    """Learn what the persons are called. One behind a testimony that is no person, but an organisation, is not sought."""
    persons = {subject.person for subject in subjects.values()}
    for item, value in _items(path):
        if item.kind != "agent" or value.get("id") not in persons:
            continue
        for name, subject in subjects.items():
            if subject.person != value["id"]:
                continue
            if name != subject.person and value.get("kind") == "organisation":
                subject.person = None
            else:
                subject.patterns += _name_patterns(value)
                subject.patterns += _private_patterns(value)


# --- What a person may be called ------------------------------------------------------------------------------------

_WORD = re.compile(r"[^\W_]+")
#: Letters of a word of a name that is looked for by itself; shorter ones are particles: bin, de, von.
_TELLING = 4
#: Most words of a private text that may be a name.
_NAME_WORDS = 6


def _folded(text: str) -> str:
    """Return text without case and accents."""
    if text.isascii():
        return text.lower()
    return "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))


def _pattern(words: list[str]) -> re.Pattern[str]:
    """Return what finds these words in a row, also inflected: by how they begin."""
    return re.compile(r"[\W_]+".join(map(_beginning, words)))


def _beginning(word: str) -> str:
    # Arabic, Chinese or Thai write what belongs to a word without a space before it, and have no case.
    if word == word.upper():
        return re.escape(word) + r"\w*"
    kept = len(word) - (2 if len(word) > 5 else 1 if len(word) >= _TELLING else 0)
    return rf"(?<![^\W_]){re.escape(word[:kept])}\w{{0,4}}(?![^\W_])"


def _texts(value: Mapping[str, Any], key: str) -> Iterator[str]:
    translations = value.get("translations")
    parts = translations.values() if isinstance(translations, dict) else ()
    for part in (value, *parts):
        if isinstance(part, dict) and isinstance(text := part.get(key), str):
            yield text


def _name_patterns(agent: Mapping[str, Any]) -> Iterator[re.Pattern[str]]:
    """Yield what finds an agent's names, a person's also by one word of them, and labels."""
    for text in (*_texts(agent, "name"), *_texts(agent, "label")):
        if words := _WORD.findall(_folded(text)):
            yield _pattern(words)
    if agent.get("kind") == "person":
        for text in _texts(agent, "name"):
            yield from (_pattern([word]) for word in _WORD.findall(_folded(text)) if len(word) >= _TELLING)


def _private_patterns(value: Mapping[str, Any]) -> Iterator[re.Pattern[str]]:
    """Yield what finds the private texts of a record that are as short as a name: the real one stands there, if at all."""
    access = value.get("access")
    for _, text in _leaves(access.get("private") if isinstance(access, dict) else None):
        words = _WORD.findall(_folded(text))
        if 0 < len(words) <= _NAME_WORDS and sum(char.isalpha() for char in text) >= _TELLING:
            yield _pattern(words)


# --- The file without it --------------------------------------------------------------------------------------------


def _write(path: Path, file: BinaryIO, ids: Collection[str], entries: list[str]) -> None:
    """Write the archive at `path` without these records and with these withdrawals."""
    name = path.name.lower()
    with open_regular(path) as raw:
        is_zipped = name.endswith(".gz")
        source = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if is_zipped else raw
        target = cast("BinaryIO", gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=0)) if is_zipped else file
        if name.removesuffix(".gz").endswith(".jsonl"):
            _write_lines(source, target, ids, entries)
        else:
            target.writelines(part.encode() for part in _edited(source.read().decode(), ids, entries))
        if is_zipped:
            target.close()


def _write_lines(source: BinaryIO, target: BinaryIO, ids: Collection[str], entries: list[str]) -> None:
    sought = [name.encode() for name in ids]
    line = b"\n"
    for line in source:
        # Most lines need not be parsed; one with an escape may hold the identifier in another spelling.
        is_suspect = b"\\u" in line or any(name in line for name in sought)
        if not (is_suspect and _is_one_of(line, ids)):
            target.write(line)
    if not line.endswith(b"\n"):
        target.write(b"\n")
    target.writelines(b'{"record": "withdrawn", %s\n' % entry.removeprefix("{").encode() for entry in entries)


def _is_one_of(line: bytes, ids: Collection[str]) -> bool:
    value = json.loads(line) if line.strip() else None
    return isinstance(value, dict) and value.get("record") != "withdrawn" and value.get("id") in ids


_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER: Final = json.JSONDecoder()


class _Edit(NamedTuple):
    """A stretch of the text, and what takes its place."""

    start: int
    end: int
    text: str


class _Element(NamedTuple):
    """Where a record stands in the text."""

    start: int
    end: int
    id: str | None


class _Member(NamedTuple):
    """Where a key of the whole stands in the text, and its value; with its elements where it is a list of records."""

    key: str
    at: int
    start: int
    end: int
    elements: list[_Element]


def _edited(text: str, ids: Collection[str], entries: list[str]) -> Iterator[str]:
    """Yield the text of an `archive.json` without these records and with these withdrawals, otherwise unchanged."""
    done = 0
    for edit in _edits(text, ids, entries):
        yield text[done : edit.start]
        yield edit.text
        done = edit.end
    yield text[done:]


def _edits(text: str, ids: Collection[str], entries: list[str]) -> Iterator[_Edit]:
    waiting = list(entries)
    for member in _members(text):
        if member.key != "withdrawn":
            yield from _cuts(member, ids)
        elif waiting:
            yield _appended(text, member, waiting)
            waiting = []
    if waiting:
        lead = _space_before(text, member.at)
        yield _Edit(member.end, member.end, f',{lead}"withdrawn": {_list(waiting, lead)}')


def _members(text: str) -> Iterator[_Member]:
    at = _skip(text, 0) + 1
    while text[at := _skip(text, at)] != "}":
        begins = at
        key, at = _DECODER.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)
        elements: list[_Element] = []
        if key in _LISTS and text[start] == "[":
            elements, end = _elements(text, start)
        else:
            end = _DECODER.raw_decode(text, start)[1]
        yield _Member(key, begins, start, end, elements)
        at = _skip(text, end)
        at += text[at] == ","


def _elements(text: str, at: int) -> tuple[list[_Element], int]:
    """Return the elements of the list that begins at `at`, one of which is parsed at a time, and where it ends."""
    elements = []
    at += 1
    while text[at := _skip(text, at)] != "]":
        value, end = _DECODER.raw_decode(text, at)
        name = value.get("id") if isinstance(value, dict) else None
        elements.append(_Element(at, end, name if isinstance(name, str) else None))
        at = _skip(text, end)
        at += text[at] == ","
    return elements, at + 1


def _cuts(member: _Member, ids: Collection[str]) -> Iterator[_Edit]:
    """Yield what takes elements out of a list, each with the comma before it; the first with the one behind it."""
    elements = member.elements
    kept = [number for number, element in enumerate(elements) if element.id not in ids]
    if not kept:
        if elements:
            yield _Edit(member.start, member.end, "[]")
        return
    if kept[0] > 0:
        yield _Edit(elements[0].start, elements[kept[0]].start, "")
    for number in range(kept[0] + 1, len(elements)):
        if elements[number].id in ids:
            yield _Edit(elements[number - 1].end, elements[number].end, "")


def _appended(text: str, member: _Member, entries: list[str]) -> _Edit:
    if not member.elements:
        return _Edit(member.start, member.end, _list(entries, _space_before(text, member.at)))
    last = member.elements[-1]
    lead = _space_before(text, last.start) or " "
    return _Edit(last.end, last.end, "".join(f",{lead}{entry}" for entry in entries))


def _list(entries: list[str], lead: str) -> str:
    """Return a list of entries, laid out as its key is: `lead` is the white space before it."""
    if "\n" not in lead:
        return f"[{', '.join(entries)}]"
    inner = lead + lead.rpartition("\n")[2]
    return f"[{inner}{f',{inner}'.join(entries)}{lead}]"


def _skip(text: str, at: int) -> int:
    """Return where the white space at `at` ends."""
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()


def _space_before(text: str, at: int) -> str:
    start = at
    while text[start - 1] in " \t\n\r":
        start -= 1
    return text[start:at]


# --- What still leads to it -----------------------------------------------------------------------------------------


def _mentions(path: Path, subjects: Mapping[str, _Subject]) -> Iterator[Mention]:
    """Yield, in the order of the file, every place that leads to what was withdrawn, then what only that led to."""
    alone = {target: name for name, subject in subjects.items() for target in subject.targets}
    places: dict[str, str] = {}
    for item, value in _items(path):
        if item.kind in ("withdrawn", "format"):
            continue
        record = "archive" if item.kind == "archive" else str(value.get("id"))
        if record in alone:
            places[record] = item.place
        seen = set()
        for steps, text in _leaves(value):
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
    told = _folded(text)
    for name, subject in subjects.items():
        if text == subject.person or any(pattern.search(told) for pattern in subject.patterns):
            return "names", name
    return None


def _leaves(value: object, steps: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield every text inside a value, with the steps that lead to it."""
    if isinstance(value, str):
        yield steps, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*steps, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, (*steps, number))
