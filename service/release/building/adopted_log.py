"""Writes the change log of a release that is published as another archive published it: with the entries of its log."""

import sqlite3
from itertools import islice

from service.errors import AdoptionRefused
from service.release import tables
from service.release.adopting import Adopted, LoggedChange
from service.release.building.change_log import Action, no_changes
from service.release.building.scratch import BATCH
from service.release.building.standing import Standing
from service.release.opening import Release
from service.release.projection import PublicRecord
from service.release.tables import insert_statement

_LATEST = "SELECT sequence, action, version, release_number, release_id, at FROM change WHERE record_id = ? ORDER BY sequence DESC LIMIT 1"


class AdoptedLog:
    """Does what `ChangeLog` does, going by the entries that were handed in instead of comparing two releases.

    Raises AdoptionRefused where the entries cannot be those of this release.
    """

    def __init__(self, database: sqlite3.Connection, previous: Release | None, adopted: Adopted) -> None:
        self.database = database
        self.changes = no_changes()
        self._adopted = adopted
        self._numbers = adopted.numbers()
        self._statement = insert_statement(tables.ChangeRow)
        self._versions: dict[str, int] = {}
        self._digests: list[tuple[bytes, int]] = []
        self._records = 0
        self._last = 0
        if adopted.goes_on and previous is not None:
            self._copy(previous)
        self._begins = self._last + 1
        entries = iter(adopted.changes)
        while batch := [self._row(entry) for entry in islice(entries, BATCH)]:
            database.executemany(self._statement, batch)

    def _copy(self, previous: Release) -> None:
        rows = previous.connection().execute("SELECT * FROM change ORDER BY sequence")
        while batch := rows.fetchmany(BATCH):
            self.database.executemany(self._statement, batch)
            self._last = batch[-1][0]

    def _row(self, entry: LoggedChange) -> tuple[object, ...]:
        number = self._numbers.get((entry.release, entry.at))
        if number is None or entry.sequence <= self._last or entry.action not in self.changes:
            raise AdoptionRefused(f"entry {entry.sequence} of the change log belongs to no release of the archive")
        self._last = entry.sequence
        action: Action = entry.action
        self.changes[action] += number == self._adopted.statement.number
        # Of a record that is gone the versions are not told; they only have to count up.
        version = entry.version or self._versions.get(entry.record_id, 0) + (action != "withdrawn")
        self._versions[entry.record_id] = version
        at, release = entry.at, entry.release
        return entry.sequence, number, release, at, action, entry.record_id, version, None, entry.erase

    def continue_record(self, public: PublicRecord, _digest: bytes, of_line: bytes) -> Standing:
        """Return a record's version and the release that it came with, as the log has it."""
        latest = self.database.execute(_LATEST, (public["id"],)).fetchone()
        if latest is None or latest[1] == "withdrawn":
            raise AdoptionRefused(f"the change log does not tell of {public['id']}, which is in the archive")
        sequence, _, *standing = latest
        self._records += 1
        self._digests.append((of_line, sequence))
        if len(self._digests) >= BATCH:
            self._flush()
        return Standing(*standing)

    def _flush(self) -> None:
        self.database.executemany("UPDATE change SET digest = ? WHERE sequence = ?", self._digests)
        self._digests.clear()

    def finish(self) -> None:
        """Forget digests of what was taken back, and log which releases the entries came with."""
        self._flush()
        [(live,)] = self.database.execute(
            "SELECT count(*) FROM (SELECT action, max(sequence) FROM change GROUP BY record_id) WHERE action != 'withdrawn'"
        )
        if live != self._records:
            raise AdoptionRefused("the change log tells of records that are not in the archive")
        self.database.execute(
            "UPDATE change SET digest = NULL WHERE digest IS NOT NULL AND EXISTS (SELECT 1 FROM change AS later"
            " WHERE later.record_id = change.record_id AND later.sequence > change.sequence AND later.erase)"
        )
        own = self._adopted.statement
        self.database.execute(
            "INSERT INTO logged_release (number, id, at, first, last) SELECT release_number, release_id, at,"
            " min(sequence), max(sequence) FROM change GROUP BY release_number"
        )
        row = (own.number, own.release, own.published_at, self._last + 1, self._last)
        self.database.execute(
            "INSERT OR IGNORE INTO logged_release (number, id, at, first, last) VALUES (?, ?, ?, ?, ?)", row
        )
