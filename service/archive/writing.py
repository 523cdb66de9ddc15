"""A file written whole: it takes the place of the one before once it is complete, and never before."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from service.errors import TestimonyArchiveError


@contextmanager
def written_whole(target: Path, *, mode: int = 0o644) -> Iterator[BinaryIO]:
    """Yield a file that becomes `target` when the block ends well, and is gone when it does not.
    Raises TestimonyArchiveError where it cannot be written.

    Its name ends as that of `target` does. A process that is killed leaves it behind, hidden, and `target` as it was.
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


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make a file's content durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
