"""The history of one record: when it changed, in which release, and the digest of what it said then. Never what it said.

A digest is the SHA-256 of the record's line in the public archive, so whoever kept that line can show which release it
is from. What was taken back has none any more: a guess at what it said could be tried against it.
"""

from dataclasses import dataclass
from typing import Any

from service.release.citing import cite_as
from service.release.opening import Release


@dataclass(frozen=True, slots=True)
class Version:
    """One entry of a record's history. `digest` is None of a withdrawal, and of all that came before something was
    taken back.
    """

    action: str
    version: int
    number: int
    release: str
    #: When the release was published: UTC, RFC 3339, to the second.
    at: str
    digest: str | None
    #: Whether less is shown of the record from here on than before.
    erase: bool


_HISTORY = (
    "SELECT action, version, release_number, release_id, at,"
    " CASE WHEN digest IS NOT NULL THEN 'sha256:' || lower(hex(digest)) END, erase"
    " FROM change WHERE record_id = ? ORDER BY sequence"
)


def history_of(release: Release, record_id: str) -> list[Version]:
    """Return the history of a record, the oldest entry first; an empty one where there never was such a record."""
    rows = release.rows(_HISTORY, (record_id,))
    return [
        Version(action, version, number, release_id, at, digest, bool(erase))
        for action, version, number, release_id, at, digest, erase in rows
    ]


def cite_latest(head: dict[str, Any], record_id: str, latest: Version) -> str:
    """Return how to cite the latest version of a record."""
    return cite_as(
        head,
        record_id,
        version=latest.version,
        at=latest.at,
        number=latest.number,
        release=latest.release,
        digest=latest.digest,
    )
