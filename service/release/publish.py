"""Publishes an archive: reads and checks it, renders and indexes its public records, seals the files, and swaps.

A release is built in a staging folder beside the others and becomes visible whole, by a rename. Until the last step the
release being served is untouched, so a publisher may fail or be killed at any moment. Memory use does not
grow with the archive, because records are kept and sorted in a scratch database in the staging folder.
"""

import gc
import hashlib
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import orjson

from service import __version__
from service.archive.checks import ArchiveInvalid, check_archive
from service.archive.declarations import NOTHING, Stated, head_in, stated_by
from service.archive.fields import archive_fields, fields_of_record
from service.archive.identifiers import PLURALS
from service.archive.model import Head, Record, Withdrawn
from service.archive.progress import Progress, silent
from service.archive.writing import sync_file, sync_folder
from service.errors import AdoptionRefused, ReleaseError
from service.release import tables
from service.release.addresses import with_marks, without_marks
from service.release.adopting import Adopted
from service.release.building.adopted_log import AdoptedLog
from service.release.building.change_log import Action, ChangeLog, no_changes
from service.release.building.gathered import Gathered
from service.release.building.indexes import Indexes
from service.release.building.indexing_process import IndexBeside, Indexing
from service.release.building.names import NameWriter
from service.release.building.neighbourhood import Neighbourhood
from service.release.building.scratch import (
    BATCH,
    Scratch,
    ScratchRecord,
    connect_to_write,
    remove_scratch,
    scratch_record,
    sorting_in,
)
from service.release.building.standing import completed
from service.release.building.texts import TextWriter
from service.release.data_folder import (
    STAGING_PREFIX,
    bring_in,
    chain_of,
    current_folder,
    erase_unused_files,
    kept_releases,
    prune_held,
    remove_release,
    sole_publisher,
    withdrawals_in,
)
from service.release.document_file import DocumentWriter, Keys
from service.release.documents import DocumentRenderer
from service.release.kept_files import FileKeeper
from service.release.manifest import (
    CANONICAL,
    DATABASE,
    MANIFEST,
    RELEASE_FORMAT,
    SHORT_ID,
    FileEntry,
    Manifest,
    file_sha256,
    read_manifest,
    verify_files,
    verify_format,
)
from service.release.opening import Release
from service.release.orders import ArrayWriter
from service.release.predecessor import Predecessor
from service.release.projection import files_to_keep, public_record
from service.release.statements import Link, Sign, Statement, continue_chain, forget_kept_chain, write_chain
from service.release.tables import insert_statement

#: For archive files of this many bytes or more, indexes are made in a second process, which takes half a second to start.
INDEXED_BESIDE = 16 << 20
#: How many threads hash files at the same time. Hashing releases the interpreter lock, so threads help.
SEALED_AT_ONCE = 2


#: Brings a sealed release in a folder to where others take it from.
Deposit = Callable[[Path, Manifest], None]


@dataclass(frozen=True, slots=True)
class Published:
    """The result of publishing. `changed` is False where the release being served already had the same content."""

    folder: Path
    manifest: Manifest
    changed: bool
    changes: dict[Action, int]
    #: Why older releases that were to go could not be removed; None where they are gone.
    unpruned: str | None


def publish(
    archive: Path,
    data: Path,
    *,
    keep: int = 3,
    sign: Sign | None = None,
    chain: Sequence[Link] = (),
    deposit: Deposit | None = None,
    adopted: Adopted | None = None,
    folder: Path | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Progress = silent,
) -> Published:
    """Check `archive` and make it the release being served from `data`.

    Raises ArchiveInvalid with every finding, ArchiveUnreadable, PublishInProgress, ReleaseDamaged where the release
    being served cannot be continued, or ReleaseError where the data folder cannot be written. In each case the release
    being served is as it was. With `sign` the release's statement is signed. `chain` holds
    statements to go on from where the data folder has none: an archive that was lost is published again from a bag.
    `deposit` brings the release elsewhere first; what it raises keeps the release from being served here, too.
    With `adopted` the release is published as another archive published it; AdoptionRefused where the content is not that.
    `folder` is where the paths of files start; without it, that of the archive file.
    """
    with sole_publisher(data), sorting_in(data / "releases"):
        previous = _previous_release(data, adopted=adopted)
        staging = Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=data / "releases"))
        try:
            with _without_collecting():
                publication = _Publication(
                    archive,
                    data,
                    staging=staging,
                    previous=previous,
                    moment=now(),
                    sign=sign,
                    chain=chain,
                    deposit=deposit,
                    adopted=adopted,
                    folder=archive.parent if folder is None else folder,
                    progress=progress,
                )
                return publication.run(keep=keep)
        except sqlite3.Error as error:
            raise ReleaseError(f"the release could not be written: {error}; nothing was changed") from error
        except OSError as error:
            reason = error.strerror or error
            raise ReleaseError(f"the release could not be written: {reason}; nothing was changed") from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            erase_unused_files(data)
            if previous is not None:
                previous.close()


def _previous_release(data: Path, *, adopted: Adopted | None) -> Release | None:
    """Open the release being served, to continue from it. Its engine may be an earlier one, its files must be whole."""
    if adopted is not None and not adopted.goes_on:
        return None
    folder = current_folder(data)
    if folder is None:
        return None
    manifest = read_manifest(folder)
    verify_format(folder, manifest)
    verify_files(folder, manifest)
    return Release(folder, manifest)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Disable the cyclic garbage collector: publishing creates millions of objects and no reference cycles."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Publication:
    """One publication, from the archive file to the swap."""

    def __init__(
        self,
        archive: Path,
        data: Path,
        *,
        staging: Path,
        previous: Release | None,
        moment: datetime,
        sign: Sign | None,
        chain: Sequence[Link],
        deposit: Deposit | None,
        adopted: Adopted | None,
        folder: Path,
        progress: Progress,
    ) -> None:
        self.archive = archive
        self.data = data
        self.staging = staging
        self.previous = previous
        self.sign = sign
        self.deposit = deposit
        self.adopted = adopted
        self.folder = folder
        #: The statements of every release before, those that were gone back from included.
        self.chain = chain_of(data) or [*chain]
        before = [link.statement.published_at for link in self.chain[-1:]]
        if previous is not None:
            before.append(previous.manifest.published_at)
        # The clock may have been set back. Times in the log never go back, so that a reader who asks for the changes since a
        # moment gets all of them.
        self.published_at = max([timestamp(moment), *before])
        if adopted is not None:
            self.published_at = adopted.statement.published_at
        self.today = moment.astimezone(UTC).date()
        self.progress = progress
        #: What the check counted as masked.
        self.masked = 0
        #: What the head declares.
        self.declared: Stated = NOTHING

    def run(self, *, keep: int) -> Published:
        # Before the records: what they may have, and are sorted by, is declared in the head.
        stated = head_in(self.archive)
        self.declared = stated_by(stated)
        #: The archive's language, by which texts are sorted. Whether it is one, the checks say.
        self.language = str(stated.get("language"))
        fields = archive_fields(self.declared)
        with closing(Scratch(self.staging, fields)) as scratch:
            head = self.check(scratch)
        with closing(Gathered(self.staging, fields)) as gathered:
            release_id = self.write_canonical(gathered, head)
            if self.adopted is not None and release_id != self.adopted.statement.release:
                raise AdoptionRefused(f"published here, the release would be {release_id}: another than was stated")
            kept = self.keep_files(gathered)
            if self.adopted is None and self.previous is not None and self.is_same(release_id):
                return Published(self.previous.folder, self.previous.manifest, False, no_changes(), None)
            number = self.next_number()
            counts, changes = self.write_database(gathered, head, release_id, number)
        remove_scratch(self.staging)
        self.state(head, release_id, number, counts)
        manifest = self.seal(release_id, number, counts, kept)
        folder = self.data / "releases" / f"{number}-{release_id.removeprefix('sha256:')[:SHORT_ID]}"
        if self.deposit is not None:
            self.deposit(self.staging, manifest)
        if self.adopted is not None and folder.exists():
            remove_release(folder)  # a damaged one, or one of the same id that was published at another time
        bring_in(self.data, self.staging, folder)
        return Published(folder, manifest, True, changes, self.prune(keep))

    def prune(self, keep: int) -> str | None:
        """Remove what the new release makes superfluous. Returns why some of it is left, None where nothing is: the release is
        served already, so publishing has not failed.
        """
        try:
            forget_kept_chain(self.data)
            prune_held(self.data, keep=keep)
        except OSError as error:
            return error.strerror or str(error)
        return None

    def is_same(self, release_id: str) -> bool:
        """Tell whether the release being served holds this content, rendered by this engine and signed as is asked."""
        assert self.previous is not None
        if self.previous.id != release_id or self.previous.manifest.engine != __version__:
            return False
        own = self.previous.statements()[-1]
        # The same key gives the same signature.
        return self.sign is None or own.signature == self.sign(own.line)

    def next_number(self) -> int:
        """Return the number of the new release: one that no release ever had."""
        if self.adopted is not None:
            return self.adopted.statement.number
        stated = self.chain[-1].statement.number if self.chain else 0
        return 1 + max(stated, *(release.number for release in kept_releases(self.data)), 0)

    def state(self, head: Head, release_id: str, number: int, counts: dict[str, int]) -> None:
        """Write the release's statement behind those before it."""
        if self.adopted is not None:
            write_chain(self.staging, self.adopted.chain)
            return
        statement = Statement(
            archive=head.id,
            release=release_id,
            number=number,
            published_at=self.published_at,
            counts=counts,
            engine=__version__,
            previous=None,
        )
        write_chain(self.staging, continue_chain(self.chain, statement, self.sign))

    def check(self, scratch: Scratch) -> Head:
        """Check the archive and collect what is public of it. Raises ArchiveInvalid."""

        def accept(public: ScratchRecord | Withdrawn) -> None:
            if isinstance(public, Withdrawn):
                scratch.withdraw(public.id, public.on)
            else:
                scratch.add(public)

        size = self.archive.stat().st_size if self.archive.is_file() else 0
        # What another archive may withdraw and take back is for it to say.
        former = {} if self.adopted is not None else withdrawals_in(self.data)
        report = check_archive(
            self.archive,
            today=self.today,
            declared=self.declared,
            folder=self.folder,
            predecessor=Predecessor(self.previous) if self.previous is not None and self.adopted is None else None,
            withdrawn=former,
            prepare=partial(_what_is_public, today=self.today, language=self.language),
            accept=accept,
            progress=lambda done: self.progress("Checking", done, size),
        )
        if not report.ok or report.head is None:
            raise ArchiveInvalid(report)
        # An identifier once withdrawn stays withdrawn, whether the file still lists it or not.
        for record_id, day in former.items():
            scratch.withdraw(record_id, day)
        scratch.finish()
        self.masked = report.masked
        return report.head

    def write_canonical(self, gathered: Gathered, head: Head) -> str:
        """Write the public archive in canonical form. Returns the release id."""
        digest = hashlib.sha256()
        with (self.staging / CANONICAL).open("wb", buffering=1 << 20) as file:
            for line in gathered.canonical_lines(head):
                digest.update(line)
                file.write(line)
        return f"sha256:{digest.hexdigest()}"

    def keep_files(self, gathered: Gathered) -> dict[str, int]:
        """Keep every public file in the data folder. Returns their sizes by SHA-256. Raises ArchiveUnreadable."""
        keeper = FileKeeper(self.data, self.folder)
        wanted = [*gathered.files()]
        for number, (sha256, path) in enumerate(wanted, 1):
            keeper.keep(sha256, path)
            self.progress("Keeping files", number, len(wanted))
        keeper.finish()
        return keeper.kept

    def indexing(self, database: sqlite3.Connection, head: Head) -> Indexing:
        """Return what makes the indexes: beside this process where there is enough to do for both."""
        if self.archive.is_file() and self.archive.stat().st_size >= INDEXED_BESIDE:
            return IndexBeside(self.staging, database, head.language, self.declared)
        return Indexes(self.staging, database, head.language, archive_fields(self.declared))

    def write_database(
        self, gathered: Gathered, head: Head, release_id: str, number: int
    ) -> tuple[dict[str, int], dict[Action, int]]:
        """Write documents, indexes and change log. Returns records by collection, and changes by action."""
        with (
            closing(connect_to_write(self.staging / DATABASE)) as database,
            closing(DocumentWriter(self.staging)) as documents,
        ):
            _create_tables(database)
            with closing(self.indexing(database, head)) as indexing:
                database.execute(insert_statement(tables.ArchiveHead), (head.id, orjson.dumps(head.model_dump())))
                log = self.change_log(database, release_id, number)
                self.write_records(gathered, database, indexing, documents=documents, log=log, head=head)
                log.finish()
                self.progress("Indexing", 0, 1)
                indexing.wait()
                self.progress("Indexing", 1, 1)
            with closing(ArrayWriter(self.staging)) as arrays:
                documents.finish(arrays)
                database.executemany(insert_statement(tables.ArrayRow), arrays.rows)
            collections = gathered.collections()
            rows = ((name, *span) for name, span in collections.items())
            database.executemany(insert_statement(tables.CollectionRow), rows)
            withdrawals = gathered.withdrawals()
            database.executemany(insert_statement(tables.WithdrawnRow), withdrawals)
            database.execute("PRAGMA optimize")
            database.commit()
        counts = {collection: collections[collection][1] for collection in sorted(collections)}
        return counts | {"withdrawn": len(withdrawals)}, log.changes

    def change_log(self, database: sqlite3.Connection, release_id: str, number: int) -> ChangeLog | AdoptedLog:
        """Return what writes the change log."""
        if self.adopted is not None:
            return AdoptedLog(database, self.previous, self.adopted)
        return ChangeLog(database, self.previous, release_id, number, self.published_at)

    def write_records(
        self,
        gathered: Gathered,
        database: sqlite3.Connection,
        indexing: Indexing,
        *,
        documents: DocumentWriter,
        log: ChangeLog | AdoptedLog,
        head: Head,
    ) -> None:
        """Write every record's document, its texts and its names, and have it indexed, in one walk through the records."""
        around = Neighbourhood(gathered, head.language)
        renderer = DocumentRenderer(gathered.fields, around)
        texts = TextWriter(database, around)
        names = NameWriter(database, head, gathered.fields)
        shown_head = head.model_dump()
        statement = insert_statement(tables.RecordRow)
        rows: list[tuple[object, ...]] = []
        total = gathered.count()
        for ordinal, (line, label, keys, referred_by) in enumerate(gathered.rows(self.staging / CANONICAL), 1):
            public = orjson.loads(line)
            around.label_languages.clear()
            body = without_marks(orjson.dumps(renderer.render(public)))
            if "files" in public:
                body = with_marks(body)
            of_line = hashlib.sha256(line)
            digest = of_line.copy()
            digest.update(body)
            standing = log.continue_record(public, digest.digest(), of_line.digest())
            document = completed(
                body,
                public["id"],
                standing=standing,
                head=shown_head,
                digest=f"sha256:{of_line.hexdigest()}",
                referred_by=referred_by,
            )
            updated_at = standing.updated_at
            documents.add(document, Keys(public["id"], [*keys], updated_at))
            rows.append((ordinal, public["id"], standing.version, updated_at, digest.digest()))
            indexing.add(public, ordinal, updated_at=updated_at)
            texts.add(ordinal, public)
            names.add(public, ordinal, len(line), label)
            names.add_label_languages(PLURALS[public["record"]], around.label_languages)
            if ordinal % BATCH == 0:
                database.executemany(statement, rows)
                rows.clear()
                self.progress("Rendering", ordinal, total)
        database.executemany(statement, rows)
        indexing.finish()
        texts.finish()
        names.finish()

    def seal(self, release_id: str, number: int, counts: dict[str, int], kept: dict[str, int]) -> Manifest:
        """Force every file to disk, and write the manifest that describes them."""
        paths = sorted(path for path in self.staging.rglob("*") if path.is_file())
        with ThreadPoolExecutor(SEALED_AT_ONCE) as threads:
            entries = threads.map(_sealed, paths)
            files = {
                path.relative_to(self.staging).as_posix(): entry for path, entry in zip(paths, entries, strict=True)
            }
        manifest = Manifest(
            format=RELEASE_FORMAT,
            id=release_id,
            number=number,
            published_at=self.published_at,
            engine=__version__,
            counts=counts,
            masked=self.masked,
            files=files,
            kept=kept,
        )
        path = self.staging / MANIFEST
        # Archives without files are as they were before there were any.
        path.write_text(manifest.model_dump_json(indent=2, exclude=None if kept else {"kept"}) + "\n")
        path.chmod(0o444)
        sync_file(path)
        # Whatever the umask: the server may run as another user, and nobody but the publisher is to write.
        for folder in (self.staging, *(inside for inside in self.staging.rglob("*") if inside.is_dir())):
            folder.chmod(0o755)
            sync_folder(folder)
        return manifest


def _sealed(path: Path) -> FileEntry:
    """Make a file read-only, force it to disk, and return its size and hash."""
    path.chmod(0o444)
    sync_file(path)
    return FileEntry(bytes=path.stat().st_size, sha256=file_sha256(path))


def _what_is_public(record: Record | Withdrawn, *, today: date, language: str) -> ScratchRecord | Withdrawn | None:
    """Return what is kept of a record of the archive, if anything is."""
    if isinstance(record, Withdrawn):
        return record
    public = public_record(record, today=today)
    if public is None:
        return None
    fields, files = fields_of_record(type(record)), files_to_keep(record, today=today)
    return scratch_record(public, fields, files, language=language)


def _create_tables(database: sqlite3.Connection) -> None:
    # Uses the connection that is already open: SQLAlchemy's own would sync each table to disk, and raise other errors when the
    # disk is full.
    for statement in tables.create_statements():
        database.execute(statement)


def timestamp(moment: datetime) -> str:
    """Return a moment as UTC, RFC 3339, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
