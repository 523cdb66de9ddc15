"""Reads the change log page by page, from any earlier point. Knows no HTTP.

A cursor names the release in which it was given out, and the last entry that was read. It is valid as long as the log of
the current release lists that release, because the log then holds all changes since. After a rollback, or in another
data folder, the log may not list it, and the reader has to start over.
"""

from dataclasses import dataclass
from typing import Any

from service.catalogue.criteria import ChangeCriteria
from service.catalogue.cursor import decode_parts, encode_parts, not_ours
from service.errors import InvalidCursor, StartOver
from service.release.opening import Release

#: The first part of a cursor into the log. Cursors into lists begin with a number.
_KIND = "changes"


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the log. `version`, `title` and `document` are of the record as it is served now; None where it is gone.
    `document` is only read where it is asked for.
    """

    sequence: int
    action: str
    record_id: str
    version: int | None
    at: str
    release: str
    #: Whether copies of earlier versions must be erased: less is shown now.
    erase: bool
    #: What may be shown of the record where others refer to it.
    title: str | None
    document: bytes | None

    @property
    def live(self) -> bool:
        """True where the record can be fetched."""
        return self.version is not None


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Entries in order. `cursor` marks the place after the last one; `more` is True if there are entries after it now."""

    changes: list[Change]
    cursor: str
    more: bool


def read_changes(
    release: Release, criteria: ChangeCriteria, *, newest_first: bool = False, with_documents: bool = False
) -> ChangePage:
    """Read one page of the log.

    Raises InvalidCursor, and StartOver where the log does not tell of the release that the cursor was read at.
    """
    since = criteria.since or ""
    # `at` grows with the sequence unless a clock went wrong, so releases before `since` need not be walked through.
    [(first, last)] = release.rows(
        "SELECT min(CASE WHEN at >= ? THEN first END), max(last) FROM logged_release", (since,)
    )
    first = last + 1 if first is None else first
    after = None if criteria.cursor is None else _sequence(release, criteria.cursor, newest_first=newest_first)
    # Newest first: entries below `after`, down to `first`. Oldest first: entries above both `after` and `first - 1`.
    bounds = (last + 1 if after is None else after, first) if newest_first else (max(after or 0, first - 1),)
    statement = page_statement(newest_first=newest_first, erase=criteria.erase)
    rows = release.rows(statement, (*bounds, since, criteria.limit + 1))
    more = len(rows) > criteria.limit
    changes = [_change(release, row, with_document=with_documents) for row in rows[: criteria.limit]]
    # On the last page the cursor also passes over the entries that `since` left out.
    end = first if newest_first else last
    place = changes[-1].sequence if more else end
    return ChangePage(changes, _cursor(release, place, newest_first=newest_first), more)


def page_statement(*, newest_first: bool, erase: bool | None = None) -> str:
    """Return the SQL that reads a page. It finds the first entry through the index, not by counting."""
    if newest_first:
        where, order = "sequence < ? AND sequence >= ?", "DESC"
    else:
        where, order = "sequence > ?", "ASC"
    # Few changes erase: without the hint SQLite may read the log from its beginning.
    hint = "INDEXED BY change_that_erases " if erase else ""
    if erase is not None:
        where += f" AND erase = {erase:d}"
    return (
        "SELECT sequence, action, record_id, change.version, at, release_id, erase, record.ordinal, label.text "  # noqa: S608
        f"FROM change {hint}LEFT JOIN record ON record.id = record_id LEFT JOIN label ON label.id = record_id "
        f"WHERE {where} AND at >= ? ORDER BY sequence {order} LIMIT ?"
    )


def _change(release: Release, row: tuple[Any, ...], *, with_document: bool) -> Change:
    sequence, action, record_id, version, at, release_id, erase, ordinal, title = row
    # Of a withdrawn record only the identifier and the day are shown, also in its older entries.
    if ordinal is None or action == "withdrawn":
        return Change(sequence, action, record_id, None, at, release_id, bool(erase), None, None)
    document = release.document(ordinal) if with_document else None
    return Change(sequence, action, record_id, version, at, release_id, bool(erase), title, document)


def _cursor(release: Release, sequence: int, *, newest_first: bool) -> str:
    manifest = release.manifest
    return encode_parts([_KIND, int(newest_first), manifest.number, manifest.id, manifest.published_at, sequence])


def _sequence(release: Release, cursor: str, *, newest_first: bool) -> int:
    """Return the last entry that a cursor says was read. Raises InvalidCursor or StartOver."""
    try:
        kind, backward, number, release_id, at, sequence = decode_parts(cursor)
        numbers = all(type(part) is int and 0 <= part < 2**62 for part in (backward, number, sequence))
        if kind != _KIND or not numbers or not isinstance(release_id, str) or not isinstance(at, str):
            raise ValueError
    except ValueError:
        raise not_ours() from None
    if bool(backward) != newest_first:
        raise InvalidCursor("cursor belongs to the other order, of the other format or sort; start without cursor")
    rows = release.rows(
        "SELECT last FROM logged_release WHERE number = ? AND id = ? AND at = ?", (number, release_id, at)
    )
    if not rows or sequence > rows[0][0] + newest_first:
        raise StartOver(
            "The change log does not tell of the release that this cursor was read at: the archive went back to an "
            "earlier one or was published anew. Start over: forget your copy and follow the changes without cursor."
        )
    return int(sequence)
