"""Brings a release into a depot: its files under their hashes, then its manifest, then `current` by a conditional write.

Until that write the depot stands where it stood. A publisher that was killed leaves files that nobody names, and which
the next that needs them finds there.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from service.depots.depot import (
    CURRENT,
    FILES,
    RELEASES,
    Current,
    Position,
    file_key,
    folder_name,
    manifest_key,
    parse_manifest,
    read_chain_of,
    read_position,
)
from service.depots.stores import Store, sha256_of
from service.errors import DepotConflict, NoRelease
from service.release.data_folder import chain_of, current_folder, kept_releases
from service.release.kept_files import data_of, kept_path
from service.release.manifest import MANIFEST, Manifest, read_manifest
from service.release.statements import Link, read_chain, signature_lines
from service.release.withdrawals import withdrawals_beyond

#: Files that are sent at the same time.
AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Deposited:
    """What a deposit moved: files and bytes that were sent; the others were there."""

    sent: int
    sent_bytes: int
    there: int


class Depositor:
    """Brings releases into a depot that stands where `before` says: for one publication."""

    def __init__(self, store: Store, before: Position | None, *, withdrawn: Mapping[str, str] | None = None) -> None:
        self.store = store
        self.before = before
        #: Identifiers withdrawn in releases that are not listed by the one to be current.
        self.withdrawn = dict(withdrawn or {})
        self.deposited: Deposited | None = None

    def deposit(self, folder: Path, manifest: Manifest, *, chain: Sequence[Link] | None = None) -> None:
        """Bring the release in `folder` into the depot and make it the one to be served.

        `chain` is the longest one that is known, where it is not the release's own. Raises DepotConflict where another
        publisher was first, or the depot has releases that `chain` does not go on from; DepotInvalid, DepotUnreachable.
        """
        chain = read_chain(folder) if chain is None else chain
        self._require_continuation(chain)
        lines = b"".join(link.line for link in chain), signature_lines(chain)
        files: dict[str, Path | bytes] = {
            entry.sha256: folder / name for name, entry in sorted(manifest.files.items())
        } | {sha256_of(data): data for data in lines}
        files |= {digest: kept_path(data_of(folder), digest) for digest in manifest.kept}
        self.deposited = self._send(files, manifest)
        data = (folder / MANIFEST).read_bytes()
        current = Current(
            archive=chain[-1].statement.archive,
            release=folder_name(manifest),
            manifest=sha256_of(data),
            statements=sha256_of(lines[0]),
            signatures=sha256_of(lines[1]),
            withdrawn=self.withdrawn,
        )
        key = manifest_key(current.release, current.manifest)
        self.store.write(key, data)
        if self.before is None or self.before.current != current:
            found = None if self.before is None else self.before.found
            self.store.replace(CURRENT, current.model_dump_json(indent=2).encode() + b"\n", found)
            # Looked at once more: whoever removed old releases at this moment may have taken these for left over.
            self._send(files, manifest)
            self._write_if_missing(key, data)

    def _write_if_missing(self, key: str, data: bytes) -> None:
        if self.store.size(key) != len(data):
            self.store.write(key, data)

    def _require_continuation(self, chain: Sequence[Link]) -> None:
        """Make sure that the chain goes on from the depot's: of this archive, nothing left out. Raises DepotConflict."""
        if self.before is None:
            return
        archive = chain[-1].statement.archive
        if archive != self.before.current.archive:
            raise DepotConflict(
                f"{self.store.address} is the depot of the archive {self.before.current.archive!r}, and this is "
                f"{archive!r}; each archive has a depot of its own"
            )
        known = read_chain_of(self.store, self.before.current)
        if [link.line for link in chain[: len(known)]] != [link.line for link in known]:
            raise parted(self.store.address)

    def _send(self, files: Mapping[str, Path | bytes], manifest: Manifest) -> Deposited:
        """Send the files that are not there yet, with the size that they should have."""
        sizes = manifest.kept | {entry.sha256: entry.bytes for entry in manifest.files.values()}
        sizes |= {digest: len(file) for digest, file in files.items() if isinstance(file, bytes)}

        def send(digest: str) -> int | None:
            # Asked for one by one: some stores list late.
            if self.store.size(file_key(digest)) == sizes[digest]:
                return None
            self.store.write(file_key(digest), files[digest])
            return sizes[digest]

        with ThreadPoolExecutor(AT_ONCE) as threads:
            sent = [each for each in threads.map(send, files) if each is not None]
        return Deposited(len(sent), sum(sent), len(files) - len(sent))


def deposit_current(store: Store, before: Position | None, data: Path) -> Depositor | None:
    """Make the current release of a data folder that of the depot: one that was gone back to, or published before there
    was a depot. Returns None where there is none. Raises as `Depositor.deposit` does.
    """
    folder = current_folder(data)
    if folder is None:
        return None
    kept = [release.folder for release in kept_releases(data)]
    depositor = Depositor(store, before, withdrawn=withdrawals_beyond(data, kept, current=folder))
    depositor.deposit(folder, read_manifest(folder), chain=chain_of(data))
    return depositor


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed from a depot: releases by the names of their folders, and the keys of all objects."""

    releases: list[str]
    keys: list[str]


def prune_depot(store: Store, *, keep: int, everything: bool = False) -> Pruned:
    """Remove all but the current release and the newest others, `keep` in all, and the files that no other release has.

    With `everything` also what no release has: files and manifests of publishers that were killed, or were not the first.
    Raises DepotUnreachable, DepotInvalid, NoRelease where there is none, DepotConflict where a publisher moved the depot on
    meanwhile.
    """
    position = read_position(store)
    if position is None:
        raise NoRelease(f"{store.address} holds no release; nothing was removed")
    manifests = _manifests_in(store)
    current = manifest_key(position.current.release, position.current.manifest)
    published = _published(store, position, manifests)
    others = [key for key in published if key != current]
    doomed = others[max(0, keep - 1) :]
    if everything:
        doomed += manifests.keys() - published.keys() - {current}
    staying = [manifest for key, manifest in manifests.items() if key not in doomed]
    kept = {file_key(digest) for digest in (position.current.statements, position.current.signatures)}
    kept = kept.union(*map(_files_of, staying))
    if everything:
        files = {*store.keys(FILES), *store.keys("probes")}
    else:
        files = set().union(*(_files_of(manifests[key]) for key in doomed))
    keys = [*doomed, *sorted(files - kept)]
    if (now := read_position(store)) is None or now.current != position.current:
        raise DepotConflict(f"a publisher moved {store.address} on meanwhile; nothing was removed. Run it again")
    if keys:
        store.delete(keys)
    return Pruned([folder_name(manifests[key]) for key in doomed], keys)


def releases_in(store: Store) -> list[Manifest]:
    """Return the manifests of the releases that a depot keeps, the newest first. Raises DepotUnreachable, DepotInvalid."""
    position = read_position(store)
    return [] if position is None else [*_published(store, position, _manifests_in(store)).values()]


def _manifests_in(store: Store) -> dict[str, Manifest]:
    """Return every manifest by its key."""
    found = ((key, store.find(key)) for key in store.keys(RELEASES))
    return {key: parse_manifest(f"{store.address}/{key}", each.data) for key, each in found if each is not None}


def _published(store: Store, position: Position, manifests: Mapping[str, Manifest]) -> dict[str, Manifest]:
    """Return the manifests of releases that were published, by key, the newest first: those in the chain of statements.
    The others are of publishers that were killed before the last step, or were not the first.
    """
    stated = {
        (link.statement.number, link.statement.release, link.statement.published_at)
        for link in read_chain_of(store, position.current)
    }
    published = {key: each for key, each in manifests.items() if (each.number, each.id, each.published_at) in stated}
    return dict(sorted(published.items(), key=lambda pair: pair[1].number, reverse=True))


def _files_of(manifest: Manifest) -> set[str]:
    """Return the keys of a release's files."""
    return {file_key(digest) for digest in (*manifest.kept, *(entry.sha256 for entry in manifest.files.values()))}


def parted(address: str) -> DepotConflict:
    """Return the error that says that a data folder and a depot tell of different pasts."""
    return DepotConflict(
        f"the releases in this data folder and those in {address} have parted: each has some that the other does not "
        "know. Publish from an empty data folder, which goes on from the depot"
    )
