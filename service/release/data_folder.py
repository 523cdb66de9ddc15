"""The data folder: the releases in it, which one is served, and every change to that.

data/current is a symbolic link to releases/<n>-<id>; replacing it by a rename is the one moment a release becomes the
one being served. Nothing here reads an archive file, looks into a release's files, or knows HTTP.
"""

import contextlib
import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.archive.writing import make_folder, sync_folder
from service.errors import NoRelease, PublishInProgress, ReleaseDamaged, ReleaseError, ReleaseUnknown
from service.release.kept_files import erase_all_but, has_files, verify_erased, verify_kept
from service.release.manifest import Manifest, read_manifest, verify_release
from service.release.statements import Link, keep_chain, longest_chain
from service.release.withdrawals import keep_withdrawals, known_withdrawals

_FOLDER = re.compile(r"^([1-9][0-9]*)-([0-9a-f]{12})$")
#: How the names of folders begin that hold no release: ones being built, and ones being removed.
STAGING_PREFIX = ".staging-"
# A link to the release that is being brought in: see `bring_in`.
_ARRIVING = f"{STAGING_PREFIX}arriving"


@dataclass(frozen=True, slots=True)
class StoredRelease:
    """A release in the data folder, as `releases list` shows it. `manifest` is None where it cannot be read."""

    folder: Path
    number: int
    short_id: str
    current: bool
    manifest: Manifest | None


def current_folder(data: Path) -> Path | None:
    """Return the folder of the release being served, or None where nothing has been published.

    Raises ReleaseDamaged where `current` points to nothing.
    """
    link = data / "current"
    try:
        target = link.readlink()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ReleaseDamaged(f"{link} is not a link to a release ({error.strerror}); remove it and publish") from None
    folder = data / target
    if not folder.is_dir() or not _FOLDER.match(folder.name):
        raise ReleaseDamaged(f"{link} points to {target}, which is not there; run: testimony-archive releases rollback")
    return folder


def kept_releases(data: Path) -> list[StoredRelease]:
    """Return every release in the data folder, the newest first."""
    try:
        current = current_folder(data)
    except ReleaseDamaged:
        current = None
    kept = []
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for folder in (data / "releases").iterdir():
            if match := _FOLDER.match(folder.name):
                try:
                    manifest = read_manifest(folder)
                except ReleaseDamaged:
                    manifest = None
                is_current = current is not None and folder.name == current.name
                kept.append(StoredRelease(folder, int(match[1]), match[2], is_current, manifest))
    return sorted(kept, key=lambda release: release.number, reverse=True)


@contextlib.contextmanager
def sole_publisher(data: Path) -> Iterator[None]:
    """Lock the data folder against other publishers, and delete what a killed publisher left behind.

    The kernel releases the lock when the process ends, also when it is killed. Raises PublishInProgress where another
    process has the lock.
    """
    try:
        for folder in (data, data / "releases"):
            make_folder(folder)
        lock = os.open(data / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ReleaseError(f"{data} cannot be written to ({error.strerror})") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise PublishInProgress(f"another process is publishing into {data}; try again when it is done") from None
    try:
        _clear_debris(data)
        yield
    finally:
        os.close(lock)


def _clear_debris(data: Path) -> None:
    """Remove what a publisher that was killed left behind."""
    (data / "current.new").unlink(missing_ok=True)
    arriving = data / "releases" / _ARRIVING
    if arriving.is_symlink():
        # This release was never served. It must not be offered for a rollback, nor count among the releases that are kept.
        folder = arriving.with_name(arriving.readlink().name)
        if folder.exists() and _linked_name(data / "current") != folder.name:
            remove_release(folder)
        arriving.unlink()
    for path in (data / "releases").glob(f"{STAGING_PREFIX}*"):
        shutil.rmtree(path, ignore_errors=True)
    erase_unused_files(data)


def _linked_name(link: Path) -> str | None:
    return link.readlink().name if link.is_symlink() else None


def bring_in(data: Path, staging: Path, folder: Path) -> None:
    """Move a sealed release from `staging` to its place, `folder`, and make it the release being served.

    A link marks the release until both steps are done. Without it, a publisher killed between the two steps would leave
    a release that looks as if it had been served and rolled back from.
    """
    arriving = folder.with_name(_ARRIVING)
    arriving.symlink_to(folder.name)
    sync_folder(folder.parent)
    staging.rename(folder)
    sync_folder(folder.parent)
    make_current(data, folder)
    arriving.unlink()


def make_current(data: Path, folder: Path) -> None:
    """Make `folder` the release being served, by one rename that survives a power failure."""
    link = data / "current.new"
    link.unlink(missing_ok=True)
    link.symlink_to(Path("releases") / folder.name)
    link.replace(data / "current")
    sync_folder(data)


def roll_back(data: Path, number: int | None = None) -> StoredRelease:
    """Serve an earlier release again: release `number`, or the newest intact one before the current.

    Raises ReleaseUnknown where there is none, ReleaseDamaged where the one asked for is.
    """
    with sole_publisher(data):
        kept = kept_releases(data)
        current = next((release.number for release in kept if release.current), None)
        if number is None:
            earlier = [release for release in kept if current is None or release.number < current]
            candidates = [release for release in earlier if is_intact(release)]
            if not candidates:
                raise ReleaseUnknown("there is no earlier release to go back to; see: testimony-archive releases list")
            chosen = candidates[0]
        else:
            matching = [release for release in kept if release.number == number]
            if not matching:
                raise ReleaseUnknown(f"release {number} is not kept; see: testimony-archive releases list")
            chosen = matching[0]
            _verify_whole(chosen.folder)
        make_current(data, chosen.folder)
        return chosen


def is_intact(release: StoredRelease) -> bool:
    """Tell whether every file of a kept release is as it was published, by this version of the engine."""
    try:
        _verify_whole(release.folder)
    except ReleaseDamaged:
        return False
    return True


def _verify_whole(folder: Path) -> None:
    manifest = read_manifest(folder)
    verify_release(folder, manifest)
    verify_kept(folder, manifest)


def prune(data: Path, *, keep: int) -> list[StoredRelease]:
    """Remove all but the current release and the newest others, `keep` in all. Returns what was removed."""
    with sole_publisher(data):
        return prune_held(data, keep=keep)


def erase(data: Path) -> list[StoredRelease]:
    """Remove every release but the current one, and what publishers that were killed left behind. Returns the releases.

    Raises NoRelease where none is current, ReleaseError where something could not be removed.
    """
    with sole_publisher(data):
        if current_folder(data) is None:
            raise NoRelease(f"{data} holds no release; nothing was removed")
        removed = prune_held(data, keep=1)
        if left := sorted(path.name for path in (data / "releases").glob(f"{STAGING_PREFIX}*")):
            raise ReleaseError(f"{data / 'releases'} still holds {', '.join(left)}, which could not be removed")
        verify_erased(data, read_manifest(current_folder(data) or data).kept)
        sync_folder(data / "releases")
        return removed


def prune_held(data: Path, *, keep: int) -> list[StoredRelease]:
    """`prune` for a caller that holds the lock."""
    others = [release for release in kept_releases(data) if not release.current]
    removed = others[max(0, keep - 1) :]
    _keep_statements_of(data, removed)
    keep_withdrawals(data, (release.folder for release in removed), current=current_folder(data))
    for release in removed:
        remove_release(release.folder)
    erase_unused_files(data)
    return removed


def erase_unused_files(data: Path) -> None:
    """Erase the files of sources that no kept release has, for a caller that holds the lock.

    Nothing is erased where the current release cannot say what it has: an operator may still mend it.
    """
    if not has_files(data):
        return
    kept = kept_releases(data)
    if any(release.current and release.manifest is None for release in kept):
        return
    erase_all_but(data, {sha256 for release in kept if release.manifest for sha256 in release.manifest.kept})


def take_down(data: Path) -> None:
    """Remove every release, the current one included, for a caller that holds the lock. Statements and withdrawals stay."""
    kept = kept_releases(data)
    _keep_statements_of(data, kept)
    keep_withdrawals(data, (release.folder for release in kept), current=None)
    (data / "current").unlink(missing_ok=True)
    sync_folder(data)
    for release in kept:
        remove_release(release.folder)
    erase_unused_files(data)


def chain_of(data: Path) -> list[Link]:
    """Return the statements of every release that was ever published into a data folder, the oldest first."""
    return longest_chain([data, *(release.folder for release in kept_releases(data))])


def _keep_statements_of(data: Path, removed: Sequence[StoredRelease]) -> None:
    """Keep the statements that would be lost with the releases to be removed.

    A release that was rolled back from has statements that no other release has. Without them its number would be given
    out again, and nothing would show that it was ever published.
    """
    gone = {release.folder for release in removed}
    left = longest_chain([data, *(each.folder for each in kept_releases(data) if each.folder not in gone)])
    known = left[-1].statement.number if left else 0
    whole = chain_of(data)
    if whole and whole[-1].statement.number > known:
        keep_chain(data, whole)


def withdrawals_in(data: Path) -> dict[str, str]:
    """Return every identifier that was withdrawn in a release of this data folder, with the day, also of releases that
    were gone back from or removed: an identifier stays withdrawn.
    """
    return known_withdrawals(data, (release.folder for release in kept_releases(data)))


def remove_release(folder: Path) -> None:
    """Remove a release, for a caller that holds the lock. Where it is current, nothing is served until another is made so."""
    # Rename first, in one step, so that a half-deleted folder is never taken for a release.
    doomed = folder.with_name(f"{STAGING_PREFIX}removed-{folder.name}")
    folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)
