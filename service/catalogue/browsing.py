"""A list, a page at a time, and a record: puts the statements of `queries` to a release and reads the answers."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from threading import Lock

from service.catalogue.criteria import Criteria
from service.catalogue.cursor import Cursor, decode_cursor
from service.catalogue.languages import Wishes, read_languages
from service.catalogue.queries import (
    DOCUMENTS_AT_ONCE,
    Condition,
    Place,
    Terms,
    count_statement,
    document_statement,
    documents_statement,
    ordinal_statement,
    page_statement,
    sort_name,
    sorts_statement,
    span_conditions,
    term_filters,
    terms_statement,
)
from service.release.indexing import HAS_POINT
from service.release.store import Release

#: Numbers of matches remembered for each release: following a list's pages counts it once.
COUNTS_KEPT = 4096
#: Above this many records of the rarest condition, a list is read in a thread: counting them takes longer than the
#: event loop should stand still, a few milliseconds.
QUICK = 2000
#: Records that are read at a time where a whole list is: enough that asking costs little beside reading, and about half
#: a megabyte of documents.
BATCH = 200


@dataclass(frozen=True, slots=True)
class Page:
    """Records of a list in order, as documents; how many the whole list has; the cursors of the pages beside it."""

    documents: list[bytes]
    total: int
    next: str | None
    prev: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that has been looked up but not read: what `page` needs, and whether reading it is quick."""

    criteria: Criteria
    conditions: list[Condition]
    #: Records of the rarest condition at most; the whole collection where there is none.
    rarest: int
    #: Where a filter has only values that no record has, the list is empty.
    empty: bool

    @property
    def quick(self) -> bool:
        return self.empty or not self.conditions or self.rarest <= QUICK


@dataclass(frozen=True, slots=True)
class SourceText:
    """The text of a source in UTF-8, its language, and the SHA-256 of its bytes."""

    language: str
    digest: bytes
    content: bytes


class Catalogue:
    """The questions that can be put to one release. Threads may share it."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self._languages = read_languages(release)
        self._sorts: dict[str, dict[str, int]] = {}
        for collection, name, number in release.rows(*sorts_statement()):
            self._sorts.setdefault(collection, {})[name] = number
        self._counts: OrderedDict[tuple[str, tuple[Condition, ...]], int] = OrderedDict()
        self._lock = Lock()

    def document(self, record_id: str) -> bytes | None:
        """Return the document of a public record, or None where there is none."""
        rows = self.release.rows(*document_statement(record_id))
        document: bytes | None = rows[0][0] if rows else None
        return document

    def withdrawn_on(self, record_id: str) -> str | None:
        """Return the day a record was withdrawn, or None where it was not."""
        rows = self.release.rows('SELECT "on" FROM withdrawn WHERE id = ?', (record_id,))
        return str(rows[0][0]) if rows else None

    def transcript(self, record_id: str) -> tuple[str, bytes] | None:
        """Return a testimony's transcript, its language and its segments as JSON, or None where there is none."""
        rows = self.release.rows(
            "SELECT language, segments FROM transcript JOIN record USING (ordinal) WHERE id = ?", (record_id,)
        )
        return rows[0] if rows else None

    def source_text(self, record_id: str) -> SourceText | None:
        """Return a source's text, or None where it has none that may be republished."""
        rows = self.release.rows(
            "SELECT language, source_text.digest, content FROM source_text JOIN record USING (ordinal) WHERE id = ?",
            (record_id,),
        )
        return SourceText(*rows[0]) if rows else None

    def effective(self, collection: str, wishes: Wishes) -> Wishes:
        """Return the wishes for languages that can change what is shown of some record of a collection."""
        languages = self._languages.get(collection)
        return languages.effective(wishes) if languages is not None and wishes else ()

    def look_up(self, criteria: Criteria) -> Listing:
        """Return the list that criteria describe: their filters as terms of this release, the rarest first."""
        size = self.release.manifest.counts[criteria.collection]
        found: list[tuple[int, Condition]] = []
        for name, values in term_filters(criteria).items():
            rows = self.release.rows(*terms_statement(criteria.collection, name, values))
            if not rows:
                return Listing(criteria, [], 0, empty=True)
            found.append((sum(count for _, count in rows), Terms(tuple(sorted(term for term, _ in rows)))))
        found.sort(key=lambda counted: counted[0])
        spans = span_conditions(criteria, sorts=self._sorts[criteria.collection])
        rarest = found[0][0] if found else size
        return Listing(criteria, [condition for _, condition in found] + spans, rarest, empty=False)

    def page(self, listing: Listing) -> Page:
        """Read one page. Raises InvalidCursor.

        A page that a cursor leads to is empty where everything beyond has gone since; it then leads nowhere.
        """
        criteria = listing.criteria
        mark = criteria.fingerprint
        cursor = None if criteria.cursor is None else decode_cursor(criteria.cursor, mark)
        total = self.total(listing)
        if total == 0:
            return Page([], 0, None, None)
        place = None if cursor is None else self._place(cursor, downward=sort_name(criteria)[1] != cursor.backward)
        backward = cursor is not None and cursor.backward
        rows = self._rows(listing, total, place, backward=backward, limit=criteria.limit + 1)
        more = len(rows) > criteria.limit
        rows = rows[: criteria.limit]
        if not rows:
            return Page([], total, None, None)
        behind = False
        if cursor is not None:
            key, ordinal, *_ = rows[0]
            behind = bool(self._rows(listing, total, Place(key, ordinal), backward=not backward, limit=1))
        if backward:
            rows.reverse()
        has_previous, has_next = (more, behind) if backward else (behind, more)
        return Page(
            documents=[document for *_, document in rows],
            total=total,
            next=Cursor(False, rows[-1][0], rows[-1][2]).encode(mark) if has_next else None,
            prev=Cursor(True, rows[0][0], rows[0][2]).encode(mark) if has_previous else None,
        )

    def on_map(self, listing: Listing) -> Listing:
        """Return the part of a list of events or places whose records have a point."""
        rows = self.release.rows(*terms_statement(listing.criteria.collection, HAS_POINT, ["true"]))
        if listing.empty or not rows:
            return replace(listing, conditions=[], rarest=0, empty=True)
        [(term, count)] = rows
        rarest = min(listing.rarest, count)
        has_point = Terms((term,))
        # The rarest condition first, as everywhere.
        ordered = [has_point, *listing.conditions] if rarest == count else [*listing.conditions, has_point]
        return replace(listing, conditions=ordered, rarest=rarest)

    def batches(self, listing: Listing, *, size: int = BATCH) -> Iterator[list[bytes]]:
        """Yield the documents of a whole list in its order, up to `size` at a time; limit and cursor are not looked at.

        Each batch begins where the last one ended, so nothing is held between two and any thread may ask for the next.
        """
        total = self.total(listing)
        place = None
        while total:
            rows = self._rows(listing, total, place, backward=False, limit=size)
            if rows:
                yield [document for *_, document in rows]
            if len(rows) < size:
                return
            key, ordinal, *_ = rows[-1]
            place = Place(key, ordinal)

    def documents(self, record_ids: Iterable[str]) -> dict[str, bytes]:
        """Return the documents of these records, those that are public."""
        wanted = sorted(record_ids)
        found: dict[str, bytes] = {}
        for start in range(0, len(wanted), DOCUMENTS_AT_ONCE):
            found.update(self.release.rows(*documents_statement(wanted[start : start + DOCUMENTS_AT_ONCE])))
        return found

    def _rows(
        self, listing: Listing, total: int, place: Place | None, *, backward: bool, limit: int
    ) -> list[tuple[str, int, str, bytes]]:
        """Return (key, ordinal, id, document) of up to `limit` records after a place, or before it if `backward`."""
        criteria = listing.criteria
        name, descending = sort_name(criteria)
        size = self.release.manifest.counts[criteria.collection]
        statement = page_statement(
            listing.conditions,
            sort=self._sorts[criteria.collection][name],
            descending=descending != backward,
            after=place,
            limit=limit,
            # A walk passes about size/total records for each one it keeps, a gathering sorts all that match.
            gather=total * total <= limit * size,
        )
        return self.release.rows(*statement)

    def total(self, listing: Listing) -> int:
        """Return how many records a list has."""
        collection = listing.criteria.collection
        if listing.empty:
            return 0
        if not listing.conditions:
            return self.release.manifest.counts[collection]
        conditions = listing.conditions
        if len(conditions) == 1 and isinstance(conditions[0], Terms) and len(conditions[0].terms) == 1:
            return listing.rarest
        known = (collection, tuple(conditions))
        with self._lock:
            if known in self._counts:
                self._counts.move_to_end(known)
                return self._counts[known]
        [(total,)] = self.release.rows(*count_statement(conditions))
        with self._lock:
            self._counts[known] = total
            if len(self._counts) > COUNTS_KEPT:
                self._counts.popitem(last=False)
        return int(total)

    def _place(self, cursor: Cursor, *, downward: bool) -> Place:
        """Return where a cursor points in this release, also where its record is gone: then at the neighbour that the
        reading, which goes up or `downward` through the identifiers, has passed already.
        """
        rows = self.release.rows(*ordinal_statement(cursor.id, backward=downward))
        if rows:
            return Place(cursor.key, rows[0][0])
        # Beyond the last identifier, or before the first.
        return Place(cursor.key, 2**62 if downward else 0)
