"""Takes the current release of a depot over into a data folder: whole, compared byte for byte, or not at all.

Files that a local release has already are copied from there; of the others each is compared with its SHA-256 while it
comes. Until the last rename the folder serves what it served.
"""

import contextlib
import hashlib
import shutil
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from service.archive.writing import make_folder, sync_file, sync_folder
from service.depots.depot import Position, file_key, read_chain_of, read_manifest_of, read_position
from service.depots.following import Kind
from service.depots.stores import Store, sha256_of
from service.depots.uploading import parted
from service.errors import DepotInvalid, ReleaseDamaged, ReleaseError
from service.release.data_folder import (
    STAGING_PREFIX,
    bring_in,
    chain_of,
    current_folder,
    kept_releases,
    make_current,
    prune_held,
    remove_release,
    sole_publisher,
)
from service.release.kept_files import FILES as KEPT_FILES
from service.release.kept_files import kept_path
from service.release.manifest import (
    MANIFEST,
    FileEntry,
    Manifest,
    Marks,
    file_sha256,
    marks_of,
    read_manifest,
    verify_engine,
    verify_files,
)
from service.release.statements import STATEMENT, Link, forget_kept_chain, keep_chain, read_chain
from service.release.withdrawals import remember_withdrawals

#: Where files wait until all of them are there. Those that came whole are not fetched again after a failure.
ARRIVING = ".arriving"
#: Files that are fetched at the same time.
AT_ONCE = 3


@dataclass(frozen=True, slots=True)
class Taken:
    """A release that was taken over: files and bytes that came from the depot; the others lay here already."""

    folder: Path
    manifest: Manifest
    fetched: int
    fetched_bytes: int


def take_over(store: Store, position: Position, data: Path, *, keep: int, anew: bool = False) -> Taken | None:
    """Make the release that the depot serves the current one of `data`. Returns None where it is already, unless it is to be
    taken `anew`.

    Raises DepotUnreachable; DepotInvalid where what lies there is not what it says it is, belongs to another archive, or
    was made by another version of the engine; DepotConflict where the two chains have parted; PublishInProgress.
    """
    current = position.current
    here, there = chain_of(data), read_chain_of(store, current)
    _require_same_past(store, here, there)
    if not anew and holds(data, position):
        with sole_publisher(data):
            _keep_what_is_known(data, position, there)
        return None
    manifest, manifest_bytes = read_manifest_of(store, current)
    try:
        verify_engine(Path(current.release), manifest)
    except ReleaseDamaged as error:
        raise DepotInvalid(f"{store.address}: {error}") from None
    pool = data / ARRIVING
    try:
        fetched = _collect(store, manifest, data, pool)
        with sole_publisher(data):
            folder = data / "releases" / current.release
            staging = Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=data / "releases"))
            try:
                _keep_files(manifest, pool, data)
                _assemble(manifest, manifest_bytes, pool, staging)
                _require_own_statement(store, manifest, staging, there)
                _put_in_place(data, staging, folder)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
            _keep_what_is_known(data, position, there)
            prune_held(data, keep=keep)
    except OSError as error:
        shutil.rmtree(pool, ignore_errors=True)
        reason = error.strerror or error
        raise ReleaseError(f"the release of {store.address} could not be written into {data} ({reason})") from None
    shutil.rmtree(pool, ignore_errors=True)
    return Taken(folder, manifest, len(fetched), sum(fetched))


def _keep_what_is_known(data: Path, position: Position, there: list[Link]) -> None:
    """Keep what releases that were gone back from have stated and withdrawn: the next release goes on from that."""
    remember_withdrawals(data, position.current.withdrawn)
    folder = current_folder(data)
    assert folder is not None
    if len(there) > len(read_chain(folder)):
        keep_chain(data, there)
    else:
        forget_kept_chain(data)


def holds(data: Path, position: Position) -> bool:
    """Tell whether the current release of a data folder is the one that the depot serves."""
    try:
        folder = current_folder(data)
        if folder is None or folder.name != position.current.release:
            return False
        return sha256_of((folder / MANIFEST).read_bytes()) == position.current.manifest
    except (ReleaseDamaged, OSError):
        return False


def _require_same_past(store: Store, here: list[Link], there: list[Link]) -> None:
    """Make sure that the depot goes on from what is known here. Raises DepotInvalid, DepotConflict."""
    if here and here[0].statement.archive != there[0].statement.archive:
        raise DepotInvalid(
            f"{store.address} is the depot of the archive {there[0].statement.archive!r}, and this data folder is that of "
            f"{here[0].statement.archive!r}"
        )
    if [link.line for link in there[: len(here)]] != [link.line for link in here]:
        raise parted(store.address)


# --- Fetching ---------------------------------------------------------------------------------------------------------


def _collect(store: Store, manifest: Manifest, data: Path, pool: Path) -> list[int]:
    """Put every file of a release into `pool`, named by its SHA-256. Returns the sizes of those that were fetched."""
    make_folder(data)
    pool.mkdir(exist_ok=True)
    wanted = {entry.sha256: entry for entry in manifest.files.values()}
    wanted |= {
        digest: FileEntry(bytes=size, sha256=digest)
        for digest, size in manifest.kept.items()
        if not _is_kept(data, digest, size)
    }
    for path in pool.iterdir():
        if path.name not in wanted or path.stat().st_size != wanted[path.name].bytes:
            path.unlink()
    missing = [entry for digest, entry in wanted.items() if not (pool / digest).exists()]
    needed, free = sum(entry.bytes for entry in missing), shutil.disk_usage(pool).free
    if needed > free:
        raise ReleaseError(f"the release of {store.address} has {needed} bytes more, and {data} has room for {free}")
    local = _local_files(data)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        came = threads.map(lambda entry: _bring(store, entry, pool, local.get(entry.sha256)), missing)
        return [size for size in came if size is not None]


def _is_kept(data: Path, digest: str, size: int) -> bool:
    """Tell whether a public file of a source lies here already."""
    with contextlib.suppress(OSError):
        return kept_path(data, digest).stat().st_size == size
    return False


def _keep_files(manifest: Manifest, pool: Path, data: Path) -> None:
    """Move the public files of sources to where they are kept: each whole, before the release that needs it."""
    new = [digest for digest in manifest.kept if (pool / digest).exists()]
    if not new:
        return
    folder = data / KEPT_FILES
    make_folder(folder)
    for digest in new:
        path = pool / digest
        path.chmod(0o444)
        sync_file(path)
        path.replace(kept_path(data, digest))
    sync_folder(folder)
    sync_folder(data)


def _local_files(data: Path) -> dict[str, Path]:
    """Return where files of the releases kept here lie, by their SHA-256 as it was stated."""
    kept = [release for release in kept_releases(data) if release.manifest is not None]
    return {
        entry.sha256: release.folder / name
        for release in kept
        for name, entry in release.manifest.files.items()  # type: ignore[union-attr]
    }


def _bring(store: Store, entry: FileEntry, pool: Path, local: Path | None) -> int | None:
    """Put one file into the pool. Returns its size where it was fetched, None where it was copied."""
    target, part = pool / entry.sha256, pool / f"{entry.sha256}.part"
    if local is not None:
        # A copy: a second name for the file would change what tells that the release being served was touched.
        with contextlib.suppress(OSError):
            shutil.copyfile(local, part)
            if part.stat().st_size == entry.bytes and file_sha256(part) == entry.sha256:
                part.replace(target)
                return None
    _fetch(store, entry, part)
    part.replace(target)
    return entry.bytes


def _fetch(store: Store, entry: FileEntry, part: Path) -> None:
    key, digest, size = file_key(entry.sha256), hashlib.sha256(), 0
    with part.open("wb") as file:
        for piece in store.parts(key):
            size += len(piece)
            if size > entry.bytes:
                break
            digest.update(piece)
            file.write(piece)
    if size != entry.bytes or digest.hexdigest() != entry.sha256:
        part.unlink()
        raise DepotInvalid(f"{store.address}/{key} is not the file that its name and the manifest say")


# --- Putting together -------------------------------------------------------------------------------------------------


def _assemble(manifest: Manifest, manifest_bytes: bytes, pool: Path, staging: Path) -> None:
    """Make a release's folder of the files in the pool: as publishing seals it, forced to disk."""
    uses = Counter(entry.sha256 for entry in manifest.files.values())
    for name, entry in manifest.files.items():
        path = staging / name
        path.parent.mkdir(parents=True, exist_ok=True)
        uses[entry.sha256] -= 1
        if uses[entry.sha256]:
            shutil.copyfile(pool / entry.sha256, path)
        else:
            (pool / entry.sha256).rename(path)
        path.chmod(0o444)
        sync_file(path)
    path = staging / MANIFEST
    path.write_bytes(manifest_bytes)
    path.chmod(0o444)
    sync_file(path)
    for folder in (staging, *(inside for inside in staging.rglob("*") if inside.is_dir())):
        folder.chmod(0o755)
        sync_folder(folder)


def _require_own_statement(store: Store, manifest: Manifest, staging: Path, there: list[Link]) -> None:
    """Make sure that a release's statement is about it, and in the chain that the depot names. Raises DepotInvalid."""
    try:
        chain = read_chain(staging)
        own = (staging / STATEMENT).read_bytes()
    except (ReleaseDamaged, OSError) as error:
        raise DepotInvalid(f"{store.address}: {error}") from None
    if (
        not chain
        or chain[-1].line != own
        or [link.line for link in there[: len(chain)]] != [link.line for link in chain]
    ):
        raise DepotInvalid(f"{store.address}: the statements of release {manifest.number} are not those of the depot")
    statement = chain[-1].statement
    if (statement.release, statement.number) != (manifest.id, manifest.number):
        raise DepotInvalid(f"{store.address}: release {manifest.number} has the statement of another")


def _put_in_place(data: Path, staging: Path, folder: Path) -> None:
    """Make a release that was put together the current one; where the same lies here already, that one."""
    if folder.exists():
        try:
            same = (folder / MANIFEST).read_bytes() == (staging / MANIFEST).read_bytes()
            verify_files(folder, read_manifest(folder))
        except (ReleaseDamaged, OSError):
            same = False
        if same:
            make_current(data, folder)
            return
        remove_release(folder)
    bring_in(data, staging, folder)


class Replica:
    """Follows a depot: one look after another, each of which may take a release over."""

    kind: Kind = "depot"

    def __init__(self, store: Store, data: Path) -> None:
        self.address: str = store.address
        self._store = store
        self._data = data
        # The files of the current release as they were when they were compared with its manifest.
        self._compared: Marks | None = None
        # What named the current release when it was last taken over, or found to lie here.
        self._seen: bytes | None = None

    def prepare(self) -> None:
        """Do nothing: what a depot has served may be shown until it serves something else."""

    def look(self) -> Taken | None:
        """Take over what the depot serves, if it is another release, or if the one here was damaged on this disk.

        Raises as `take_over` does; DepotInvalid also where the depot holds no release.
        """
        position = read_position(self._store)
        if position is None:
            raise DepotInvalid(f"nothing has been published into {self._store.address} yet")
        damaged = self._is_damaged()
        if not damaged and position.found.data == self._seen and holds(self._data, position):
            return None
        # The depot keeps earlier releases, and what it erases must not lie here.
        taken = take_over(self._store, position, self._data, keep=1, anew=damaged)
        self._seen = position.found.data
        return taken

    def _is_damaged(self) -> bool:
        """Tell whether the current release is other than its manifest says. Compares it only where it was touched."""
        try:
            folder = current_folder(self._data)
            if folder is None or (marks := marks_of(folder)) == self._compared:
                return False
            verify_files(folder, read_manifest(folder))
        except ReleaseDamaged:
            return True
        self._compared = marks
        return False
