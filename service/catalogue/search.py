"""Questions put to the full-text index: a query and filters to an engine query, ranked pages, hits and their excerpts.

Builds the engine's query objects itself; user text never meets the engine's parser. Filters mean here what they mean in
`queries.py`, where plain lists are answered from the database; tests hold the two together.
"""

from array import array
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
import tantivy
from tantivy import FieldType, Occur, Query

from service.archive.model import PLURALS
from service.catalogue.criteria import CRITERIA, EventCriteria, Listed, SearchCriteria, StatisticCriteria
from service.catalogue.excerpts import Excerpt, Finder, excerpts
from service.catalogue.queries import term_filters
from service.catalogue.words import SearchTerm, parse_query
from service.errors import TooDeep
from service.release.store import Release
from service.release.text_index import FOLDER, STEMMERS, TERM_FILTERS, moment_number, open_index, schema, stems

#: Matches that are asked for at a time where all are: enough that asking costs little, few enough for memory.
AT_ONCE = 10_000
#: Hits that can be paged through in order of relevance.
DEEPEST = 10_000
#: How much more a word counts in a title, label or name than in a text.
NAME_BOOST = 2.0


@dataclass(frozen=True, slots=True)
class Found:
    """Records that match, in order: ordinal and score (0 where the order is not by relevance), and how many do in all."""

    hits: list[tuple[int, float]]
    total: int


@dataclass(frozen=True, slots=True)
class Hit:
    """One record found by a search across collections."""

    collection: str
    public: dict[str, Any]
    score: float
    excerpts: list[Excerpt]


class TextIndex:
    """The full-text index of one release. Threads may share it."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._searcher = open_index(release.folder)
        self.schema = schema()
        #: Stemmers of the languages that the release has texts in.
        self.stemmers = tuple(name for name in STEMMERS if self.searcher.terms_with_prefix(f"in_{name}", "", limit=1))

    @property
    def searcher(self) -> tantivy.Searcher:
        """The engine's reader. Raises ReleaseDamaged where its files were changed."""
        self._release.require(FOLDER)
        return self._searcher

    # --- Queries --------------------------------------------------------------------------------------------------

    def query(self, criteria: Listed, *, ignoring: frozenset[str] = frozenset()) -> Query:
        """Return the engine's query for a list; `ignoring` names filters to leave out."""
        clauses = [(Occur.Must, _unscored(each)) for each in self._filters(criteria, ignoring)]
        if criteria.q is not None:
            terms = parse_query(criteria.q)
            if not terms:
                return Query.empty_query()
            clauses += ((Occur.MustNot if term.without else Occur.Must, self._term(term)) for term in terms)
        return Query.boolean_query(clauses) if clauses else Query.all_query()

    def _filters(self, criteria: Listed, ignoring: frozenset[str]) -> list[Query]:
        filters = []
        if isinstance(criteria, SearchCriteria):
            if criteria.among and "collection" not in ignoring:
                filters.append(self._any("collection", list(criteria.among)))
        else:
            filters.append(self._any("collection", [criteria.collection]))
        for name, values in term_filters(criteria).items():
            if name in TERM_FILTERS and name not in ignoring:
                filters.append(self._any(f"is_{name}", values))
        if criteria.updated_since is not None:
            filters.append(self._at_least("updated", moment_number(criteria.updated_since)))
        if isinstance(criteria, EventCriteria):
            filters += self._days(criteria, ignoring)
            if criteria.bbox is not None:
                filters += self._box(*criteria.bbox)
        if isinstance(criteria, StatisticCriteria):
            if criteria.value_min is not None:
                filters.append(self._range("high", criteria.value_min, None))
            if criteria.value_max is not None:
                filters.append(self._range("low", None, criteria.value_max))
        return filters

    def _days(self, criteria: EventCriteria, ignoring: frozenset[str]) -> list[Query]:
        start = None if criteria.date_from is None or "date_from" in ignoring else _number(criteria.date_from)
        end = None if criteria.date_to is None or "date_to" in ignoring else _number(criteria.date_to)
        first, last = ("day_to", "day_from") if criteria.date_match == "possible" else ("day_from", "day_to")
        filters = []
        if start is not None:
            filters.append(self._at_least(first, start))
        if end is not None:
            filters.append(Query.range_query(self.schema, last, FieldType.Unsigned, None, end))
        return filters

    def _box(self, west: float, south: float, east: float, north: float) -> list[Query]:
        latitude = self._range("latitude", south, north)
        if west <= east:
            return [latitude, self._range("longitude", west, east)]
        across = [self._range("longitude", west, None), self._range("longitude", None, east)]
        return [latitude, Query.boolean_query([(Occur.Should, side) for side in across])]

    def _any(self, field: str, values: list[str]) -> Query:
        if len(values) == 1:
            return Query.term_query(self.schema, field, values[0], index_option="basic")
        return Query.term_set_query(self.schema, field, values)

    def _at_least(self, field: str, least: int) -> Query:
        return Query.range_query(self.schema, field, FieldType.Unsigned, least, None)

    def _range(self, field: str, low: float | None, high: float | None) -> Query:
        return Query.range_query(self.schema, field, FieldType.Float, low, high)

    def _term(self, term: SearchTerm) -> Query:
        """Return a query for one term: found if any field has it, scored by the field that has it best."""
        if term.prefix:
            return self._prefix(term)
        either = [
            Query.boost_query(self._side_by_side("names", term.words), NAME_BOOST),
            self._side_by_side("words", term.words),
        ]
        either += (
            self._side_by_side(f"in_{stemmer}", stemmed)
            for stemmer in self.stemmers
            if (stemmed := stems(term.text, stemmer))
        )
        return Query.disjunction_max_query(either)

    def _side_by_side(self, field: str, words: tuple[str, ...]) -> Query:
        if len(words) == 1:
            return Query.term_query(self.schema, field, words[0], index_option="freq")
        return Query.phrase_query(self.schema, field, list(words))

    def _prefix(self, term: SearchTerm) -> Query:
        if len(term.words) > 1:
            return Query.phrase_prefix_query(self.schema, "words", list(term.words))
        # Words are letters and digits only, so that nothing in them means anything to the expression.
        return Query.regex_query(self.schema, "words", f"{term.words[0]}.*")

    # --- Answers --------------------------------------------------------------------------------------------------

    def best(self, criteria: Listed, *, offset: int, limit: int) -> Found:
        """Return matches in order of relevance, ties by identifier. Raises TooDeep."""
        if offset >= DEEPEST:
            raise TooDeep(
                f"Only the {DEEPEST:,} best matches can be paged through by relevance. Narrow the search with more words "
                "or filters, or ask a collection with sort=id."
            )
        result = self.searcher.search(self.query(criteria), limit, offset=offset)
        addresses = [address for _, address in result.hits]
        ordinals = self.searcher.fast_field_values("ordinal", addresses)
        hits = [(int(o or 0), float(score)) for o, (score, _) in zip(ordinals, result.hits, strict=True)]
        return Found(hits, count_of(result))

    def ordered(self, criteria: Listed, field: str, *, descending: bool, start: int | None, limit: int) -> Found:
        """Return matches in the order of a sort field, from the record with this ordinal on (itself included)."""
        query = self.query(criteria)
        total = count_of(self.searcher.search(query, 1))
        if start is not None:
            [(_, address)] = self.searcher.search(
                Query.term_query(self.schema, "ordinal", start, index_option="basic"), 1
            ).hits
            [value] = self.searcher.fast_field_values(field, [address])
            bounds = (None, value) if descending else (value, None)
            beyond = Query.range_query(self.schema, field, FieldType.Unsigned, *bounds)
            query = Query.boolean_query([(Occur.Must, query), (Occur.Must, beyond)])
        order = tantivy.Order.Desc if descending else tantivy.Order.Asc
        result = self.searcher.search(query, limit, order_by_field=field, order=order)
        ordinals = self.searcher.fast_field_values("ordinal", [address for _, address in result.hits])
        return Found([(int(ordinal or 0), 0.0) for ordinal in ordinals], total)

    def all_in_order(self, criteria: Listed, field: str, *, descending: bool) -> "array[int]":
        """Return the ordinal of every match in the order of a sort field, 8 bytes each."""
        ordinals = array("Q")
        start: int | None = None
        while True:
            found = self.ordered(criteria, field, descending=descending, start=start, limit=AT_ONCE + 1)
            ordinals.extend(ordinal for ordinal, _ in found.hits[:AT_ONCE])
            if len(found.hits) <= AT_ONCE:
                return ordinals
            start = found.hits[AT_ONCE][0]

    def by_collection(self, criteria: Listed) -> dict[str, int]:
        """Count what a search finds in every collection, whichever of them it is narrowed to."""
        query = self.query(criteria, ignoring=frozenset({"collection"}))
        aggregation = {"of": {"terms": {"field": "collection", "size": len(CRITERIA)}}}
        found = self.searcher.aggregate(query, aggregation)
        counts = {bucket["key"]: bucket["doc_count"] for bucket in found["of"]["buckets"]}
        return {collection: counts.get(collection, 0) for collection in CRITERIA}


def count_of(result: tantivy.SearchResult) -> int:
    """Return how many records match. The engine's type hints leave this out."""
    return int(result.count)  # type: ignore[attr-defined]


def _unscored(query: Query) -> Query:
    return Query.const_score_query(query, 0.0)


def _number(day: str) -> int:
    return date.fromisoformat(day).toordinal()


def read_hits(release: Release, criteria: SearchCriteria, found: Found) -> list[Hit]:
    """Return the records of a page of hits, with excerpts. Reads them from the canonical archive, texts included."""
    finder = Finder(parse_query(criteria.q))
    hits = []
    for ordinal, score in found.hits:
        [(offset, length)] = release.rows('SELECT "offset", length FROM line WHERE ordinal = ?', (ordinal,))
        public = orjson.loads(release.canonical_part(offset, length))
        found_in = excerpts(public, release.head["language"], finder)
        hits.append(Hit(PLURALS[public["record"]], public, score, found_in))
    return hits
