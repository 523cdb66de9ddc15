"""Mirrors another archive: publishes each of its releases here as it was published there, under the same id or not at all.

What the origin took back is gone here, too, with the next look: a mirror keeps one release and no earlier ones. Where a
release that takes something back cannot be taken over, the one before is not shown for long either.
"""

import contextlib
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.archive.files import published_path
from service.archive.writing import make_folder, written_whole
from service.depots.following import Kind
from service.depots.origin import NotThere, Origin
from service.depots.signatures import AllowedSigner, check_signature
from service.errors import NoRelease, OriginRefused, ReleaseDamaged, SignatureInvalid
from service.release.adopting import Adopted, LoggedChange
from service.release.data_folder import chain_of, current_folder, erase, sole_publisher, take_down
from service.release.kept_files import kept_path
from service.release.manifest import CANONICAL, Manifest, Marks, marks_of, read_manifest, verify_engine, verify_files
from service.release.publish import publish
from service.release.statements import Link, parse_chain, signature_lines

#: Where the origin's archive lies until it is published here.
ARRIVING = ".mirrored"
#: What is remembered of the origin between two runs.
NOTES = "mirrored.json"
#: Entries of the change log, and statements, on a page.
PAGE = 200
#: Most pages of the change log: a hundred million entries.
MOST_PAGES = 500_000
#: Seconds after which a release is taken down that the origin has taken something back from, where the release that does so
#: cannot be taken over.
ERASED_WITHIN_S = 60.0

_Sha256 = Field(pattern=r"^sha256:[0-9a-f]{64}$")
_Moment = Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")


class _Notes(BaseModel):
    """What is remembered of the origin."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    origin: str
    #: How far the change log was read, and for which release that is here.
    cursor: str | None = None
    release: str | None = None
    #: The release that the origin is known to have taken something back from, and since when: seconds since 1970.
    owed: str | None = None
    owed_since: float = 0.0


class _Named(BaseModel):
    """What `/v1` says of the release that is served."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str = _Sha256
    number: int = Field(ge=1, lt=1 << 31)
    published_at: str = _Moment


class _Entry(BaseModel):
    """An entry of `/v1/changes`."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    sequence: int = Field(ge=1, lt=1 << 53)
    action: str
    id: str = Field(max_length=64)
    version: int | None = Field(ge=1, lt=1 << 31)
    at: str = _Moment
    release: str = _Sha256
    erase: bool


@dataclass(frozen=True, slots=True)
class _Log:
    """What was read of the change log, and how far."""

    changes: list[LoggedChange]
    goes_on: bool
    cursor: str

    def erases_after(self, number: int, chain: Sequence[Link]) -> bool:
        """Tell whether a release after that of a number took something back."""
        newer = {link.statement.published_at for link in chain if link.statement.number > number}
        return any(change.erase and change.at in newer for change in self.changes)


def _named(manifest: Manifest) -> str:
    return f"{manifest.number} {manifest.id}"


class Mirror:
    """Follows another archive: one look after another, each of which may publish its release here."""

    kind: Kind = "mirror"

    def __init__(self, address: str, data: Path, *, signers: Sequence[AllowedSigner] | None = None) -> None:
        """With `signers` only what one of them has signed is mirrored. Raises SettingsInvalid."""
        self._origin = Origin(address)
        self.address: str = self._origin.address
        self._data = data
        self._signers = signers
        # What the origin's entrance was when it was last found to be here, too.
        self._etag: str | None = None
        self._compared: Marks | None = None
        self._cleared = False

    def prepare(self) -> None:
        """Remove what must not be shown, before anything is."""
        if self._is_overdue():
            self._take_down()
        else:
            self._clear()

    def look(self) -> None:
        """Make the data folder have what the origin serves. Raises OriginUnreachable, OriginRefused, ReleaseError,
        ArchiveInvalid; what is served is then as it was.
        """
        try:
            self._look()
        finally:
            if self._is_overdue():
                self._take_down()

    def _look(self) -> None:
        self._clear()
        here = self._here()
        found = self._origin.find("/v1", etag=None if here is None else self._etag)
        if found is None:
            return
        entrance, etag = found
        named, archive = self._read_entrance(entrance)
        if here is None or (here.id, here.number, here.published_at) != (named.id, named.number, named.published_at):
            self._take_over(named, archive)
        self._etag = etag

    def _clear(self) -> None:
        """Remove earlier releases that a mirror which was killed has left."""
        if not self._cleared:
            with contextlib.suppress(NoRelease, ReleaseDamaged):
                erase(self._data)
            self._cleared = True

    def _is_overdue(self) -> bool:
        """Tell whether nothing may be shown any longer: the origin has taken something back from what is here."""
        notes = self._notes()
        if notes.owed is None or time.time() - notes.owed_since < ERASED_WITHIN_S:
            return False
        try:
            folder = current_folder(self._data)
            return folder is not None and _named(read_manifest(folder)) == notes.owed
        except ReleaseDamaged:
            return True

    def _here(self) -> Manifest | None:
        """Return the manifest of the release that is here and whole; None where it has to be fetched."""
        try:
            folder = current_folder(self._data)
            if folder is None:
                return None
            manifest = read_manifest(folder)
            if (marks := marks_of(folder)) != self._compared:
                verify_engine(folder, manifest)
                verify_files(folder, manifest)
                self._compared = marks
        except ReleaseDamaged:
            return None
        return manifest

    def _read_entrance(self, entrance: Any) -> tuple[_Named, str]:  # noqa: ANN401 - JSON of a stranger
        try:
            named = _Named.model_validate(entrance["release"])
            archive = entrance["archive"]["id"]
        except (KeyError, TypeError, ValidationError):
            raise OriginRefused(f"{self.address} is no archive of this kind") from None
        if not isinstance(archive, str):
            raise OriginRefused(f"{self.address} is no archive of this kind")
        return named, archive

    def _take_over(self, named: _Named, archive: str) -> None:
        known = chain_of(self._data)
        if known and known[0].statement.archive != archive:
            raise OriginRefused(
                f"{self.address} serves the archive {archive!r}, and this is a mirror of {known[0].statement.archive!r}"
            )
        chain = self._read_chain(named, archive, known)
        here, notes = self._here(), self._notes()
        log = self._read_log(here, notes, named)
        if here is not None and notes.owed != _named(here) and log.erases_after(here.number, chain):
            # Written down before anything can go wrong, so that it is not forgotten.
            self._note(notes.model_copy(update={"owed": _named(here), "owed_since": time.time()}))
        arriving = self._data / ARRIVING
        make_folder(self._data)
        arriving.mkdir(exist_ok=True)
        try:
            canonical = arriving / CANONICAL
            self._origin.save("/v1/archive", canonical, release=named.id, sha256=named.id.removeprefix("sha256:"))
            self._fetch_files(named, arriving)
            adopted = Adopted(chain=chain, changes=log.changes, goes_on=log.goes_on)
            publish(canonical, self._data, keep=1, adopted=adopted)
        finally:
            shutil.rmtree(arriving, ignore_errors=True)
        self._note(_Notes(origin=self.address, cursor=log.cursor, release=named.id))

    def _fetch_files(self, named: _Named, arriving: Path) -> None:
        """Fetch the public files of sources that are not here yet, to where the public archive says that they lie."""
        with (arriving / CANONICAL).open("rb") as lines:
            for line in lines:
                if b'"record":"source"' not in line or b'"files":' not in line:
                    continue
                try:
                    source = orjson.loads(line)
                    wanted = [
                        (str(source["id"]), str(each["name"]), str(each["sha256"]))
                        for each in source["files"]
                        if "path" in each
                    ]
                except (orjson.JSONDecodeError, KeyError, TypeError):
                    raise OriginRefused(f"{self.address} serves an archive that cannot be read") from None
                for source_id, name, digest in wanted:
                    self._fetch_file(
                        named, arriving, f"/v1/sources/{quote(source_id)}/files/{quote(name, safe='')}", digest
                    )

    def _fetch_file(self, named: _Named, arriving: Path, path: str, digest: str) -> None:
        if not re.fullmatch("[0-9a-f]{64}", digest):
            raise OriginRefused(f"{self.address}{path} has a SHA-256 that is none")
        target = arriving / published_path(digest)
        target.parent.mkdir(exist_ok=True)
        if target.exists():
            return
        with contextlib.suppress(OSError):
            target.hardlink_to(kept_path(self._data, digest))
            return
        self._origin.save(path, target, release=named.id, sha256=digest)

    # --- Statements -----------------------------------------------------------------------------------------------------

    def _read_chain(self, named: _Named, archive: str, known: Sequence[Link]) -> list[Link]:
        """Return the statements up to the release's own, which must go on from those known here, or go back behind them."""
        lines = self._origin.read("/v1/releases?format=ndjson", release=named.id)
        signatures = self._read_signatures(named, known)
        signed = [link for link in known if link.signature is not None]
        try:
            chain = parse_chain(self.address, lines, signature_lines(signed))
        except ReleaseDamaged as error:
            raise OriginRefused(str(error)) from None
        chain = [
            Link(link.line, link.statement, signatures.get(link.statement.number, link.signature)) for link in chain
        ]
        if not chain:
            raise OriginRefused(f"{self.address} has no statements of its releases")
        own = chain[-1].statement
        if (own.archive, own.release, own.number, own.published_at) != (
            archive,
            named.id,
            named.number,
            named.published_at,
        ):
            raise OriginRefused(f"{self.address} has no statement of the release that it serves")
        common = min(len(known), len(chain))
        if [link.line for link in known[:common]] != [link.line for link in chain[:common]]:
            raise OriginRefused(f"{self.address} denies statements that it made before: its past is another now")
        if self._signers is not None:
            self._require_signature(chain[-1])
        return chain

    def _read_signatures(self, named: _Named, known: Sequence[Link]) -> dict[int, str]:
        """Return the signatures of the statements that are not known here yet, from the pages of the list of releases."""
        enough = known[-1].statement.number if known else 0
        signatures: dict[int, str] = {}
        path, lowest = f"/v1/releases?limit={PAGE}", 1 << 53
        while True:
            found = self._origin.find(path, release=named.id)
            assert found is not None
            page, _ = found
            try:
                listed = {int(each["number"]): each["signature"] for each in page["data"]}
                following = page["links"]["next"]
            except (KeyError, TypeError, ValueError):
                raise OriginRefused(f"{self.address}{path} is no list of releases") from None
            signatures |= {number: text for number, text in listed.items() if isinstance(text, str)}
            # The list goes down to the first release, so that it has an end whatever a server answers.
            if not isinstance(following, str) or not listed or min(listed) >= lowest or min(listed) <= enough:
                return signatures
            lowest = min(listed)
            path = f"/v1/releases?{following.partition('?')[2]}"

    def _require_signature(self, link: Link) -> None:
        statement = link.statement
        if link.signature is None:
            raise OriginRefused(f"{self.address}: release {statement.number} is not signed")
        try:
            key = check_signature(link.line, link.signature).key
        except SignatureInvalid as error:
            raise OriginRefused(f"{self.address}: the signature of release {statement.number}: {error}") from None
        assert self._signers is not None
        if not any(signer.key == key and signer.is_valid_at(statement.published_at) for signer in self._signers):
            raise OriginRefused(f"{self.address}: release {statement.number} is signed with a key that is not allowed")

    # --- The change log -------------------------------------------------------------------------------------------------

    def _read_log(self, here: Manifest | None, notes: _Notes, named: _Named) -> _Log:
        """Return what has happened since the release that is here; all that ever happened where that cannot be told."""
        if notes.cursor is not None and here is not None and here.id == notes.release:
            with contextlib.suppress(NotThere):
                return self._read_pages(named, notes.cursor, goes_on=True)
        return self._read_pages(named, None, goes_on=False)

    def _read_pages(self, named: _Named, cursor: str | None, *, goes_on: bool) -> _Log:
        changes: list[LoggedChange] = []
        for _ in range(MOST_PAGES):
            path = f"/v1/changes?limit={PAGE}" + (f"&cursor={cursor}" if cursor else "")
            found = self._origin.find(path, release=named.id)
            assert found is not None
            page, _etag = found
            try:
                entries = [_Entry.model_validate(each) for each in page["data"]]
                cursor, more = str(page["meta"]["cursor"]), page["links"]["next"] is not None
            except (KeyError, TypeError, ValidationError):
                raise OriginRefused(f"{self.address}/v1/changes is no change log") from None
            if not cursor.isascii() or not cursor.replace("-", "").replace("_", "").isalnum():
                raise OriginRefused(f"{self.address}/v1/changes has a cursor that is none")
            changes += [
                LoggedChange(each.sequence, each.action, each.id, each.version, each.at, each.release, each.erase)
                for each in entries
            ]
            if not more:
                return _Log(changes, goes_on, cursor)
            if not entries:
                break
        raise OriginRefused(f"{self.address}/v1/changes has no end in sight")

    # --- What is remembered ---------------------------------------------------------------------------------------------

    def _notes(self) -> _Notes:
        with contextlib.suppress(OSError, ValidationError):
            notes = _Notes.model_validate_json((self._data / NOTES).read_bytes())
            if notes.origin == self.address:
                return notes
        return _Notes(origin=self.address)

    def _note(self, notes: _Notes) -> None:
        make_folder(self._data)
        with written_whole(self._data / NOTES) as file:
            file.write(notes.model_dump_json().encode())

    def _take_down(self) -> None:
        """Remove what is here: the origin has taken something back from it. The statements stay, to go on from."""
        with sole_publisher(self._data):
            take_down(self._data)
