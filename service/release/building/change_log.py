"""Writes the change log of a release: a copy of the log of the release before, and the changes since."""

import sqlite3
from collections.abc import Iterator
from typing import Literal

import orjson

from service.release import tables
from service.release.building.erasures import shows_less, takes_back_a_name
from service.release.building.scratch import BATCH
from service.release.building.standing import Standing
from service.release.opening import Release
from service.release.projection import PublicRecord
from service.release.tables import insert_statement

Action = Literal["created", "updated", "withdrawn"]


class ChangeLog:
    """Writes the change log. Records come in the order of their identifiers, and so do those of the release before, so
    that one pass over both finds what was created, updated and withdrawn.
    """

    def __init__(
        self, database: sqlite3.Connection, previous: Release | None, release_id: str, number: int, at: str
    ) -> None:
        self.database = database
        self.changes = no_changes()
        self._at = at
        self._previous = previous
        #: Whether this release takes back a name that the release before published.
        self._name_is_gone = False
        self._release = (number, release_id, at)
        self._statement = insert_statement(tables.ChangeRow)
        self._before = _records_of(previous)
        self._sequence = 0
        self._rows: list[tuple[object, ...]] = []
        #: Records of which something was taken back, and the entry that says so: digests before it are forgotten.
        self._taken_back: list[tuple[str, int]] = []
        if previous is not None:
            self._copy(previous)
        self._next = next(self._before, None)
        #: The sequence number of this release's first entry, if it has any.
        self._begins = self._sequence + 1

    def _copy(self, previous: Release) -> None:
        rows = previous.connection().execute("SELECT * FROM change ORDER BY sequence")
        while batch := rows.fetchmany(BATCH):
            self.database.executemany(self._statement, batch)
            self._sequence = batch[-1][0]
        releases = previous.rows("SELECT number, id, at, first, last FROM logged_release ORDER BY number")
        self.database.executemany(insert_statement(tables.LoggedRelease), releases)

    def continue_record(self, public: PublicRecord, digest: bytes, of_line: bytes) -> Standing:
        """Log what happened to a record, if anything did. Returns its version, and the release that it came with.

        `digest` is that of all that is served of the record, `of_line` that of its line in the public archive.
        """
        record_id = public["id"]
        while self._next is not None and self._next[0] < record_id:
            self._withdrawn()
        if self._next is None or self._next[0] != record_id:
            self._log("created", record_id, 1, of_line)
            return Standing(1, *self._release)
        _, version, digest_before, offset, length, number, release, at = self._next
        self._next = next(self._before, None)
        if digest == digest_before:
            return Standing(version, number, release, at)
        self._log("updated", record_id, version + 1, of_line, erase=self._erases(public, offset, length))
        return Standing(version + 1, *self._release)

    def _erases(self, public: PublicRecord, offset: int, length: int) -> bool:
        """Tell whether a record shows less than its line in the release before, which lies there."""
        assert self._previous is not None
        before = orjson.loads(self._previous.canonical_part(offset, length))
        self._name_is_gone |= takes_back_a_name(before, public)
        return shows_less(before, public)

    def finish(self) -> None:
        """Log the remaining records of the release before as withdrawn, and then the release itself."""
        while self._next is not None:
            self._withdrawn()
        self._flush()
        if self._name_is_gone:
            self._erase_all_updates()
        self.database.executemany(
            "UPDATE change SET digest = NULL WHERE record_id = ? AND sequence < ?", self._taken_back
        )
        row = (*self._release, self._begins, self._sequence)
        self.database.execute(insert_statement(tables.LoggedRelease), row)

    def _withdrawn(self) -> None:
        assert self._next is not None
        record_id, version, *_ = self._next
        self._log("withdrawn", record_id, version, None, erase=True)
        self._next = next(self._before, None)

    def _erase_all_updates(self) -> None:
        """Mark every update of this release as one that takes something back: a name that is gone stood in texts too, and
        which of them it stood in cannot be told.
        """
        self.database.execute(
            "UPDATE change SET erase = 1 WHERE release_number = ? AND action = 'updated'", self._release[:1]
        )
        self.database.execute(
            "UPDATE change SET digest = NULL WHERE release_number < ? AND record_id IN"
            " (SELECT record_id FROM change WHERE release_number = ? AND erase)",
            self._release[:1] * 2,
        )

    def _log(self, action: Action, record_id: str, version: int, of_line: bytes | None, *, erase: bool = False) -> None:
        self.changes[action] += 1
        self._sequence += 1
        if erase:
            self._taken_back.append((record_id, self._sequence))
        self._rows.append((self._sequence, *self._release, action, record_id, version, of_line, erase))
        if len(self._rows) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        self.database.executemany(self._statement, self._rows)
        self._rows.clear()


def _records_of(release: Release | None) -> Iterator[tuple[str, int, bytes, int, int, int, str, str]]:
    """Return identifier, version, digest, where the line lies in the public archive, and the release of the last change
    (number, id, moment), of a release's records, by identifier.
    """
    if release is None:
        return iter(())
    # A cursor, not a generator: if publishing fails halfway, an unfinished generator would raise once the release is closed.
    return release.connection().execute(
        "SELECT id, record.version, record.digest, offset, length, release_number, release_id, at"
        " FROM record JOIN line USING (ordinal)"
        " JOIN change ON sequence = (SELECT max(sequence) FROM change WHERE record_id = record.id) ORDER BY ordinal"
    )


def no_changes() -> dict[Action, int]:
    """Return the counts of changes when there are none."""
    return {"created": 0, "updated": 0, "withdrawn": 0}
