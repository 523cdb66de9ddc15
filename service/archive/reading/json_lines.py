"""An `archive.jsonl` as a stream of its lines, each parsed when it is asked for."""

import io
import json
import math
from collections.abc import Iterator
from typing import Any, Final, NoReturn

import orjson

from service.archive.reading.files import CHUNK, one_of
from service.archive.reading.limits import (
    LONE_SURROGATE,
    MAX_DEPTH,
    MAX_RECORD,
    REPEATED_KEY,
    TOO_DEEP,
    TOO_LARGE,
    TOO_LONG,
    LineRefused,
    lone_surrogate,
)
from service.archive.reading.pieces import HEAD, RECORDS, Finding, Item, Line, join_pointer, locate

LINE_FEED = b"\n"


def read_lines(stream: io.BufferedReader) -> Iterator[Line | Item | Finding]:
    """Yield the head, parsed, and every other line of a `.jsonl` as it stands."""
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
    while line and not line.endswith(LINE_FEED):
        line = stream.readline(CHUNK)


def _take_first(line: Line) -> Iterator[Item | Finding]:
    try:
        value = _parse_line(line.text)
    except LineRefused:
        value = None
    if isinstance(value, dict) and "record" not in value:
        yield from _take_head(value, f"line {line.number}")
    else:
        yield take_line(line)


def _take_head(value: dict[str, object], place: str) -> Iterator[Item | Finding]:
    for key, part in value.items():
        inner = locate(place, join_pointer([key]))
        if key in HEAD:
            yield Item(key, inner, part)
        else:
            yield Finding("unknown_field", inner, "The first line holds `format` and `archive`, nothing else.")


def take_line(line: Line) -> Item | Finding:
    """Return the record that a line holds, or what is wrong with its JSON."""
    place = f"line {line.number}"
    try:
        value = _parse_line(line.text)
    except LineRefused as error:
        return Finding("invalid_json", place, str(error))
    if not isinstance(value, dict):
        return Finding("invalid_type", place, "Each line must hold one JSON object.")
    return _take_record(value, place)


def _take_record(value: dict[str, object], place: str) -> Item | Finding:
    if "record" not in value:
        return Finding("missing_field", place, f"`record` is required: one of {one_of(sorted(RECORDS))}.")
    kind = value.pop("record")
    if not isinstance(kind, str) or kind not in RECORDS:
        return Finding("invalid_value", f"{place} /record", f"Must be one of {one_of(sorted(RECORDS))}.")
    return Item(kind, place, value)


def _parse_line(line: bytes) -> object:
    """Parse one line of JSON. Raises LineRefused."""
    if len(line) > MAX_RECORD:
        raise LineRefused(TOO_LONG)
    value = _parse_plain(line)
    if value is None:
        value = _parse_any(line)
    if line.count(b"[") + line.count(b"{") > MAX_DEPTH and _is_too_deep(value):
        raise LineRefused(TOO_DEEP)
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
    """Parse a line, and tell what is wrong with it. Raises LineRefused."""
    try:
        value: object = _DECODER.decode(line.decode())
    except json.JSONDecodeError as error:
        raise LineRefused(f"Not valid JSON at column {error.colno}: {error.msg}.") from None
    except UnicodeDecodeError:
        raise LineRefused("The line is not UTF-8.") from None
    except RecursionError:
        raise LineRefused(TOO_DEEP) from None
    except ValueError:  # an integer longer than Python converts (4,300 digits)
        raise LineRefused(TOO_LARGE) from None
    if lone_surrogate(line) is not None:
        raise LineRefused(LONE_SURROGATE)
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise LineRefused(REPEATED_KEY)
    return value


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise LineRefused(TOO_LARGE)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise LineRefused(f"{name} is not a number in JSON.")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_float=_finite, parse_constant=_refuse_constant)


def _is_too_deep(value: object) -> bool:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        parts = (part.values() if isinstance(part, dict) else part for part in level)
        level = [inner for part in parts for inner in part if isinstance(inner, dict | list)]
        if not level:
            return False
    return True
