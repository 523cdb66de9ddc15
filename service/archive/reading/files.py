"""Files opened for their bytes: regular ones only, decompressed by their name, with failures that are ours."""

import gzip
import io
import os
import stat
import zlib
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from service.errors import ArchiveUnreadable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: How an archive file's name may end.
SUFFIXES = (".json", ".json.gz", ".jsonl", ".jsonl.gz")

CHUNK = 2**16
# What reading a .gz raises where it is cut off or was changed.
DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile)


def open_regular(path: Path, *, progress: Callable[[int], None] | None = None) -> io.BufferedReader:
    """Open a file for its bytes. Raises ArchiveUnreadable, also later, while it is read."""
    try:
        # Looked at first: opening a pipe would wait for its other end, and opening a device can act on it.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ArchiveUnreadable(f"{path} is not a regular file.")
        return io.BufferedReader(_ReportingFile(path, progress), CHUNK)
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
def open_stream(path: Path, progress: Callable[[int], None] | None = None) -> Generator[tuple[io.BufferedReader, bool]]:
    """Open an archive file, decompressed; the flag tells whether it holds JSON lines."""
    name = path.name.lower()
    with open_regular(path, progress=progress) as file:
        if not name.endswith(SUFFIXES):
            raise ArchiveUnreadable(f"{path} must have a name that ends in {one_of(SUFFIXES)}.")
        is_lines = name.removesuffix(".gz").endswith(".jsonl")
        if name.endswith(".gz"):
            # GzipFile reads lines in Python; a BufferedReader around it does so in C, several times as fast.
            with io.BufferedReader(cast("Any", gzip.GzipFile(fileobj=file)), CHUNK) as stream:
                yield stream, is_lines
        else:
            yield file, is_lines


def one_of(names: Iterable[str]) -> str:
    """Return a list of names as a sentence has it."""
    *others, last = names
    return f"{', '.join(others)} or {last}"
