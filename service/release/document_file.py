"""Two files of a release: the rendered documents of its records, and the keys that records are sorted by.

Both hold one entry a record, in the order of the identifiers, each followed by a comma. So a page of neighbouring
records is one read, and already a list in JSON. An array of the release says where each entry begins.
"""

import os
from array import array
from collections.abc import Sequence
from contextlib import ExitStack, closing
from itertools import repeat
from operator import sub
from pathlib import Path
from typing import BinaryIO, NamedTuple

import orjson

from service.errors import ReleaseDamaged
from service.release.orders import Arrays, ArrayWriter

DOCUMENTS = "archive.documents"
KEYS = "archive.keys"
#: Follows each entry, so that neighbouring entries can be sent as members of a JSON array without being joined.
SEPARATOR = b","


class Keys(NamedTuple):
    """What a record is sorted by."""

    id: str
    #: Its sort keys, one for each field that its collection can be sorted by.
    fields: list[str]
    #: When it last changed: UTC, RFC 3339, to the second.
    updated_at: str


class DocumentWriter:
    """Writes documents and keys in the order of their ordinals."""

    def __init__(self, folder: Path) -> None:
        with ExitStack() as opened:
            self._documents = opened.enter_context(closing(_EntryWriter(folder / DOCUMENTS)))
            self._keys = opened.enter_context(closing(_EntryWriter(folder / KEYS)))
            self._opened = opened.pop_all()

    def add(self, document: bytes, keys: Keys) -> None:
        self._documents.add(document)
        self._keys.add(orjson.dumps([*keys]))

    def finish(self, arrays: ArrayWriter) -> None:
        """Flush both files and write the arrays that say where each entry begins."""
        self._documents.finish(arrays)
        self._keys.finish(arrays)

    def close(self) -> None:
        self._opened.close()


class _EntryWriter:
    """Writes one file."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._file: BinaryIO = path.open("wb", buffering=1 << 20)
        self._offsets = array("Q", [0])
        self._end = 0

    def add(self, entry: bytes) -> None:
        self._end += self._file.write(entry + SEPARATOR)
        self._offsets.append(self._end)

    def finish(self, arrays: ArrayWriter) -> None:
        self._file.flush()
        arrays.write(_offsets_of(self._name), self._offsets)

    def close(self) -> None:
        self._file.close()


def _offsets_of(name: str) -> str:
    """Return the name of a file's offset array: where each entry begins, in bytes, and at last where the file ends."""
    return f"{name}/offsets"


class DocumentFile:
    """Reads documents and keys by ordinal. The open files stay readable even after the release has been deleted."""

    def __init__(self, folder: Path, arrays: Arrays) -> None:
        with ExitStack() as opened:
            self._documents = opened.enter_context(closing(_EntryFile(folder / DOCUMENTS, arrays)))
            self._keys = opened.enter_context(closing(_EntryFile(folder / KEYS, arrays)))
            self._opened = opened.pop_all()

    def read(self, ordinals: Sequence[int]) -> list[bytes]:
        """Return the documents of records, in the order given. Raises ReleaseDamaged."""
        return self._documents.read(ordinals)

    def separated(self, ordinals: Sequence[int]) -> list[bytes]:
        """Return the documents of records, in the order given and with commas between them, in pieces. Raises ReleaseDamaged."""
        return self._documents.separated(ordinals)

    def one(self, ordinal: int) -> bytes:
        """Return the document of a record. Raises ReleaseDamaged."""
        return self._documents.one(ordinal)

    def keys(self, ordinal: int) -> Keys:
        """Return what a record is sorted by. Raises ReleaseDamaged."""
        return Keys(*orjson.loads(self._keys.one(ordinal)))

    def close(self) -> None:
        self._opened.close()


class _EntryFile:
    """Reads one file."""

    def __init__(self, path: Path, arrays: Arrays) -> None:
        self._path = path
        self._arrays = arrays
        self._offsets = _offsets_of(path.name)
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def one(self, ordinal: int) -> bytes:
        return self._stretch(ordinal, ordinal)

    def _stretch(self, first: int, last: int) -> bytes:
        """Return neighbouring entries with the commas between them."""
        offsets = self._arrays.numbers(self._offsets)
        # Ordinals begin with 1.
        start = offsets[first - 1]
        length = offsets[last] - start - len(SEPARATOR)
        data = os.pread(self._file, length, start)
        self._expect(len(data), length)
        return data

    def read(self, ordinals: Sequence[int]) -> list[bytes]:
        return [entry[: -len(SEPARATOR)] for entry in self._with_separators(ordinals)]

    def separated(self, ordinals: Sequence[int]) -> list[bytes]:
        if not ordinals:
            return []
        first, last = ordinals[0], ordinals[-1]
        if last - first == len(ordinals) - 1 and [*ordinals] == [*range(first, last + 1)]:
            return [self._stretch(first, last)]
        entries = self._with_separators(ordinals)
        entries[-1] = entries[-1][: -len(SEPARATOR)]
        return entries

    def _with_separators(self, ordinals: Sequence[int]) -> list[bytes]:
        at = self._arrays.numbers(self._offsets).__getitem__
        starts = [at(ordinal - 1) for ordinal in ordinals]
        lengths = list(map(sub, map(at, ordinals), starts))
        entries = list(map(os.pread, repeat(self._file), lengths, starts))
        self._expect(sum(map(len, entries)), sum(lengths))
        return entries

    def _expect(self, found: int, wanted: int) -> None:
        if found != wanted:
            folder, name = self._path.parent.name, self._path.name
            raise ReleaseDamaged(f"{folder}: {name} has been cut short; publish the archive again")

    def close(self) -> None:
        os.close(self._file)
