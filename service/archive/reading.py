"""An archive file as a stream of its pieces, read once, in memory that does not grow with the file.

Owns bytes, JSON syntax and where a piece stands in the file. Knows the kinds of pieces, no record's fields.
"""

import gzip
import io
import json
import math
import os
import re
import stat
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, cast

import orjson
from ijson.backends import yajl2_c  # type: ignore[import-untyped]
from ijson.common import JSONError  # type: ignore[import-untyped]
from ijson.utils import sendable_list  # type: ignore[import-untyped]

from service.archive.model import FORMAT, PLURALS
from service.errors import ArchiveUnreadable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: How an archive file's name may end.
SUFFIXES = (".json", ".json.gz", ".jsonl", ".jsonl.gz")
#: Longest record, in bytes of JSON. The longest transcripts, of a day's hearing, have under 1 MiB.
MAX_RECORD = 16 * 2**20
#: Most objects and lists inside one another, the record itself included. The format's own fields need 5.
MAX_DEPTH = 64

# Bytes read at once; also how often progress is told.
_CHUNK = 2**16
# Pieces of a batch, and bytes from which it has no more: handing a batch over costs little beside working on it.
_BATCH, _BATCH_BYTES = 250, 2**18
_LINE_FEED = b"\n"
_KINDS = {**{plural: kind for kind, plural in PLURALS.items()}, "withdrawn": "withdrawn"}
_RECORDS = frozenset(_KINDS.values())
_HEAD = ("format", "archive")
# Characters of a key that a pointer shows: no key of the format has as many, and another may be a whole text.
_SHOWN_KEY = 80
_STARTS = frozenset({"start_map", "start_array"})
# What reading a .gz raises where it is cut off or was changed.
_DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile)


@dataclass(frozen=True, slots=True)
class Finding:
    """An error of the archive: a code of the checks, a pointer to where it is, and a sentence.

    The pointer is RFC 6901 in a `.json`, else `line 7`, with the pointer inside that line after a space. The
    sentence never holds a text of the archive, a name or a private value.
    """

    code: str
    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of the file: its kind, its pointer as in `Finding`, and its plain JSON.

    The kind is `format`, `archive`, a record type or `withdrawn`.
    """

    kind: str
    place: str
    value: object


class Line(NamedTuple):
    """A line of a `.jsonl` that holds a record, as far as one can tell without parsing it."""

    number: int
    text: bytes


def locate(place: str, inner: str) -> str:
    """Return the pointer to what `inner`, a pointer or nothing, names within the piece at `place`."""
    is_whole_line = place.startswith("line ") and "/" not in place
    return f"{place} {inner}" if inner and is_whole_line else place + inner


def join_pointer(steps: Iterable[str | int]) -> str:
    """Return the JSON pointer (RFC 6901) of the keys and indexes in `steps`, very long keys cut short."""
    return "".join("/" + str(step)[:_SHOWN_KEY].replace("~", "~0").replace("/", "~1") for step in steps)


class _Refused(Exception):
    """A line that cannot be taken; what follows it can still be read."""


class _Broken(Exception):
    """JSON behind which nothing can be read any more."""


class _BrokenSyntax(_Broken):
    """As the parser found it, which does not say where."""


class HeadWatch:
    """Notices which parts of the head an archive lacks, by its pieces."""

    def __init__(self) -> None:
        self._missing = set(_HEAD)

    def see(self, piece: Item | Finding) -> None:
        if isinstance(piece, Item):
            self._missing.discard(piece.kind)
        elif piece.code in ("invalid_json", "unsupported_format") or not piece.pointer:
            self._missing.clear()  # for all that is known, they stood in what could not be read

    def findings(self) -> Iterator[Finding]:
        """Yield what is missing, once all pieces were seen."""
        for key in sorted(self._missing):
            yield Finding("missing_field", "", f"`{key}` is required.")


def read_archive(path: Path, *, progress: Callable[[int], None] | None = None) -> Iterator[Item | Finding]:
    """Yield the pieces of an archive file in the order they stand there, and what is wrong with its JSON.

    What cannot be parsed gives an `invalid_json`; in a `.jsonl` reading goes on with the next line. Another
    format than this one gives `unsupported_format` and ends the reading. `progress` is told the bytes read
    from the disk so far.

    Raises:
        ArchiveUnreadable: for a file that cannot be opened or read, or is named like no archive file.
    """
    head = HeadWatch()
    for batch in read_batches(path, progress=progress):
        for part in batch:
            piece = parsed(part)
            head.see(piece)
            yield piece
    yield from head.findings()


def read_batches(path: Path, *, progress: Callable[[int], None] | None = None) -> Iterator[list[Line | Item | Finding]]:
    """Yield what `read_archive` does, in batches that can be worked on beside each other, less what the head lacks.

    Each line of a `.jsonl` but the first is left to be `parsed`.
    """
    batch: list[Line | Item | Finding] = []
    with _open_stream(path, progress) as (stream, is_lines):
        begin = 0
        for piece in _read_pieces(path, stream, is_lines=is_lines):
            if isinstance(piece, Item) and piece.kind == "format" and piece.value != FORMAT:
                batch.append(Finding("unsupported_format", piece.place, f"Only the format {FORMAT} is read."))
                break
            batch.append(piece)
            if len(batch) >= _BATCH or stream.tell() - begin >= _BATCH_BYTES:
                yield batch
                batch, begin = [], stream.tell()
    yield batch


def parsed(piece: Line | Item | Finding) -> Item | Finding:
    """Return a piece of the file, parsed if it is not yet."""
    return _take_line(piece) if isinstance(piece, Line) else piece


def open_regular(path: Path, *, progress: Callable[[int], None] | None = None) -> io.BufferedReader:
    """Open a file for its bytes. Raises ArchiveUnreadable, also later, while it is read."""
    try:
        # Looked at first: opening a pipe would wait for its other end, and opening a device can act on it.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ArchiveUnreadable(f"{path} is not a regular file.")
        return io.BufferedReader(_ReportingFile(path, progress), _CHUNK)
    except OSError as error:
        raise ArchiveUnreadable(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise ArchiveUnreadable(f"{str(path)!r} cannot be the name of a file.") from None


class _ReportingFile(io.FileIO):
    """A file that tells how many bytes were read from it, and whose failures are ours."""

    def __init__(self, path: Path, progress: Callable[[int], None] | None) -> None:
        super().__init__(path, opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0)))
        self._progress = progress
        self._done = 0

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        try:
            count = super().readinto(buffer) or 0
        except OSError as error:
            raise ArchiveUnreadable(f"{self.name} cannot be read: {error.strerror}.") from None
        self._done += count
        if self._progress is not None:
            self._progress(self._done)
        return count


@contextmanager
def _open_stream(
    path: Path, progress: Callable[[int], None] | None = None
) -> Generator[tuple[io.BufferedReader, bool]]:
    """Open an archive file, decompressed; the flag tells whether it holds JSON lines."""
    name = path.name.lower()
    with open_regular(path, progress=progress) as file:
        if not name.endswith(SUFFIXES):
            raise ArchiveUnreadable(f"{path} must have a name that ends in {_one_of(SUFFIXES)}.")
        is_lines = name.removesuffix(".gz").endswith(".jsonl")
        if name.endswith(".gz"):
            # GzipFile reads lines in Python; a BufferedReader around it does so in C, several times as fast.
            with io.BufferedReader(cast("Any", gzip.GzipFile(fileobj=file)), _CHUNK) as stream:
                yield stream, is_lines
        else:
            yield file, is_lines


def _read_pieces(path: Path, stream: io.BufferedReader, *, is_lines: bool) -> Iterator[Line | Item | Finding]:
    events = _Events(stream)
    try:
        if detail := _refuse_encoding(stream.peek(4)[:4]):
            yield Finding("invalid_json", "", detail)
        elif is_lines:
            yield from _read_lines(stream)
        else:
            yield from _read_object(events)
    except _DAMAGE:
        yield Finding("invalid_json", events.place, "The compressed file is damaged or cut off here.")
    except _BrokenSyntax as error:
        yield Finding("invalid_json", events.place, f"Line {_line_of_damage(path)} is not valid JSON: {error}.")
    except _Broken as error:
        yield Finding("invalid_json", events.place, str(error))


def _refuse_encoding(start: bytes) -> str | None:
    """Return what is wrong with a file that starts with these bytes, where they tell."""
    if not start:
        return "The file is empty."
    if start.startswith(b"\xef\xbb\xbf"):
        return "The file begins with a byte order mark: save it as UTF-8 without one."
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start:
        return "The file is not UTF-8: it begins like UTF-16 or like data that is not text."
    return None


# --- .json --------------------------------------------------------------------------------------------------


class _Events:
    """The parser's events over a stream. Iterating raises _Broken where the JSON ends being JSON."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        #: Where the value stands that is being read. Kept by the reader.
        self.place = ""
        #: Bytes read since the last value that was complete. Reset by the reader.
        self.pending = 0

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        events = sendable_list()
        parser = yajl2_c.basic_parse_coro(events, use_float=True)
        lines = 1
        try:
            for chunk in _whole_escapes(self._stream):
                # The parser would turn it into a question mark.
                if (escape := _lone_surrogate(chunk)) is not None:
                    raise _Broken(f"Line {lines + chunk.count(_LINE_FEED, 0, escape)}: {_LONE_SURROGATE}")
                lines += chunk.count(_LINE_FEED)
                self.pending += len(chunk)
                parser.send(chunk)
                yield from events
                events.clear()
                if self.pending > MAX_RECORD:
                    raise _Broken(_TOO_LONG)
            parser.close()
            yield from events  # a number that is all of the file ends with it
        except (JSONError, UnicodeDecodeError) as error:
            yield from events
            raise _BrokenSyntax(_reason(error)) from None


def _read_object(events: _Events) -> Iterator[Item | Finding]:
    stream = iter(events)
    if next(stream)[0] != "start_map":
        yield Finding("invalid_type", "", "The file must hold one JSON object.")
        return
    keys: set[str] = set()
    for event, key in stream:
        if event == "end_map":
            continue  # the parser goes on to the end of the file, and refuses what may follow
        events.place = join_pointer([key])
        if key in keys:
            yield Finding("invalid_json", "", _REPEATED_KEY)
        keys.add(key)
        start, value = next(stream)
        if key in _HEAD:
            yield _read_item(key, start, value, events, stream)
        elif key not in _KINDS:
            _skip(start, stream)
            yield Finding("unknown_field", events.place, "The format has no such field.")
        elif start != "start_array":
            _skip(start, stream)
            yield Finding("invalid_type", events.place, "Must be a list.")
        else:
            yield from _read_list(key, events, stream)
        events.place, events.pending = "", 0


def _read_list(key: str, events: _Events, stream: Iterator[tuple[str, Any]]) -> Iterator[Item | Finding]:
    events.place = f"/{key}/0"
    for index, (event, value) in enumerate(stream, 1):
        if event == "end_array":
            return
        yield _read_item(_KINDS[key], event, value, events, stream)
        events.place, events.pending = f"/{key}/{index}", 0


def _read_item(
    kind: str, event: str, value: object, events: _Events, stream: Iterator[tuple[str, Any]]
) -> Item | Finding:
    builder = _Builder(stream)
    item = Item(kind, events.place, builder.build(event, value, depth=1))
    if builder.repeating is None:
        return item
    steps = _steps_to(builder.repeating, item.value) or []
    if "private" in steps:  # the keys below it may say what must not be said
        steps = steps[: steps.index("private") + 1]
    return Finding("invalid_json", locate(item.place, join_pointer(steps)), _REPEATED_KEY)


class _Builder:
    """Builds one value from events."""

    def __init__(self, stream: Iterator[tuple[str, Any]]) -> None:
        self._stream = stream
        #: An object that had the same key twice.
        self.repeating: dict[str, object] | None = None

    def build(self, event: str, value: object, *, depth: int) -> object:
        """Build the value that begins with this event. Raises _Broken."""
        if event not in _STARTS:
            return value
        if depth > MAX_DEPTH:
            raise _Broken(_TOO_DEEP)
        return self._build_object(depth) if event == "start_map" else self._build_list(depth)

    def _build_object(self, depth: int) -> dict[str, object]:
        built: dict[str, object] = {}
        for end_or_key, key in self._stream:
            if end_or_key == "end_map":
                break
            if key in built:
                self.repeating = built
            event, value = next(self._stream)
            built[key] = self.build(event, value, depth=depth + 1) if event in _STARTS else value
        return built

    def _build_list(self, depth: int) -> list[object]:
        built: list[object] = []
        for event, value in self._stream:
            if event == "end_array":
                break
            built.append(self.build(event, value, depth=depth + 1) if event in _STARTS else value)
        return built


def _steps_to(part: object, whole: object) -> list[str | int] | None:
    if part is whole:
        return []
    inner: Iterable[tuple[str | int, object]] = ()
    if isinstance(whole, dict):
        inner = whole.items()
    elif isinstance(whole, list):
        inner = enumerate(whole)
    for step, child in inner:
        if (steps := _steps_to(part, child)) is not None:
            return [step, *steps]
    return None


def _skip(event: str, stream: Iterator[tuple[str, Any]]) -> None:
    depth = int(event in _STARTS)
    while depth:
        event, _ = next(stream)
        depth += (event in _STARTS) - event.startswith("end_")


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):  # a surrogate in UTF-8, which the parser lets pass
        return "invalid bytes in UTF8 string"
    # The first line says what is wrong. The others show the archive's own text, which must not be repeated.
    text = error.args[0]
    reason = (text.decode("ascii", "replace") if isinstance(text, bytes) else str(text)).split("\n", 1)[0]
    return reason.removeprefix("parse error: ").removeprefix("lexical error: ").rstrip(".")


def _line_of_damage(path: Path) -> int:
    """Return the number of the first line that is not JSON, by reading the file again, a line at a time.

    Costs a second reading, but of a damaged file alone, and who has to mend it by hand needs the line.
    """
    number = 1
    events = sendable_list()
    parser = yajl2_c.basic_parse_coro(events, use_float=True)
    with _open_stream(path) as (stream, _):
        try:
            while line := stream.readline(_CHUNK):
                parser.send(line)
                events.clear()
                number += line.endswith(_LINE_FEED)
        except (JSONError, UnicodeDecodeError, *_DAMAGE):
            pass
    return number


# --- .jsonl -------------------------------------------------------------------------------------------------


def _read_lines(stream: io.BufferedReader) -> Iterator[Line | Item | Finding]:
    is_head_due = True
    number = 0
    while text := stream.readline(MAX_RECORD + 1):
        number += 1
        if text.isspace():
            continue
        if len(text) > MAX_RECORD:
            _skip_line(text, stream)
        line = Line(number, text)
        if is_head_due:
            yield from _take_first(line)
        else:
            yield line
        is_head_due = False


def _skip_line(line: bytes, stream: io.BufferedReader) -> None:
    while line and not line.endswith(_LINE_FEED):
        line = stream.readline(_CHUNK)


def _take_first(line: Line) -> Iterator[Item | Finding]:
    try:
        value = _parse_line(line.text)
    except _Refused:
        value = None
    if isinstance(value, dict) and "record" not in value:
        yield from _take_head(value, f"line {line.number}")
    else:
        yield _take_line(line)


def _take_head(value: dict[str, object], place: str) -> Iterator[Item | Finding]:
    for key, part in value.items():
        inner = locate(place, join_pointer([key]))
        if key in _HEAD:
            yield Item(key, inner, part)
        else:
            yield Finding("unknown_field", inner, "The first line holds `format` and `archive`, nothing else.")


def _take_line(line: Line) -> Item | Finding:
    place = f"line {line.number}"
    try:
        value = _parse_line(line.text)
    except _Refused as error:
        return Finding("invalid_json", place, str(error))
    if not isinstance(value, dict):
        return Finding("invalid_type", place, "Each line must hold one JSON object.")
    return _take_record(value, place)


def _take_record(value: dict[str, object], place: str) -> Item | Finding:
    if "record" not in value:
        return Finding("missing_field", place, f"`record` is required: one of {_one_of(sorted(_RECORDS))}.")
    kind = value.pop("record")
    if not isinstance(kind, str) or kind not in _RECORDS:
        return Finding("invalid_value", f"{place} /record", f"Must be one of {_one_of(sorted(_RECORDS))}.")
    return Item(kind, place, value)


def _parse_line(line: bytes) -> object:
    """Parse one line of JSON. Raises _Refused."""
    if len(line) > MAX_RECORD:
        raise _Refused(_TOO_LONG)
    value = _parse_plain(line)
    if value is None:
        value = _parse_any(line)
    if line.count(b"[") + line.count(b"{") > MAX_DEPTH and _is_too_deep(value):
        raise _Refused(_TOO_DEEP)
    return value


def _parse_plain(line: bytes) -> object:
    """Parse a line that is written as orjson writes it, in a third of the time; None for any other. It has then no key
    twice, no number that would be changed, and no escape that stands for half a character.
    """
    try:
        value = orjson.loads(line)
        return value if orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE) == line else None
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None


def _parse_any(line: bytes) -> object:
    """Parse a line, and tell what is wrong with it. Raises _Refused."""
    try:
        value: object = _DECODER.decode(line.decode())
    except json.JSONDecodeError as error:
        raise _Refused(f"Not valid JSON at column {error.colno}: {error.msg}.") from None
    except UnicodeDecodeError:
        raise _Refused("The line is not UTF-8.") from None
    except RecursionError:
        raise _Refused(_TOO_DEEP) from None
    except ValueError:  # an integer longer than Python converts (4,300 digits)
        raise _Refused(_TOO_LARGE) from None
    if _lone_surrogate(line) is not None:
        raise _Refused(_LONE_SURROGATE)
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _Refused(_REPEATED_KEY)
    return value


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _Refused(_TOO_LARGE)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is not a number in JSON.")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_float=_finite, parse_constant=_refuse_constant)


def _is_too_deep(value: object) -> bool:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        parts = (part.values() if isinstance(part, dict) else part for part in level)
        level = [inner for part in parts for inner in part if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


# --- What no JSON may hold here -----------------------------------------------------------------------------

_TOO_LONG = f"A record is longer than {MAX_RECORD // 2**20} MiB."
_TOO_DEEP = f"Lists and objects are nested more than {MAX_DEPTH} deep."
_TOO_LARGE = "A number is too large."
_REPEATED_KEY = "An object has the same key twice."
_LONE_SURROGATE = "A \\u escape is half of a surrogate pair, which is no character."

# Longest escape, in bytes: a surrogate pair.
_ESCAPE_LENGTH = 12
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPES = re.compile(
    rb"""\\ (?: u[dD][89abAB][0-9a-fA-F]{2} \\u[dD][c-fC-F][0-9a-fA-F]{2}  # a pair
          | (?P<lone> u[dD][89a-fA-F])
          | . )""",
    re.VERBOSE | re.DOTALL,
)


def _lone_surrogate(data: bytes) -> int | None:
    """Return where JSON that cuts no escape in two escapes half of a surrogate pair, if it does."""
    # The quick looks first: going through every escape takes as long as parsing.
    if b"\\u" not in data or not _SURROGATE.search(data):
        return None
    return next((escape.start() for escape in _ESCAPES.finditer(data) if escape["lone"]), None)


def _whole_escapes(stream: io.BufferedReader) -> Iterator[bytes]:
    """Yield the stream in chunks that cut no escape in two, and none that is longer than a record may be."""
    while chunk := stream.read1(_CHUNK):
        while b"\\" in chunk[-_ESCAPE_LENGTH:] and len(chunk) <= MAX_RECORD and (more := stream.read1(_CHUNK)):
            chunk += more
        yield chunk


def _one_of(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}"
