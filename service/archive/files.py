"""Files that the archive file names by a path: opened so that nothing outside its folder is ever read, and read in pieces.

Knows no record.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.errors import FileChanged, FileUnsafe

#: The folder beside a published archive that holds its public files, each named by its SHA-256.
PUBLISHED = "files"
#: Bytes read at a time.
PIECE = 1 << 20


class OpenFile:
    """A regular file that was opened for its bytes."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._before = os.fstat(descriptor)

    @property
    def size(self) -> int:
        """Its size in bytes when it was opened."""
        return self._before.st_size

    def pieces(self) -> Iterator[bytes]:
        """Yield its bytes from the first to the last. Raises FileChanged at the end, OSError where it cannot be read.

        A file that grows is not followed: as much is read as it had when it was opened.
        """
        left = self._before.st_size
        while left and (piece := os.read(self._descriptor, min(PIECE, left))):
            left -= len(piece)
            yield piece
        if left or _state(os.fstat(self._descriptor)) != _state(self._before):
            raise FileChanged("The file was changed while it was read: try again when it is whole.")


def published_path(sha256: str) -> str:
    """Return the path of a public file in a published archive."""
    return f"{PUBLISHED}/{sha256}"


def _state(of: os.stat_result) -> tuple[int, int]:
    return of.st_size, of.st_mtime_ns


@contextmanager
def open_inside(folder: Path, path: str) -> Iterator[OpenFile]:
    """Yield the file at `path`, which starts at `folder`. Raises FileUnsafe, and OSError where there is none.

    A link is followed as long as it stays inside the folder. It is then gone down to step by step without following any, so
    that one that is put there meanwhile leads nowhere.
    """
    inside = _resolved(folder, path)
    *folders, name = inside.parts
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for each in folders:
            within = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            os.close(at)
            at = within
        # Looked at first: opening a device can act on it. Without waiting: a pipe's other end may never come.
        if not stat.S_ISREG(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):
            raise FileUnsafe("This is not a regular file.")
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    finally:
        os.close(at)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileUnsafe("This is not a regular file.")
        yield OpenFile(descriptor)
    finally:
        os.close(descriptor)


def _resolved(folder: Path, path: str) -> Path:
    """Return where a path leads, from `folder`, after all links. Raises FileUnsafe where that is outside."""
    try:
        root, target = folder.resolve(), (folder / path).resolve()
    except (RuntimeError, OSError):  # links that lead in a circle
        raise FileUnsafe("A link on the way leads nowhere.") from None
    if not target.is_relative_to(root) or target == root:
        raise FileUnsafe("The path leads out of the folder of the archive file.")
    return target.relative_to(root)
