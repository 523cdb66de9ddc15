"""What lies in a depot, and how it is read. Nothing here writes.

    files/<sha256>          every file of every release, by its SHA-256
    releases/<n>-<id>-<sha256>.json
                            the manifest of a release: the manifest.json of its folder, byte for byte, and its SHA-256
    current                 which release is the one to be served, and what is known for ever: see `Current`

Publishers write in this order and replicas read in the other, so that whoever is interrupted leaves nothing half.
Whatever a depot holds is a stranger's word until its hash was computed.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.depots.stores import Found, Store, sha256_of
from service.errors import DepotInvalid, ReleaseDamaged
from service.release.manifest import CANONICAL, DATABASE, MANIFEST, Manifest
from service.release.statements import SIGNATURES, STATEMENTS, Link, parse_chain

CURRENT = "current"
FILES, RELEASES = "files", "releases"
#: Files that a release may have: today's have a few dozen, most of them of the text index.
MOST_FILES = 10_000
#: Public files of sources that a release may need.
MOST_KEPT = 1_000_000

_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# Names, a few below each other, none of them . or ..: nothing that leads out of the folder of a release.
_NAME = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]{1,200}"
_FILE = re.compile(rf"{_NAME}(?:/{_NAME}){{0,3}}")


class Current(BaseModel):
    """The object that is moved by the one conditional write: it names the release to be served."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: Literal["testimony-archive-depot/1"] = "testimony-archive-depot/1"
    #: The archive's id, from its head: a depot has releases of one archive.
    archive: str
    #: The release, as its folder is called: <n>-<id>.
    release: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}-[0-9a-f]{12}$")]
    #: SHA-256 of its manifest.
    manifest: _Sha256
    #: SHA-256 of the files of the longest chain of statements, and of their signatures: that of a release which was gone back
    #: from is longer than the current one's.
    statements: _Sha256
    signatures: _Sha256
    #: Identifiers withdrawn in releases that were gone back from, with the day: they stay withdrawn.
    withdrawn: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Position:
    """Where a depot stands: what `current` says, and what a publisher must name to move it on."""

    current: Current
    found: Found


def read_position(store: Store) -> Position | None:
    """Return where a depot stands; None where nothing was published into it. Raises DepotUnreachable, DepotInvalid."""
    found = store.find(CURRENT)
    if found is None:
        return None
    try:
        return Position(Current.model_validate_json(found.data), found)
    except ValidationError:
        raise DepotInvalid(f"{store.address}/{CURRENT} does not name a release of a depot") from None


def read_manifest_of(store: Store, current: Current) -> tuple[Manifest, bytes]:
    """Return the manifest that `current` names, and its bytes. Raises DepotInvalid where it is not what it should be."""
    key = manifest_key(current.release, current.manifest)
    found = store.find(key)
    if found is None:
        raise DepotInvalid(f"{store.address} holds no {key}, which it says is current")
    if sha256_of(found.data) != current.manifest:
        raise DepotInvalid(f"{store.address}/{key} is not the manifest that {CURRENT} names")
    manifest = parse_manifest(f"{store.address}/{key}", found.data)
    if folder_name(manifest) != current.release:
        raise DepotInvalid(f"{store.address}/{key} is the manifest of another release")
    return manifest, found.data


def parse_manifest(name: str, data: bytes) -> Manifest:
    """Return the manifest that some bytes are, with nothing in it that could do harm. Raises DepotInvalid."""
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError:
        raise DepotInvalid(f"{name} is not the manifest of a release") from None
    if len(manifest.files) > MOST_FILES:
        raise DepotInvalid(f"{name} names {len(manifest.files)} files, and a release has {MOST_FILES} at most")
    for file, entry in manifest.files.items():
        if not _FILE.fullmatch(file) or file == MANIFEST:
            raise DepotInvalid(f"{name} names a file that cannot be one of a release: {file[:80]!r}")
        if entry.bytes < 0 or not re.fullmatch("[0-9a-f]{64}", entry.sha256):
            raise DepotInvalid(f"{name} does not state size and SHA-256 of {file}")
    if len(manifest.kept) > MOST_KEPT or not all(
        size >= 0 and re.fullmatch("[0-9a-f]{64}", digest) for digest, size in manifest.kept.items()
    ):
        raise DepotInvalid(f"{name} names files of sources that cannot be")
    if not {CANONICAL, DATABASE, STATEMENTS, SIGNATURES} <= manifest.files.keys():
        raise DepotInvalid(f"{name} lacks files that every release has")
    if manifest.id != f"sha256:{manifest.files[CANONICAL].sha256}" or manifest.number < 1:
        raise DepotInvalid(f"{name} states an id that is not the SHA-256 of its {CANONICAL}")
    return manifest


def read_chain_of(store: Store, current: Current) -> list[Link]:
    """Return the longest chain of statements that a depot knows. Raises DepotInvalid where it is none."""
    statements, signatures = (read_file(store, digest) for digest in (current.statements, current.signatures))
    try:
        chain = parse_chain(store.address, statements, signatures)
    except ReleaseDamaged as error:
        raise DepotInvalid(str(error)) from None
    if not chain or any(link.statement.archive != current.archive for link in chain):
        raise DepotInvalid(f"{store.address} holds statements of another archive than it says")
    return chain


def read_file(store: Store, digest: str) -> bytes:
    """Return a small file by its SHA-256. Raises DepotInvalid where it is not there, or another."""
    found = store.find(file_key(digest))
    if found is None or sha256_of(found.data) != digest:
        raise DepotInvalid(f"{store.address}/{file_key(digest)} is not there, or not the file that it should be")
    return found.data


def file_key(digest: str) -> str:
    """Return the key of a file, given its SHA-256 in hexadecimal digits."""
    return f"{FILES}/{digest}"


def manifest_key(release: str, digest: str) -> str:
    """Return the key of a release's manifest, given the name of its folder and the SHA-256 of the manifest: two publishers
    of the same content at the same time have two, and neither writes over the other's.
    """
    return f"{RELEASES}/{release}-{digest}.json"


def folder_name(manifest: Manifest) -> str:
    """Return the name of the folder that a release lies in."""
    return f"{manifest.number}-{manifest.short_id}"
