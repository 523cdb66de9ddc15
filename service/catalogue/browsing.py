"""A list, a page at a time, and a record: puts the statements of `queries` to a release and reads the answers."""

from array import array
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from threading import Lock

from service.catalogue.criteria import RELEVANCE, Criteria, Listed, SearchCriteria, SuggestCriteria
from service.catalogue.cursor import Cursor, decode_cursor
from service.catalogue.facets import Bucket, count_facets
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
    posting_statement,
    sort_name,
    sorts_statement,
    span_conditions,
    term_filters,
    terms_statement,
)
from service.catalogue.search import Hit, TextIndex, read_hits
from service.catalogue.suggestions import Suggestion, suggest
from service.errors import InvalidCursor
from service.release.indexing import HAS_POINT
from service.release.store import Release
from service.release.text_index import sort_field

#: Numbers of matches remembered for each release: following a list's pages counts it once.
COUNTS_KEPT = 4096
#: Above this many records of the rarest condition, a list is read in a thread: counting them takes longer than the
#: event loop should stand still, a few milliseconds.
QUICK = 2000
#: Records that are read at a time where a whole list is: enough that asking costs little beside reading, and about half
#: a megabyte of documents.
BATCH = 200
#: Digits of a place in the order of relevance: the deepest has five.
OFFSET_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Page:
    """Records of a list in order, as documents; how many the whole list has; the cursors of the pages beside it."""

    documents: list[bytes]
    total: int
    next: str | None
    prev: str | None
    #: None where none were asked for.
    facets: dict[str, list[Bucket]] | None = None


@dataclass(frozen=True, slots=True)
class Hits:
    """Hits of a search across collections, how many there are in all and in each collection."""

    hits: list[Hit]
    total: int
    next: str | None
    prev: str | None
    collections: dict[str, int]
    facets: dict[str, list[Bucket]] | None


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that has been looked up but not read: what `page` needs, and whether reading it is quick."""

    criteria: Criteria
    conditions: list[Condition]
    #: Records of the rarest condition at most; the whole collection where there is none.
    rarest: int
    #: Where a filter has only values that no record has, the list is empty.
    empty: bool
    #: The ordinals of the whole list in its order, where a query found them: see `Catalogue.whole`.
    found: "array[int] | None" = None

    @property
    def quick(self) -> bool:
        if self.criteria.q is not None or self.criteria.facets:
            return False
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
        self.text = TextIndex(release)

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
        facets = self.facets(listing.criteria)
        return replace(self._page(listing), facets=facets)

    def _page(self, listing: Listing) -> Page:
        criteria = listing.criteria
        if criteria.q is not None:
            return self._best(criteria) if criteria.sort == RELEVANCE else self._found_in_order(criteria)
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

    def whole(self, listing: Listing) -> Listing:
        """Return a list that can be read whole: what a query finds is looked up, in the order of the sort. The best
        first is an order for the first pages; a whole list that nobody gave another is in that of identifiers.
        """
        criteria = listing.criteria
        if criteria.q is None:
            return listing
        name, descending = ("id", False) if criteria.sort == RELEVANCE else sort_name(criteria)
        return replace(listing, found=self.text.all_in_order(criteria, sort_field(name), descending=descending))

    def on_map(self, listing: Listing) -> Listing:
        """Return the part of a list of events or places whose records have a point."""
        rows = self.release.rows(*terms_statement(listing.criteria.collection, HAS_POINT, ["true"]))
        if listing.empty or not rows:
            return replace(listing, conditions=[], rarest=0, empty=True, found=None)
        [(term, count)] = rows
        if listing.found is not None:
            with_point = {ordinal for (ordinal,) in self.release.rows(*posting_statement(term))}
            return replace(listing, found=array("Q", (each for each in listing.found if each in with_point)))
        rarest = min(listing.rarest, count)
        has_point = Terms((term,))
        # The rarest condition first, as everywhere.
        ordered = [has_point, *listing.conditions] if rarest == count else [*listing.conditions, has_point]
        return replace(listing, conditions=ordered, rarest=rarest)

    def batches(self, listing: Listing, *, size: int = BATCH) -> Iterator[list[bytes]]:
        """Yield the documents of a whole list in its order, up to `size` at a time; limit and cursor are not looked at.

        Each batch begins where the last one ended, so nothing is held between two and any thread may ask for the next.
        """
        if listing.found is not None:
            for start in range(0, len(listing.found), size):
                yield [document for _, document in self._documents(listing.found[start : start + size].tolist())]
            return
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

    def facets(self, criteria: Listed) -> dict[str, list[Bucket]] | None:
        """Count the facets of a list, where any are asked for."""
        return count_facets(self.release, self.text, criteria) if criteria.facets else None

    def search(self, criteria: SearchCriteria) -> Hits:
        """Read one page of hits across collections. Raises InvalidCursor or TooDeep."""
        offset = _offset(criteria, criteria.fingerprint)
        found = self.text.best(criteria, offset=offset, limit=criteria.limit)
        following, before = _beside(criteria, criteria.fingerprint, offset, found.total)
        return Hits(
            hits=read_hits(self.release, criteria, found),
            total=found.total,
            next=following,
            prev=before,
            collections=self.text.by_collection(criteria),
            facets=self.facets(criteria),
        )

    def suggest(self, criteria: SuggestCriteria) -> list[Suggestion]:
        """Return what a search box may complete to."""
        return suggest(self.release, criteria)

    def _best(self, criteria: Criteria) -> Page:
        """Read a page in order of relevance. Its cursors hold a place in that order, which a new release may move."""
        mark = criteria.fingerprint
        offset = _offset(criteria, mark)
        found = self.text.best(criteria, offset=offset, limit=criteria.limit)
        following, before = _beside(criteria, mark, offset, found.total)
        rows = self._documents([ordinal for ordinal, _ in found.hits])
        return Page([document for _, document in rows], found.total, following, before)

    def _found_in_order(self, criteria: Criteria) -> Page:
        """Read a page of what a query finds, in another order than relevance: from the record that comes after the
        cursor's in the order of the whole collection.
        """
        mark = criteria.fingerprint
        cursor = None if criteria.cursor is None else decode_cursor(criteria.cursor, mark)
        name, down = sort_name(criteria)
        sort = self._sorts[criteria.collection][name]
        backward = cursor is not None and cursor.backward
        start = None
        if cursor is not None:
            following = page_statement(
                [],
                sort=sort,
                descending=down != backward,
                after=self._place(cursor, downward=down != backward),
                limit=1,
                gather=False,
            )
            if not (rows := self.release.rows(*following)):
                total = self.text.ordered(criteria, sort_field(name), descending=down, start=None, limit=1).total
                return Page([], total, None, None)
            start = rows[0][1]
        field, wanted = sort_field(name), criteria.limit + 1
        found = self.text.ordered(criteria, field, descending=down != backward, start=start, limit=wanted)
        ordinals = [ordinal for ordinal, _ in found.hits]
        more = len(ordinals) > criteria.limit
        ordinals = ordinals[: criteria.limit]
        if not ordinals:
            return Page([], found.total, None, None)
        behind = False
        if cursor is not None:
            # The first record itself is found again, hence two.
            around = self.text.ordered(criteria, field, descending=down == backward, start=ordinals[0], limit=2)
            behind = len(around.hits) > 1
        if backward:
            ordinals.reverse()
        has_previous, has_next = (more, behind) if backward else (behind, more)
        rows = self._documents(ordinals)
        return Page(
            documents=[document for _, document in rows],
            total=found.total,
            next=self._cursor_at(sort, ordinals[-1], rows[-1][0], backward=False).encode(mark) if has_next else None,
            prev=self._cursor_at(sort, ordinals[0], rows[0][0], backward=True).encode(mark) if has_previous else None,
        )

    def _cursor_at(self, sort: int, ordinal: int, record_id: str, *, backward: bool) -> Cursor:
        [(key,)] = self.release.rows("SELECT key FROM position WHERE ordinal = ? AND sort = ?", (ordinal, sort))
        return Cursor(backward, key, record_id)

    def _documents(self, ordinals: list[int]) -> list[tuple[str, bytes]]:
        """Return identifiers and documents of records, in the order given."""
        marks = ",".join("?" * len(ordinals))
        statement = f"SELECT ordinal, id, document FROM record WHERE ordinal IN ({marks})"  # noqa: S608
        rows = {
            ordinal: (record_id, body) for ordinal, record_id, body in self.release.rows(statement, tuple(ordinals))
        }
        return [rows[ordinal] for ordinal in ordinals]

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
        if listing.found is not None:
            return len(listing.found)
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


def _offset(criteria: Listed, mark: str) -> int:
    """Return how many hits come before a page in order of relevance. Raises InvalidCursor."""
    if criteria.cursor is None:
        return 0
    cursor = decode_cursor(criteria.cursor, mark)
    if not cursor.key.isascii() or not cursor.key.isdecimal() or len(cursor.key) > OFFSET_DIGITS:
        raise InvalidCursor(
            "cursor is not one that this archive gave out; follow the links of a page as they are given"
        )
    return int(cursor.key)


def _beside(criteria: Listed, mark: str, offset: int, total: int) -> tuple[str | None, str | None]:
    """Return the cursors of the next and the previous page in order of relevance."""
    after, before = offset + criteria.limit, max(0, offset - criteria.limit)
    following = Cursor(False, str(after), "").encode(mark) if after < total else None
    return following, (Cursor(True, str(before), "").encode(mark) if offset > 0 else None)
