"""Files of a folder that take the place of others together: a run that is killed leaves the old ones, or the new ones.

New files are made ready in a hidden folder. Renaming that folder decides: from then on the change is finished by whoever
looks at the folder next. Before, nothing has happened. Knows no table.
"""

import fcntl
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from service.archive.writing import sync_folder
from service.errors import ArchiveUnreadable, TestimonyArchiveError

_PREPARED: Final = ".testimony-archive-"
_DECIDED: Final = ".testimony-archive-change"
#: In the hidden folder: the new files, and the list of those that go.
_FILES, _GONE = "files", "gone.json"
#: Names that a change may write or remove: in the folder or in one right below it, so that a folder that came from somebody
#: else has nothing changed outside of it.
_NAME = re.compile(r"(?:[^/\x00.][^/\x00]*/)?[^/\x00.][^/\x00]*")


class Transaction:
    """What is to change in a folder. Names are relative to it, with one folder before them at most."""

    def __init__(self, folder: Path, prepared: Path) -> None:
        self._folder, self._prepared = folder, prepared
        self._gone: set[str] = set()
        (prepared / _FILES).mkdir()

    @contextmanager
    def file(self, name: str) -> Iterator[BinaryIO]:
        """Yield the file that will have this name. It has the mode and the owner of the one whose place it takes."""
        self._refuse_elsewhere(name)
        path = self._prepared / _FILES / name
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            self._own(file.fileno(), self._folder / name)
            yield file
            file.flush()
            os.fsync(file.fileno())
        self._gone.discard(name)

    def remove(self, name: str) -> None:
        """Let a file go. One that is not there is none that has to."""
        self._refuse_elsewhere(name)
        if (self._folder / name).is_file():
            self._gone.add(name)

    def decide(self) -> None:
        """Make it so that the change will happen, whatever happens to this process."""
        gone = self._prepared / _GONE
        gone.write_text(json.dumps(sorted(self._gone)))
        with gone.open("rb") as file:
            os.fsync(file.fileno())
        for folder in (self._prepared, self._prepared / _FILES, *_folders(self._prepared / _FILES)):
            sync_folder(folder)
        self._prepared.rename(self._folder / _DECIDED)
        sync_folder(self._folder)

    def _refuse_elsewhere(self, name: str) -> None:
        """Refuse, before anything is decided, what cannot be done by renaming."""
        parent = _inside(self._folder, name).parent
        if parent.exists() and parent.stat().st_dev != self._prepared.stat().st_dev:
            raise TestimonyArchiveError(
                f"{parent} lies on another disk than {self._folder}, so it cannot be changed with it"
            )

    def _own(self, descriptor: int, target: Path) -> None:
        try:
            before = target.stat()
        except OSError:
            os.fchmod(descriptor, 0o644)
            return
        os.fchmod(descriptor, stat.S_IMODE(before.st_mode))
        with suppress(PermissionError):  # whoever may write the file need not be who owns it
            os.fchown(descriptor, before.st_uid, before.st_gid)


@contextmanager
def transaction(folder: Path) -> Iterator[Transaction]:
    """Yield what collects the changes of a folder, which is made where it is not there. When the block ends well, all of them
    happen; when it raises, none.

    Raises TestimonyArchiveError where a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with hidden_folder(folder) as prepared:
            change = Transaction(folder, prepared)
            yield change
            with locked(folder):
                change.decide()
                _finish(folder)
    except OSError as error:
        raise TestimonyArchiveError(
            f"{error.filename or folder} could not be written ({error.strerror or error})"
        ) from None


@contextmanager
def hidden_folder(folder: Path) -> Iterator[Path]:
    """Yield a hidden folder in another one, which is gone when the block ends. Those of runs that were killed go first: they
    hold copies of what may be private.
    """
    finish_interrupted(folder)
    with ExitStack() as stack:
        with locked(folder):
            for stale in folder.glob(f"{_PREPARED}*"):
                if not stale.is_symlink() and (held := _held(stale)) is not None:
                    shutil.rmtree(stale, ignore_errors=True)
                    os.close(held)
            made = Path(tempfile.mkdtemp(prefix=_PREPARED, dir=folder))
            held = _held(made)
        if held is not None:
            stack.callback(os.close, held)
        stack.callback(shutil.rmtree, made, ignore_errors=True)
        yield made


def _held(folder: Path) -> int | None:
    """Return a descriptor that holds a folder until it is closed; None where a run holds it that is still alive."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def finish_interrupted(folder: Path) -> None:
    """Finish a change of a folder that was decided and whose run was ended before it was done.

    Raises ArchiveUnreadable where that cannot be done: what the folder holds is then neither the old nor the new.
    """
    if not (folder / _DECIDED).is_dir():
        return
    try:
        with locked(folder):
            _finish(folder)
    except (OSError, ValueError, TestimonyArchiveError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ArchiveUnreadable(f"A change of {folder} was interrupted and cannot be finished: {reason}.") from None


@contextmanager
def locked(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a folder: alone, or beside others that only read."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ArchiveUnreadable(f"{folder} cannot be read: {error.strerror}.") from None
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _finish(folder: Path) -> None:
    decided = folder / _DECIDED
    if decided.is_symlink() or not decided.is_dir():
        return
    files = decided / _FILES
    for path in sorted(files.rglob("*")):
        if path.is_file() and not path.is_symlink():
            target = _inside(folder, str(path.relative_to(files)))
            target.parent.mkdir(exist_ok=True)
            path.replace(target)
    gone = decided / _GONE
    # Without the list all was done before, but for taking the hidden folder away.
    for name in json.loads(gone.read_bytes()) if gone.is_file() else ():
        _inside(folder, name).unlink(missing_ok=True)
    for each in (folder, *_folders(folder)):
        sync_folder(each)
    shutil.rmtree(decided)


def _inside(folder: Path, name: object) -> Path:
    """Return the path of a name. Raises TestimonyArchiveError where it leads out of the folder."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise TestimonyArchiveError("a change names a file outside of the folder")
    path = folder / name
    if path.parent != folder and path.parent.is_symlink():
        raise TestimonyArchiveError(f"{path.parent} is a link to another folder, in which nothing is changed")
    return path


def _folders(folder: Path) -> Iterator[Path]:
    return (each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
