"""An `archive.json` as a stream of its pieces, in memory that does not grow with the file."""

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ijson.backends import yajl2_c  # type: ignore[import-untyped]
from ijson.common import JSONError  # type: ignore[import-untyped]
from ijson.utils import sendable_list  # type: ignore[import-untyped]

from service.archive.reading.files import CHUNK, DAMAGE, open_stream
from service.archive.reading.limits import (
    LONE_SURROGATE,
    MAX_DEPTH,
    MAX_RECORD,
    REPEATED_KEY,
    TOO_DEEP,
    TOO_LONG,
    Broken,
    BrokenSyntax,
    lone_surrogate,
    whole_escapes,
)
from service.archive.reading.pieces import HEAD, KINDS, Finding, Item, join_pointer, locate

LINE_FEED = b"\n"
_STARTS = frozenset({"start_map", "start_array"})


class Events:
    """The parser's events over a stream. Iterating raises Broken where the JSON ends being JSON."""

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
            for chunk in whole_escapes(self._stream):
                # The parser would turn it into a question mark.
                if (escape := lone_surrogate(chunk)) is not None:
                    raise Broken(f"Line {lines + chunk.count(LINE_FEED, 0, escape)}: {LONE_SURROGATE}")
                lines += chunk.count(LINE_FEED)
                self.pending += len(chunk)
                parser.send(chunk)
                yield from events
                events.clear()
                if self.pending > MAX_RECORD:
                    raise Broken(TOO_LONG)
            parser.close()
            yield from events  # a number that is all of the file ends with it
        except (JSONError, UnicodeDecodeError) as error:
            yield from events
            raise BrokenSyntax(_reason(error)) from None


def read_object(events: Events) -> Iterator[Item | Finding]:
    """Yield the pieces of an `archive.json` in their order. Raises Broken where it ends being JSON."""
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
            yield Finding("invalid_json", "", REPEATED_KEY)
        keys.add(key)
        start, value = next(stream)
        if key in HEAD:
            yield _read_item(key, start, value, events, stream)
        elif key not in KINDS:
            _skip(start, stream)
            yield Finding("unknown_field", events.place, "The format has no such field.")
        elif start != "start_array":
            _skip(start, stream)
            yield Finding("invalid_type", events.place, "Must be a list.")
        else:
            yield from _read_list(key, events, stream)
        events.place, events.pending = "", 0


def _read_list(key: str, events: Events, stream: Iterator[tuple[str, Any]]) -> Iterator[Item | Finding]:
    events.place = f"/{key}/0"
    for index, (event, value) in enumerate(stream, 1):
        if event == "end_array":
            return
        yield _read_item(KINDS[key], event, value, events, stream)
        events.place, events.pending = f"/{key}/{index}", 0


def _read_item(
    kind: str, event: str, value: object, events: Events, stream: Iterator[tuple[str, Any]]
) -> Item | Finding:
    builder = _Builder(stream)
    item = Item(kind, events.place, builder.build(event, value, depth=1))
    if builder.repeating is None:
        return item
    steps = _steps_to(builder.repeating, item.value) or []
    for key in ("access", "private"):  # the keys below may say what must not be said
        if key in steps:
            steps = steps[: steps.index(key) + 1]
    return Finding("invalid_json", locate(item.place, join_pointer(steps)), REPEATED_KEY)


class _Builder:
    """Builds one value from events."""

    def __init__(self, stream: Iterator[tuple[str, Any]]) -> None:
        self._stream = stream
        #: An object that had the same key twice.
        self.repeating: dict[str, object] | None = None

    def build(self, event: str, value: object, *, depth: int) -> object:
        """Build the value that begins with this event. Raises Broken."""
        if event not in _STARTS:
            return value
        if depth > MAX_DEPTH:
            raise Broken(TOO_DEEP)
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


def line_of_damage(path: Path) -> int:
    """Return the number of the first line that is not JSON, by reading the file again, a line at a time.

    Costs a second reading, but of a damaged file alone, and who has to mend it by hand needs the line.
    """
    number = 1
    events = sendable_list()
    parser = yajl2_c.basic_parse_coro(events, use_float=True)
    with open_stream(path) as (stream, _):
        try:
            while line := stream.readline(CHUNK):
                parser.send(line)
                events.clear()
                number += line.endswith(LINE_FEED)
        except (JSONError, UnicodeDecodeError, *DAMAGE):
            pass
    return number
