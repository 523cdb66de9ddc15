"""A release as another archive published it, to be published here under the same number, date, statements and change log.

Documents then have the same versions and dates as there, and cursors into the log fit both. The bytes of the public archive
have the last word: another id than the one stated is refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from service.release.statements import Link, Statement


@dataclass(frozen=True, slots=True)
class LoggedChange:
    """One entry of the other archive's change log."""

    sequence: int
    action: str
    record_id: str
    #: The record's version from this change on. None where the record is gone: nothing more is told of it.
    version: int | None
    #: When the release was published that it came with: UTC, RFC 3339, to the second.
    at: str
    release: str
    erase: bool


@dataclass(frozen=True, slots=True)
class Adopted:
    """What is stated of a release elsewhere, and what happened to its records."""

    #: Every statement up to the release's own.
    chain: Sequence[Link]
    #: The entries of the change log, the oldest first: all, or those that `goes_on` from the release being served here.
    changes: Iterable[LoggedChange]
    goes_on: bool

    @property
    def statement(self) -> Statement:
        """What the release says of itself."""
        return self.chain[-1].statement

    def numbers(self) -> Mapping[tuple[str, str], int]:
        """Return the numbers of releases by their id and when they were published."""
        return {(link.statement.release, link.statement.published_at): link.statement.number for link in self.chain}
