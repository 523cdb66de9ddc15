"""An archive file changed in place: held against others, every byte kept that the change does not concern, replaced whole.

Knows the layout of the file, no rule of the format. A text of the archive is never told, only where it stands.
"""

import fcntl
import gzip
import json
import os
import re
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, cast

from service.archive.identifiers import PLURALS
from service.archive.reading import Item, open_regular, read_archive
from service.archive.writing import written_whole
from service.errors import EditRefused

_LISTS: Final = frozenset({*PLURALS.values(), "withdrawn"})


@contextmanager
def held(path: Path) -> Iterator[os.stat_result]:
    """Hold the file against other commands, and yield its state. Raises EditRefused where one is at work."""
    with open_regular(path) as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EditRefused(f"{path} is in use: another command changes it; try again.") from None
        yield os.fstat(file.fileno())


def state_of(of: os.stat_result) -> tuple[int, int, int]:
    """Return what tells whether a file is another one, or was written to: its number, size and time of change."""
    return of.st_ino, of.st_size, of.st_mtime_ns


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that takes the place of the archive at `path`, with its owner and mode, when the block ends well.

    Raises EditRefused where another command changes it, or something else has. The file is then as it was.
    """
    with held(path) as before, written_whole(path, mode=stat.S_IMODE(before.st_mode)) as file:
        with suppress(PermissionError):  # whoever may write the file need not be who owns it
            os.fchown(file.fileno(), before.st_uid, before.st_gid)
        yield file
        if state_of(path.stat()) != state_of(before):
            raise EditRefused(f"{path} was changed by something else meanwhile; nothing was changed.")


def items_of(path: Path) -> Iterator[tuple[Item, Mapping[str, Any]]]:
    """Yield every piece of the file that is an object. Raises EditRefused where the file is not sound."""
    for piece in read_archive(path):
        if not isinstance(piece, Item):
            raise EditRefused(
                f"{path} is not a sound archive ({piece.pointer or 'as a whole'}: {piece.code}); nothing was changed. "
                "See: testimony-archive check"
            )
        if isinstance(piece.value, dict):
            yield piece, piece.value


def leaves_of(value: object, steps: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield every text inside a value, with the steps that lead to it."""
    if isinstance(value, str):
        yield steps, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves_of(inner, (*steps, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves_of(inner, (*steps, number))


#: Takes a record's type and the record as JSON; returns it changed, or None to leave it as it stands.
Change = Callable[[str, dict[str, Any]], dict[str, Any] | None]


def write_changed(path: Path, file: BinaryIO, change: Change) -> None:
    """Write the archive at `path` with what `change` makes of its records. The others keep every byte."""
    with _both_ends(path, file) as (source, target, is_lines):
        if is_lines:
            for line in source:
                target.write(_changed_line(line, change))
        else:
            text = source.read().decode()
            target.writelines(part.encode() for part in _applied(text, _changes(text, change)))


def write_without(path: Path, file: BinaryIO, ids: Collection[str], entries: list[str]) -> None:
    """Write the archive at `path` without these records and with these withdrawals."""
    with _both_ends(path, file) as (source, target, is_lines):
        if is_lines:
            _write_lines(source, target, ids, entries)
        else:
            text = source.read().decode()
            target.writelines(part.encode() for part in _applied(text, _edits(text, ids, entries)))


@contextmanager
def _both_ends(path: Path, file: BinaryIO) -> Iterator[tuple[BinaryIO, BinaryIO, bool]]:
    """Yield the archive at `path` and `file`, both as they are without compression; and whether they are lines."""
    name = path.name.lower()
    with open_regular(path) as raw:
        is_zipped = name.endswith(".gz")
        source = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if is_zipped else raw
        target = cast("BinaryIO", gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=0)) if is_zipped else file
        yield source, target, name.removesuffix(".gz").endswith(".jsonl")
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


def _applied(text: str, edits: Iterable[_Edit]) -> Iterator[str]:
    """Yield a text with these edits, which come in its order; otherwise unchanged."""
    done = 0
    for edit in edits:
        yield text[done : edit.start]
        yield edit.text
        done = edit.end
    yield text[done:]


def _changed_line(line: bytes, change: Change) -> bytes:
    value = json.loads(line) if line.strip() else None
    if not isinstance(value, dict) or "record" not in value:
        return line
    kind = value.pop("record")
    changed = change(kind, value)
    if changed is None:
        return line
    separators = (", ", ": ") if b'": ' in line else (",", ":")
    text = json.dumps({"record": kind, **changed}, ensure_ascii=line.isascii(), separators=separators)
    return text.encode() + line[len(line.rstrip()) :]


_KIND_OF: Final = {plural: kind for kind, plural in PLURALS.items()}


def _changes(text: str, change: Change) -> Iterator[_Edit]:
    for member in _members(text):
        for element in member.elements if member.key in _KIND_OF else ():
            value = _DECODER.raw_decode(text, element.start)[0]
            if isinstance(value, dict) and (changed := change(_KIND_OF[member.key], value)) is not None:
                yield _Edit(element.start, element.end, _laid_out(changed, text, element))


def _laid_out(value: dict[str, Any], text: str, element: _Element) -> str:
    """Return a record written as the one in its place is: on one line, or indented like it."""
    is_ascii = text[element.start : element.end].isascii()
    inner = _SPACE.match(text, element.start + 1)
    assert inner is not None
    if "\n" not in inner.group():
        return json.dumps(value, ensure_ascii=is_ascii)
    lead = _space_before(text, element.start).rpartition("\n")[2]
    indent = inner.group().rpartition("\n")[2].removeprefix(lead)
    return json.dumps(value, ensure_ascii=is_ascii, indent=indent).replace("\n", f"\n{lead}")


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
