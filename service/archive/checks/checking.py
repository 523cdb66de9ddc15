"""One run of all checks over one archive file: each record by itself as it is read, then records against each other.

Knows no release: what it must know of the current one is asked of a `Predecessor`.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import date
from functools import partial
from itertools import chain
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from service.archive.checks.comparisons import COMPARISONS, MAX_LEVELS
from service.archive.checks.copies import check_copies
from service.archive.checks.files import check_files
from service.archive.checks.ledger import Ledger, Predecessor
from service.archive.checks.names import check_names, protected_names
from service.archive.checks.pieces import Judged, judge, numbered
from service.archive.checks.report import MAX_FINDINGS, Report
from service.archive.checks.rules import NOTES
from service.archive.declarations import Stated, stated_in
from service.archive.dividing import can_divide, divided
from service.archive.identifiers import RECORD_TYPES
from service.archive.model import Head, Record, Withdrawn
from service.archive.reading import Finding, HeadWatch, Item, read_batches

#: Bytes of an archive file from which a second process helps: it takes half a second to start.
DIVIDED_FROM = 16 << 20


def check_archive(
    path: Path,
    *,
    today: date,
    declared: Stated | Literal["unread"] = "unread",
    sources: Mapping[str, Path] = MappingProxyType({}),
    folder: Path | None = None,
    predecessor: Predecessor | None = None,
    withdrawn: Iterable[str] = (),
    prepare: Callable[[Record | Withdrawn], object] | None = None,
    accept: Callable[[Any], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Check an archive file by every rule, in memory that does not grow with it.

    Args:
        path: the file, as `read_archive` takes it.
        today: the day, in UTC, that embargoes are judged by.
        declared: what the head declares, where that was read before.
        sources: copies of sources at hand, by identifier: UTF-8, exactly as they were measured.
        folder: where the paths of files start; without it, the folder of the archive file.
        predecessor: the release that the archive is to follow, if there is one.
        withdrawn: identifiers that were withdrawn in other releases.
        prepare: given each record and withdrawal that is valid by itself, perhaps in another process. It has to be one
            that can be handed over, as must what it returns.
        accept: given what `prepare` returned, unless that is None, in the order of the file. Without `prepare`, given
            the records and withdrawals themselves.
        progress: told the bytes read so far.

    Raises:
        ArchiveUnreadable: for the file, or a copy of a source, that cannot be read.
        TestimonyArchiveError: where the process that helps has been ended.
    """
    if prepare is None:
        prepare = _nothing if accept is None else _itself
    stated = stated_in(path) if declared == "unread" else declared
    judge_pieces = partial(judge, today=today, stated=stated, prepare=prepare)
    beside = path.is_file() and path.stat().st_size >= DIVIDED_FROM and can_divide()
    with closing(Ledger()) as ledger:
        check = _Check(ledger)
        batches = numbered(read_batches(path, progress=progress))
        with closing(divided(judge_pieces, batches, beside=beside)) as all_judged:
            for judged in all_judged:
                check.take(judged)
                if accept is not None:
                    for prepared in judged.prepared:
                        accept(prepared)
        check.end()
        if not check.is_foreign:
            ledger.add_withdrawn(withdrawn)
            if predecessor is not None:
                ledger.add_release(predecessor)
            check.compare()
            check.take_names(path, today=today)
            check.take_copies(path, sources)
            check.take_files(folder or path.parent)
        return check.report()


def _nothing(_: Record | Withdrawn) -> None:
    pass


def _itself(record: Record | Withdrawn) -> Record | Withdrawn:
    return record


class _Check:
    """One run of the checks over one file."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._errors, self._notes = _Bounded(), _Bounded()
        self._counts = dict.fromkeys(RECORD_TYPES, 0)
        self._head: Head | None = None
        self._last = 0
        #: Of the archive's texts.
        self._languages: set[str] = set()
        self._watch = HeadWatch()
        # Whether every piece could be read: if not, a record that is missing may only have been unreadable.
        self._is_whole = True
        #: Whether the file is in another format, of which nothing more can be said.
        self.is_foreign = False

    def take(self, judged: Judged) -> None:
        """Take what was found of the next pieces of the file, and remember what comparing will need."""
        for piece in judged.others:
            self._watch.see(piece)
            self._is_whole &= isinstance(piece, Item)
            self.is_foreign |= isinstance(piece, Finding) and piece.code == "unsupported_format"
        self._last = judged.last
        if judged.heads:
            self._head = judged.heads[-1]
        if self.is_foreign:
            # The last piece says so. Nothing said before it holds.
            self._errors, self._notes, self._head = _Bounded(), _Bounded(), None
            judged.findings = judged.findings[-1:]
        for number, finding in judged.findings:
            self._add(number, finding)
        for kind, count in judged.counts.items():
            self._counts[kind] += count
        self._ledger.add(judged.rows)
        self._languages |= judged.languages

    def end(self) -> None:
        """Tell what the head lacks, once all pieces have come."""
        for finding in self._watch.findings():
            self._is_whole = False
            self._last += 1
            self._add(self._last, finding)

    def compare(self) -> None:
        """Check records against each other, once all are remembered."""
        self._ledger.index()
        for rule in COMPARISONS:
            if self._is_whole or not rule.needs_all:
                for number, pointer, subject in self._ledger.ask(rule.sql):
                    self._add(number, Finding(rule.code, pointer, rule.detail.format(subject)))
        for number, pointer, subject in self._ledger.memberships_beyond(MAX_LEVELS):
            self._add(
                number, Finding("chain_too_long", pointer, f"`{subject}` lies beneath more than {MAX_LEVELS} groups.")
            )
        for number, pointer, subject in chain(self._ledger.cycles(), self._ledger.circles()):
            self._add(number, Finding("reference_cycle", pointer, f"This leads, step by step, back to `{subject}`."))

    def take_names(self, path: Path, *, today: date) -> None:
        """Look for protected names in every public text."""
        if names := protected_names(self._ledger, self._languages):
            for number, finding in check_names(path, names, today=today):
                self._add(number, finding)

    def take_copies(self, path: Path, sources: Mapping[str, Path]) -> None:
        """Check passages against the texts at hand."""
        last = self._last if self._is_whole else None
        for number, finding in check_copies(path, self._ledger, sources, last=last):
            self._add(number, finding)

    def take_files(self, folder: Path) -> None:
        """Check the files that lie beside the archive file."""
        for number, finding in check_files(folder, self._ledger):
            self._add(number, finding)

    def report(self) -> Report:
        """Return what was found so far."""
        return Report(
            findings=self._errors.in_order(),
            more=self._errors.more,
            counts=self._counts,
            head=self._head,
            masked=self._ledger.masked(),
            notes=self._notes.in_order(),
            more_notes=self._notes.more,
        )

    def _add(self, number: int, finding: Finding) -> None:
        (self._notes if finding.code in NOTES else self._errors).add(number, finding)


class _Bounded:
    """As many findings as a report keeps, with the numbers of the pieces that they are about."""

    def __init__(self) -> None:
        self._found: list[tuple[int, Finding]] = []
        self.more = False

    def add(self, number: int, finding: Finding) -> None:
        if len(self._found) < MAX_FINDINGS:
            self._found.append((number, finding))
        else:
            self.more = True

    def in_order(self) -> list[Finding]:
        """Return the findings in the order of the file."""
        return [finding for _, finding in sorted(self._found, key=itemgetter(0))]
