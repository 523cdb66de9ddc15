"""An archive file of either form as a stream of its pieces, read once."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

from service.archive.model import FORMAT
from service.archive.reading.files import DAMAGE, open_stream
from service.archive.reading.json_lines import read_lines, take_line
from service.archive.reading.json_object import Events, line_of_damage, read_object
from service.archive.reading.limits import Broken, BrokenSyntax
from service.archive.reading.pieces import Finding, HeadWatch, Item, Line

# Pieces of a batch, and bytes from which it has no more: handing a batch over costs little beside working on it.
_BATCH, _BATCH_BYTES = 250, 2**18


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
    with open_stream(path, progress) as (stream, is_lines):
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
    return take_line(piece) if isinstance(piece, Line) else piece


def _read_pieces(path: Path, stream: io.BufferedReader, *, is_lines: bool) -> Iterator[Line | Item | Finding]:
    events = Events(stream)
    try:
        if detail := _refuse_encoding(stream.peek(4)[:4]):
            yield Finding("invalid_json", "", detail)
        elif is_lines:
            yield from read_lines(stream)
        else:
            yield from read_object(events)
    except DAMAGE:
        yield Finding("invalid_json", events.place, "The compressed file is damaged or cut off here.")
    except BrokenSyntax as error:
        yield Finding("invalid_json", events.place, f"Line {line_of_damage(path)} is not valid JSON: {error}.")
    except Broken as error:
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
