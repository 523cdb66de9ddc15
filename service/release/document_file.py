"""The documents of a release, one after the other in one file: a page of neighbours is read in one go, any other document
by document, without a search. Where each begins is an array of the release.
"""

import os
from array import array
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from service.errors import ReleaseDamaged
from service.release.orders import Arrays, ArrayWriter

DOCUMENTS = "archive.documents"
#: The array of where each document begins, in bytes, and where the last one ends.
OFFSETS = "documents/offsets"


class DocumentWriter:
    """Writes documents in the order of their ordinals."""

    def __init__(self, folder: Path) -> None:
        self._file: BinaryIO = (folder / DOCUMENTS).open("wb", buffering=1 << 20)
        self._offsets = array("Q", [0])

    def add(self, document: bytes) -> None:
        self._file.write(document)
        self._offsets.append(self._offsets[-1] + len(document))

    def finish(self, arrays: ArrayWriter) -> None:
        """Write everything out, and where it lies."""
        self._file.flush()
        arrays.write(OFFSETS, self._offsets)

    def close(self) -> None:
        self._file.close()


class DocumentFile:
    """Reads documents by ordinal. The file stays readable while it is open, also when it has been removed."""

    def __init__(self, folder: Path, arrays: Arrays) -> None:
        self._name = folder.name
        self._arrays = arrays
        self._file = os.open(folder / DOCUMENTS, os.O_RDONLY | os.O_CLOEXEC)

    def read(self, ordinals: Sequence[int]) -> list[bytes]:
        """Return the documents of records, in the order given. Raises ReleaseDamaged."""
        offsets = self._arrays.numbers(OFFSETS)
        if not ordinals:
            return []
        # Ordinals begin with 1.
        first, last = ordinals[0] - 1, ordinals[-1]
        if last - first == len(ordinals) and [*ordinals] == [*range(first + 1, last + 1)]:
            start = offsets[first]
            data = self._part(start, offsets[last])
            places = offsets[first : last + 1]
            return [data[place - start : end - start] for place, end in pairwise(places)]
        return [self._part(offsets[ordinal - 1], offsets[ordinal]) for ordinal in ordinals]

    def _part(self, start: int, end: int) -> bytes:
        data = os.pread(self._file, end - start, start)
        if len(data) != end - start:
            raise ReleaseDamaged(f"{self._name}: {DOCUMENTS} has been cut short; publish the archive again")
        return data

    def close(self) -> None:
        os.close(self._file)
