"""The public files of sources, which releases share: each is kept once in the data folder, under its SHA-256.

A file appears whole, by a rename, before the release that needs it, and goes when no kept release needs it. A release's
manifest says which it needs. Nothing here knows a record.
"""

import contextlib
import hashlib
import os
import tempfile
import weakref
from collections.abc import Collection, Iterator
from pathlib import Path

from service.archive.files import open_inside
from service.archive.writing import make_folder, sync_folder
from service.errors import ArchiveUnreadable, FileChanged, FileUnsafe, ReleaseDamaged, ReleaseError
from service.release.manifest import REMEDY, Manifest

#: The folder of the data folder that holds them.
FILES = "files"
# How the names of files begin that are not whole yet.
_STAGING = ".staging-"


def data_of(release: Path) -> Path:
    """Return the data folder that a release's folder lies in."""
    return release.parent.parent


def kept_path(data: Path, sha256: str) -> Path:
    """Return where a file is kept."""
    return data / FILES / sha256


def has_files(data: Path) -> bool:
    """Tell whether a data folder ever kept a file."""
    return (data / FILES).is_dir()


class KeptFile:
    """A file that was opened to be given out. It stays readable when it is erased meanwhile, and is closed with its last use."""

    def __init__(self, path: Path) -> None:
        """Open it. Raises OSError."""
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor)
        #: In bytes.
        self.size = os.fstat(self._descriptor).st_size

    def read(self, start: int, length: int) -> bytes:
        """Return bytes from a place on, `length` at most and one at least. Raises OSError where there are none."""
        piece = os.pread(self._descriptor, length, start)
        if not piece:
            raise OSError(f"the file ends at byte {start}")
        return piece

    def parts(self, start: int, end: int, most: int) -> Iterator[bytes]:
        """Yield the bytes from `start` to before `end`, `most` at a time. Raises OSError where the file is shorter."""
        while start < end:
            piece = self.read(start, min(most, end - start))
            start += len(piece)
            yield piece


class FileKeeper:
    """Keeps files for a release that is being published, copied from `folder`, where the archive file lies."""

    def __init__(self, data: Path, folder: Path) -> None:
        self._data = data
        self._folder = folder
        #: The size in bytes of every file, by its SHA-256.
        self.kept: dict[str, int] = {}

    def keep(self, sha256: str, path: str) -> None:
        """Keep the file at `path`, unless it is there.

        It is compared with its SHA-256 once more while it is copied: since it was checked, it may have been changed. Raises
        ArchiveUnreadable where it has, or cannot be read, and OSError where the copy cannot be written.
        """
        target = kept_path(self._data, sha256)
        with contextlib.suppress(FileNotFoundError):
            self.kept[sha256] = target.stat().st_size
            if self.kept[sha256] == self._size(path):
                return
        self._make_folder()
        self.kept[sha256] = self._copy(sha256, path, target)

    def finish(self) -> None:
        """Make what was kept survive a power failure."""
        if has_files(self._data):
            sync_folder(self._data / FILES)

    def _make_folder(self) -> None:
        folder = self._data / FILES
        if not folder.is_dir():
            make_folder(folder)
            sync_folder(self._data)

    def _size(self, path: str) -> int:
        with _readable(path), open_inside(self._folder, path) as file:
            return file.size

    def _copy(self, sha256: str, path: str, target: Path) -> int:
        descriptor, name = tempfile.mkstemp(prefix=_STAGING, dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as copy:
                digest, size = hashlib.sha256(), 0
                for piece in self._pieces(path):
                    digest.update(piece)
                    copy.write(piece)
                    size += len(piece)
                if digest.hexdigest() != sha256:
                    raise ArchiveUnreadable(f"{path} was changed after it was checked; nothing was changed.")
                copy.flush()
                os.fchmod(copy.fileno(), 0o444)
                os.fsync(copy.fileno())
            Path(name).replace(target)
        finally:
            Path(name).unlink(missing_ok=True)
        return size

    def _pieces(self, path: str) -> Iterator[bytes]:
        # What goes wrong with reading is the archive's; what goes wrong with writing, between the pieces, is not.
        with contextlib.ExitStack() as opened:
            with _readable(path):
                pieces = opened.enter_context(open_inside(self._folder, path)).pieces()
            while True:
                with _readable(path):
                    piece = next(pieces, None)
                if piece is None:
                    return
                yield piece


@contextlib.contextmanager
def _readable(path: str) -> Iterator[None]:
    try:
        yield
    except (FileUnsafe, FileChanged, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ArchiveUnreadable(f"{path} cannot be read: {reason}") from None


def erase_all_but(data: Path, needed: Collection[str]) -> None:
    """Erase every file that is not among these, and what a publisher that was killed left half copied."""
    for path in (data / FILES).iterdir():
        if path.name not in needed:
            with contextlib.suppress(OSError):
                path.unlink()
    sync_folder(data / FILES)


def verify_erased(data: Path, needed: Collection[str]) -> None:
    """Make sure that no other file than these is left. Raises ReleaseError."""
    left = [path.name for path in (data / FILES).iterdir() if path.name not in needed] if has_files(data) else []
    if left:
        raise ReleaseError(f"{data / FILES} still holds {', '.join(sorted(left))}, which could not be removed")


def verify_kept(release: Path, manifest: Manifest) -> None:
    """Make sure that every file which a release needs is there, with the size it has. Raises ReleaseDamaged.

    Hashes are compared later, while the release is served: reading recordings through takes minutes.
    """
    for sha256, size in manifest.kept.items():
        try:
            found = kept_path(data_of(release), sha256).stat().st_size
        except OSError as error:
            raise ReleaseDamaged(
                f"{release.name}: {FILES}/{sha256} cannot be read ({error.strerror}); {REMEDY}"
            ) from None
        if found != size:
            raise ReleaseDamaged(f"{release.name}: {FILES}/{sha256} has {found} bytes instead of {size}; {REMEDY}")
