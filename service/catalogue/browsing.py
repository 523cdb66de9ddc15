"""Answers the questions of the API from one release: a page of a list, a whole list, one record, a search."""

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import orjson
from pyroaring import BitMap

from service.archive.terms import Terms as VocabularyTerms
from service.catalogue.changes import ChangePage, read_changes
from service.catalogue.criteria import (
    RELEVANCE,
    ChangeCriteria,
    Criteria,
    Listed,
    SearchCriteria,
    SuggestCriteria,
    criteria_of,
)
from service.catalogue.cursor import Cursor, decode_cursor, fingerprint, not_ours
from service.catalogue.facets import Bucket, Facets, relabelled, terms_of
from service.catalogue.history import Version, history_of
from service.catalogue.identifying import with_identifiers
from service.catalogue.including import Included, include
from service.catalogue.languages import Wishes, look_up, read_languages, translate
from service.catalogue.meant import did_you_mean
from service.catalogue.queries import Span, Terms, conditions_of, order_of
from service.catalogue.releases import ReleaseCriteria, page_of_releases, statement_of
from service.catalogue.search import Hit, TextIndex, read_hits
from service.catalogue.sets import RecordSets, Term
from service.catalogue.suggestions import Suggestion, suggest
from service.errors import InvalidParameters
from service.release.document_parts import SegmentDocument
from service.release.indexing import HAS_POINT, sort_column, sort_key
from service.release.kept_files import KeptFile
from service.release.manifest import DATABASE
from service.release.opening import Release
from service.release.statements import Link

#: A whole list is read in batches of this many records: about half a megabyte of documents, so that the overhead of a
#: batch is small.
BATCH = 200
#: Identifiers that are looked up at a time.
LOOKED_UP = 500
#: A cursor into an order of relevance holds an offset of at most this many digits; the largest offset in use has five.
OFFSET_DIGITS = 9


class Page(NamedTuple):
    """The records of a page in order, the size of the whole list, and the cursors of the next and previous pages."""

    release: Release
    ordinals: Sequence[int]
    total: int
    next: str | None
    prev: str | None
    #: None where none were asked for.
    facets: dict[str, list[Bucket]] | None = None
    #: The query that was perhaps meant, where this one finds nothing.
    did_you_mean: str | None = None

    @property
    def documents(self) -> list[bytes]:
        """The records' documents. Raises ReleaseDamaged."""
        return self.release.documents(self.ordinals)

    @property
    def members(self) -> list[bytes]:
        """The records' documents as the members of a JSON array, commas included, in pieces: to be joined once, with all that
        stands around them. Raises ReleaseDamaged.
        """
        return self.release.separated_documents(self.ordinals)


@dataclass(frozen=True, slots=True)
class Hits:
    """A page of hits of a search across collections, with their number in all and in each collection."""

    hits: list[Hit]
    total: int
    next: str | None
    prev: str | None
    collections: dict[str, int]
    facets: dict[str, list[Bucket]] | None
    #: The query that was perhaps meant, where this one finds nothing.
    did_you_mean: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """A list whose filters have been looked up but whose records have not been read, and whether reading is quick."""

    criteria: Criteria
    #: The stored order that the list is in, and whether it is read from the end.
    order: str
    descending: bool
    #: The terms of each filter: a record must have at least one term of every filter.
    filters: list[list[Term]]
    spans: list[Span]
    quick: bool
    #: The terms of which a record must have none.
    without: Sequence[Term] = ()
    #: The places of its records in the order, if they have been computed already.
    places: BitMap | range | None = None
    #: The ordinals of the whole list in its order, if a full-text query found it: see `Catalogue.whole`.
    found: "array[int] | None" = None


@dataclass(frozen=True, slots=True)
class SourceText:
    """The text of a source in UTF-8, its language, and the SHA-256 of its bytes."""

    language: str
    digest: bytes
    content: bytes


class Catalogue:
    """Reads lists, records and searches from one release. Threads may share it."""

    def __init__(self, release: Release) -> None:
        #: For whoever opens and closes it: all else is asked of the catalogue.
        self.release = release
        self.manifest = release.manifest
        #: The head of the archive file, every field present.
        self.head = release.head
        #: The fields of its records.
        self.fields = release.fields
        #: What each collection may be asked for.
        self.criteria = criteria_of(release.fields)
        self.sets = RecordSets(release)
        self.text = TextIndex(release, self.sets)
        self._facets = Facets(release, self.text, self.sets)
        self._languages = read_languages(release)
        [(self._has_translated_labels,)] = release.rows("SELECT EXISTS (SELECT 1 FROM translated_label)")
        rows = release.rows("SELECT DISTINCT language FROM text_language WHERE originals OR translations")
        #: The languages of texts, original and translated, sorted. Read here, so that `/v1` answers also where the database is
        #: damaged later.
        self.languages: list[str] = sorted(language for (language,) in rows)
        manifest = release.manifest
        self._content = fingerprint(manifest.format, manifest.id)
        self._publication = fingerprint(self._content, manifest.number, manifest.published_at)

    def document(self, record_id: str) -> bytes | None:
        """Return the document of a public record, or None where there is none."""
        rows = self.release.rows("SELECT ordinal FROM record WHERE id = ?", (record_id,))
        return self.release.document(rows[0][0]) if rows else None

    def withdrawn_on(self, record_id: str) -> str | None:
        """Return the day a record was withdrawn, or None where it was not."""
        rows = self.release.rows('SELECT "on" FROM withdrawn WHERE id = ?', (record_id,))
        return str(rows[0][0]) if rows else None

    def transcript(self, record_id: str) -> tuple[str, list[SegmentDocument]] | None:
        """Return a testimony's language and the segments of its transcript, or None where there is none."""
        rows = self.release.rows(
            "SELECT language, segments FROM transcript JOIN record USING (ordinal) WHERE id = ?", (record_id,)
        )
        return (rows[0][0], orjson.loads(rows[0][1])) if rows else None

    def source_text(self, record_id: str) -> SourceText | None:
        """Return a source's text, or None where it has none that may be republished."""
        rows = self.release.rows(
            "SELECT language, source_text.digest, content FROM source_text JOIN record USING (ordinal) WHERE id = ?",
            (record_id,),
        )
        return SourceText(*rows[0]) if rows else None

    def open_file(self, sha256: str) -> KeptFile:
        """Open a file of a source. Raises ReleaseDamaged."""
        return self.release.open_file(sha256)

    def archive_parts(self, start: int, end: int, most: int) -> Iterator[bytes]:
        """Yield the bytes of the public archive from `start` to before `end`, `most` at a time. Raises OSError where it is
        shorter, and ReleaseDamaged.
        """
        while start < end:
            part = self.release.canonical_part(start, min(most, end - start))
            if not part:
                raise OSError(f"the archive ends at byte {start}")
            yield part
            start += len(part)

    def require_answers(self) -> None:
        """Raise ReleaseDamaged where the database was found to be damaged: without it nothing can be looked up."""
        self.release.require(DATABASE)

    def changes(
        self, criteria: ChangeCriteria, *, newest_first: bool = False, with_documents: bool = False
    ) -> ChangePage:
        """Return a page of the log of changes: see `changes`. Raises InvalidCursor and StartOver."""
        return read_changes(self.release, criteria, newest_first=newest_first, with_documents=with_documents)

    def history(self, record_id: str) -> list[Version]:
        """Return the history of a record, the oldest entry first; an empty one where there never was such a record."""
        return history_of(self.release, record_id)

    def releases(self, criteria: ReleaseCriteria) -> tuple[list[Link], str | None]:
        """Return statements from the newest down, and the cursor of the page after, if any. Raises InvalidCursor."""
        return page_of_releases(self.release, criteria)

    def statements(self) -> list[Link]:
        """Return the statements of this release and all before it, the oldest first. Raises ReleaseDamaged."""
        return self.release.statements()

    def statement(self, number: str) -> Link | None:
        """Return the statement of the release of a number, given as it stands in an address; None where there was none."""
        return statement_of(self.release, number)

    def identifiers(self, start: int, end: int) -> Iterator[str]:
        """Yield the identifiers of the records whose ordinals are from `start` to before `end`, in order."""
        statement = "SELECT id FROM record WHERE ordinal >= ? AND ordinal < ? ORDER BY ordinal"
        yield from (record_id for (record_id,) in self.release.rows(statement, (start, end)))

    def terms_of(self, collection: str, facet: str) -> VocabularyTerms | None:
        """Return the archive's own vocabulary that the values of a facet are from, if they are."""
        return terms_of(self.release, collection, facet)

    def relabelled(self, facets: dict[str, list[Bucket]], wishes: Wishes, collection: str) -> dict[str, list[Bucket]]:
        """Return facets with labels in a language wished for."""
        return relabelled(facets, wishes, self.release, collection, partial(self.called, wishes=wishes))

    def translate(self, documents: Sequence[bytes], wishes: Wishes) -> tuple[list[bytes], set[str]]:
        """Return documents in the languages wished for, and the set of languages that they are in."""
        return translate(documents, wishes, self.fields, partial(self.called, wishes=wishes))

    def effective(self, collection: str, wishes: Wishes) -> Wishes:
        """Return those of the wished-for languages that can change how a record of the collection is shown."""
        languages = self._languages.get(collection)
        return languages.effective(wishes) if languages is not None and wishes else ()

    def effective_anywhere(self, wishes: Wishes) -> Wishes:
        """Return the wished-for languages where they can change how a record of any collection is shown."""
        return wishes if any(self.effective(collection, wishes) for collection in self.criteria) else ()

    def with_identifiers(
        self, refused: InvalidParameters, model: type[Criteria], pairs: Sequence[tuple[str, str]]
    ) -> InvalidParameters:
        """Return a problem that also names the record which a name in place of an identifier means: see `identifying`."""
        return with_identifiers(refused, model, pairs, self.release)

    def include(self, documents: Sequence[bytes], names: Sequence[str]) -> Included:
        """Return the records that belong to some others: see `including`. Raises ReleaseDamaged."""
        return include(self.release, self.sets, documents, names)

    def look_up(self, criteria: Criteria) -> Listing:
        """Look up the filters of a list in this release. Reads no records."""
        terms, spans, excluded = conditions_of(criteria)
        filters = [self.sets.find(criteria.collection, each) for each in terms]
        without = [term for each in excluded for term in self.sets.find(criteria.collection, each)]
        order, descending = ("id", False) if criteria.sort == RELEVANCE else order_of(criteria)
        if criteria.q is not None:
            quick = criteria.sort == RELEVANCE and not criteria.facets and self.text.is_quick(criteria)
            return Listing(criteria, order, descending, filters, spans, quick, without)
        quick = not criteria.facets and all(self.sets.is_quick(criteria.collection, span) for span in spans)
        listing = Listing(criteria, order, descending, filters, spans, quick, without)
        if not quick:
            return listing
        return Listing(criteria, order, descending, filters, spans, quick, without, self._places(listing, order))

    def page(self, listing: Listing, cursor: str | None = None) -> Page:
        """Read one page. `cursor` takes the place of the cursor in the criteria. Raises InvalidCursor."""
        criteria = listing.criteria
        cursor = criteria.cursor if cursor is None else cursor
        if criteria.q is None:
            page = self._page(listing, cursor)
        elif criteria.sort == RELEVANCE:
            page = self._best(criteria, cursor)
        else:
            page = self._found_in_order(listing, cursor)
        return page._replace(facets=self.facets(criteria)) if criteria.facets else page

    def _page(self, listing: Listing, text: str | None) -> Page:
        mark = listing.criteria.fingerprint
        cursor = None if text is None else decode_cursor(text, mark)
        places = self._places(listing, listing.order)
        number = len(places)
        first, last = self._window(listing, places, number, cursor)
        shown = list(places[first:last])
        up, down = last < number, first > 0
        if not shown:
            # All records after the cursor are gone since it was given out. The link back starts from the same place.
            back = None if cursor is None or not (up or down) else cursor._replace(backward=not cursor.backward)
            link = None if back is None else back.encode(mark)
            links = (link, None) if cursor is not None and cursor.backward else (None, link)
            return Page(self.release, [], number, *links)
        if listing.descending:
            shown.reverse()
            up, down = down, up
        collection = listing.criteria.collection
        ordinals = self._ordinals(collection, listing.order, shown)
        following = self._cursor(listing, ordinals[-1], shown[-1], mark, backward=False) if up else None
        before = self._cursor(listing, ordinals[0], shown[0], mark, backward=True) if down else None
        return Page(self.release, ordinals, number, following, before)

    def _window(self, listing: Listing, places: BitMap | range, number: int, cursor: Cursor | None) -> tuple[int, int]:
        """Return the first and the last index (exclusive) into a list's places that a page shows."""
        limit, before, through = listing.criteria.limit, 0, 0
        if cursor is not None:
            before, through = self._beside(listing, cursor)
        if listing.descending == (cursor is not None and cursor.backward):
            first = _number_below(places, through)
            return first, min(first + limit, number)
        last = number if cursor is None else _number_below(places, before)
        return max(last - limit, 0), last

    def _beside(self, listing: Listing, cursor: Cursor) -> tuple[int, int]:
        """Return how many places of a list's order lie before a cursor's record, without it and with it."""
        size = self.sets.collections[listing.criteria.collection].size
        if cursor.release == self._release_of(listing.order) and 0 <= cursor.place < size:
            return cursor.place, cursor.place + 1
        return self.sets.beside(listing.criteria.collection, listing.order, cursor.key, cursor.id)

    def _places(self, listing: Listing, order: str) -> BitMap | range:
        """Return the places of a list's records in an order."""
        if listing.places is not None and order == listing.order:
            return listing.places
        collection = listing.criteria.collection
        found = self.sets.places(collection, listing.filters, listing.spans, order)
        return self.sets.places_without(collection, found, listing.without, order)

    def whole(self, listing: Listing) -> Listing:
        """Prepare a list for being read whole. With a full-text query, this finds the ordinals of all its matches.

        Order of relevance is for the first pages only. A whole list without another sort is in order of identifiers.
        """
        criteria = listing.criteria
        if criteria.q is None:
            return listing
        field = self._column(listing)
        return replace(listing, found=self.text.all_in_order(criteria, field, descending=listing.descending))

    def on_map(self, listing: Listing) -> Listing:
        """Return the part of a list of events or places whose records have a point."""
        collection = listing.criteria.collection
        has_point = self.sets.find(collection, Terms(HAS_POINT, ("true",)))
        if listing.found is None:
            return replace(listing, filters=[*listing.filters, has_point], places=None)
        members = self.sets.members([has_point], []) if has_point else BitMap()
        first = self.sets.collections[collection].first
        return replace(listing, found=array("Q", (each for each in listing.found if each - first in members)))

    def batches(self, listing: Listing, *, size: int = BATCH) -> Iterator[list[bytes]]:
        """Yield the documents of a whole list in its order, up to `size` at a time. Ignores limit and cursor.

        Only the places of the list are kept between two batches. Each batch may be asked for by another thread.
        """
        collection = listing.criteria.collection
        if listing.found is not None:
            for start in range(0, len(listing.found), size):
                yield self.release.documents(listing.found[start : start + size])
            return
        places = self._places(listing, listing.order)
        for start in range(0, len(places), size):
            end = min(start + size, len(places))
            part = places[len(places) - end : len(places) - start] if listing.descending else places[start:end]
            ordinals = self._ordinals(collection, listing.order, part)
            yield self.release.documents(ordinals[::-1] if listing.descending else ordinals)

    def total(self, listing: Listing) -> int:
        """Return how many records a list has."""
        return len(self._places(listing, "id") if listing.found is None else listing.found)

    def documents(self, record_ids: Iterable[str]) -> dict[str, bytes]:
        """Return the documents of those of these records that are public, by identifier."""
        ordinals = self.sets.ordinals(sorted(record_ids))
        return dict(zip(ordinals, self.release.documents([*ordinals.values()]), strict=True))

    def _ordinals(self, collection: str, order: str, places: Iterable[int]) -> list[int]:
        """Return the ordinals of the records at these places of an order."""
        first = self.sets.collections[collection].first
        members = self.sets.order(collection, order).members
        return [first + members[place] for place in places]

    def _cursor(self, listing: Listing, ordinal: int, place: int, mark: str, *, backward: bool) -> str:
        """Return the cursor that marks the place after a record, or before it where `backward` is set."""
        keys = self.release.keys(ordinal)
        record = self.release.fields.collection(listing.criteria.collection)
        key = sort_key(record, listing.order, keys.fields, keys.updated_at)
        return Cursor(backward, key, keys.id, place, self._release_of(listing.order)).encode(mark)

    def _column(self, listing: Listing) -> str:
        """Return the column of the text index that holds the places of records in a list's order."""
        return sort_column(self.release.fields.collection(listing.criteria.collection), listing.order)

    def _release_of(self, order: str) -> str:
        """Return the name of this release for cursors. Places in an order depend on the content alone, except that the
        order by time of change depends on the publication as well.
        """
        return self._publication if order == "updated_at" else self._content

    def facets(self, criteria: Listed) -> dict[str, list[Bucket]] | None:
        """Count the facets that the criteria ask for, or return None if they ask for none."""
        return self._facets.count(criteria) if criteria.facets else None

    def search(self, criteria: SearchCriteria) -> Hits:
        """Read one page of hits across collections. Raises InvalidCursor or TooDeep."""
        offset = _offset(criteria.cursor, criteria.fingerprint)
        found = self.text.best(criteria, offset=offset, limit=criteria.limit)
        following, before = _beside(criteria, criteria.fingerprint, offset, found.total)
        return Hits(
            hits=read_hits(self.release, criteria, found),
            total=found.total,
            next=following,
            prev=before,
            collections=self.text.by_collection(criteria),
            facets=self.facets(criteria),
            did_you_mean=None if found.total else did_you_mean(self.text, criteria),
        )

    def meant(self, page: Page, criteria: Criteria) -> Page:
        """Return a page of a list, with the query that was perhaps meant where that of the list finds nothing."""
        if page.total or criteria.q is None:
            return page
        return page._replace(did_you_mean=did_you_mean(self.text, criteria))

    def suggest(self, criteria: SuggestCriteria) -> list[Suggestion]:
        """Return completions for a search box."""
        return suggest(self.release, criteria)

    def titles(self, record_ids: Sequence[str], wishes: Wishes) -> dict[str, str]:
        """Return what some public records are called, in the languages wished for where they are translated."""
        if not record_ids:
            return {}
        marks = ",".join("?" * len(record_ids))
        rows = self.release.rows(f"SELECT id, text FROM label WHERE id IN ({marks})", tuple(record_ids))  # noqa: S608
        return dict(rows) | {name: text for name, (text, _) in self.called(record_ids, wishes).items()}

    def called(self, record_ids: Collection[str], wishes: Wishes) -> dict[str, tuple[str, str]]:
        """Return what public records are called in the languages wished for, and in which language that is: of those of
        these that are called otherwise there than in the archive.
        """
        if not wishes or not self._has_translated_labels:
            return {}
        asked = [*record_ids]
        names: dict[str, dict[str, str]] = {}
        originals: dict[str, str] = {}
        for start in range(0, len(asked), LOOKED_UP):
            some = asked[start : start + LOOKED_UP]
            marks = ",".join("?" * len(some))
            statement = f"SELECT id, language, text, original FROM translated_label WHERE id IN ({marks})"  # noqa: S608
            for name, language, text, original in self.release.rows(statement, tuple(some)):
                names.setdefault(name, {})[language] = text
                originals[name] = original
        # If the original and a translation have the same tag, the original is shown.
        chosen = ((name, look_up(wishes, [*texts, originals[name]])) for name, texts in names.items())
        return {
            name: (names[name][language], language)
            for name, language in chosen
            if language is not None and language != originals[name]
        }

    def _best(self, criteria: Criteria, cursor: str | None) -> Page:
        """Read a page in order of relevance. Its cursors hold an offset, which may mean another record in a new release."""
        mark = criteria.fingerprint
        offset = _offset(cursor, mark)
        found = self.text.best(criteria, offset=offset, limit=criteria.limit)
        following, before = _beside(criteria, mark, offset, found.total)
        return Page(self.release, [ordinal for ordinal, _ in found.hits], found.total, following, before)

    def _found_in_order(self, listing: Listing, text: str | None) -> Page:
        """Read a page of a full-text query in another order than relevance.

        The page starts at the record that follows the cursor in the order of the whole collection, whether or not the
        query matches that record.
        """
        criteria, order, down = listing.criteria, listing.order, listing.descending
        mark = criteria.fingerprint
        cursor = None if text is None else decode_cursor(text, mark)
        backward = cursor is not None and cursor.backward
        start = None
        if cursor is not None:
            start = self._neighbour(listing, cursor, downward=down != backward)
            if start is None:
                total = self.text.ordered(criteria, self._column(listing), descending=down, start=None, limit=1).total
                return Page(self.release, [], total, None, None)
        field, wanted = self._column(listing), criteria.limit + 1
        found = self.text.ordered(criteria, field, descending=down != backward, start=start, limit=wanted)
        ordinals = [ordinal for ordinal, _ in found.hits]
        more = len(ordinals) > criteria.limit
        ordinals = ordinals[: criteria.limit]
        if not ordinals:
            return Page(self.release, [], found.total, None, None)
        behind = False
        if cursor is not None:
            # Ask for two, since the first record itself is found again.
            around = self.text.ordered(criteria, field, descending=down == backward, start=ordinals[0], limit=2)
            behind = len(around.hits) > 1
        if backward:
            ordinals.reverse()
        has_previous, has_next = (more, behind) if backward else (behind, more)
        first = self.sets.collections[criteria.collection].first
        place_of = self.sets.order(criteria.collection, order).places
        low, high = ordinals[0], ordinals[-1]
        following = self._cursor(listing, high, place_of[high - first], mark, backward=False) if has_next else None
        before = self._cursor(listing, low, place_of[low - first], mark, backward=True) if has_previous else None
        return Page(self.release, ordinals, found.total, following, before)

    def _neighbour(self, listing: Listing, cursor: Cursor, *, downward: bool) -> int | None:
        """Return the ordinal of the record after a cursor (before it where `downward`) in the order of the collection, or None."""
        before, through = self._beside(listing, cursor)
        collection = listing.criteria.collection
        members = self.sets.order(collection, listing.order).members
        place = before - 1 if downward else through
        return self.sets.collections[collection].first + members[place] if 0 <= place < len(members) else None


def _number_below(places: BitMap | range, place: int) -> int:
    """Return how many of the places are less than `place`."""
    if isinstance(places, range):
        return min(max(place - places.start, 0), len(places))
    return places.rank(place - 1) if place > 0 else 0


def _offset(text: str | None, mark: str) -> int:
    """Read an offset from a cursor of an order of relevance: how many hits come before the page. Raises InvalidCursor."""
    if text is None:
        return 0
    cursor = decode_cursor(text, mark)
    if not cursor.key.isascii() or not cursor.key.isdecimal() or len(cursor.key) > OFFSET_DIGITS:
        raise not_ours()
    return int(cursor.key)


def _beside(criteria: Listed, mark: str, offset: int, total: int) -> tuple[str | None, str | None]:
    """Return the cursors of the next and the previous page in order of relevance."""
    after, before = offset + criteria.limit, max(0, offset - criteria.limit)
    following = Cursor(False, str(after), "").encode(mark) if after < total else None
    return following, (Cursor(True, str(before), "").encode(mark) if offset > 0 else None)
