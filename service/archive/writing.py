"""Writes files so that a reader, or a crash, never sees half of one: the new file replaces the old one when complete."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from service.errors import TestimonyArchiveError


@contextmanager
def written_whole(target: Path, *, mode: int = 0o644) -> Iterator[BinaryIO]:
    """Yield a temporary file that replaces `target` if the block succeeds, and is deleted if it raises.

    The file lies in the same folder, is hidden, and has the same suffix as `target`. If the process is killed, the
    temporary file is left behind and `target` is unchanged. Raises TestimonyArchiveError where writing fails.
    """
    suffix = "".join(target.suffixes[-2:])
    descriptor, name = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.name.removesuffix(suffix)}.", suffix=suffix
    )
    os.close(descriptor)
    part = Path(name)
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.chmod(mode)
        part.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise TestimonyArchiveError(f"{target} could not be written ({error.strerror or error})") from None
    finally:
        part.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder, and those that it lies in, where it is not there. Whatever the umask, all may read it and nobody but its
    owner may write to it: a server may run as another user than whoever publishes.
    """
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)


def sync_folder(folder: Path) -> None:
    """Force the entries of a folder to disk, so that a new or renamed file in it survives a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Force the content of a file to disk, so that it survives a power failure."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
