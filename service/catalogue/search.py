"""Asks the full-text index: turns a query and filters into a query of the engine (tantivy) and reads what it finds.

Query objects are built here, so that a reader's text never reaches the engine's own query parser. Filters mean the same
as in `queries.py`, which answers lists without a query from the database; tests compare the two.
"""

from array import array
from dataclasses import dataclass
from operator import attrgetter
from threading import Lock
from typing import Any

import orjson
import tantivy
from cachetools import LRUCache, cachedmethod
from pyroaring import BitMap
from tantivy import FieldType, Occur, Query

from service.archive.identifiers import PLURALS
from service.archive.words import plain, prepare, stemmer_of, stems
from service.catalogue.claims import Claimed, claimed_days, claimed_points
from service.catalogue.criteria import COLLECTIONS, Criteria, Listed, SearchCriteria
from service.catalogue.excerpts import Excerpt, Finder, excerpts
from service.catalogue.parameters import invalid_parameters
from service.catalogue.queries import (
    Box,
    Days,
    Range,
    Since,
    Span,
    Stated,
    Sure,
    excluded_terms,
    span_conditions,
    stated_column,
    term_filters,
)
from service.catalogue.sets import RecordSets
from service.catalogue.words import SearchTerm, parse_query
from service.errors import ParameterError, TooDeep
from service.release.indexing import (
    NO_VALUE,
    day_number,
    days_outside,
    first_column,
    high_column,
    last_column,
    low_column,
    unsure_filter,
    yearless_filter,
)
from service.release.manifest import INDEX
from service.release.opening import Release
from service.release.text_index import (
    SETS,
    beginning_as,
    fields_with_words,
    moment_number,
    numbers_of_sets,
    open_index,
    schema,
    spelled_as,
)

#: All matches of a query are read in batches of this many, so that neither overhead nor memory is large.
AT_ONCE = 10_000
#: Only this many hits can be paged through in order of relevance.
DEEPEST = 10_000
#: The factor by which a match in a title, label or name adds to the score of a record.
NAME_BOOST = 2.0
#: The `begin*` of a query may stand for at most this many spellings together. Each one is looked up in the index.
MOST_BEGINNINGS = 5000
#: A word with more spellings than this is searched as one set of terms, which is faster but has no scores.
SET_FROM = 50
#: A word of a phrase may have at most this many spellings, because the engine builds a regular expression of limited
#: size from them.
MOST_BESIDE = 300

# Matches the rest of a word in a regular expression.
_REST = ".*"

#: The cache of words holds at most this many spellings, a few megabytes.
SPELLINGS_KEPT = 20_000
#: A query of single words with at most this many matches is answered on the event loop, in about two milliseconds.
QUICK_MATCHES = 100_000

#: By text field, the spellings under which a word occurs in it. Fields in which it does not occur are left out.
Spellings = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a query as the index has it: its spellings by field, those that occur in titles, labels and names, and
    the number of matches of all spellings in texts.
    """

    spellings: Spellings
    in_names: list[str]
    matches: int

    @property
    def number(self) -> int:
        """The number of spellings."""
        return sum(map(len, self.spellings.values()))


@dataclass(frozen=True, slots=True)
class Found:
    """Matching records in order, as pairs of ordinal and score, and how many match in all. Without relevance, scores are 0."""

    hits: list[tuple[int, float]]
    total: int


#: A request to count values, in the form that the engine takes.
Aggregation = dict[str, dict[str, str | int]]


@dataclass(frozen=True, slots=True)
class Counted:
    """How many records have each value of a column, most frequent first. The engine may leave out rare values."""

    counts: dict[str | float, int]
    #: True if no value was left out.
    is_whole: bool
    #: True if every count is exact.
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Hit:
    """One record found by a search across collections."""

    collection: str
    public: dict[str, Any]
    score: float
    excerpts: list[Excerpt]


class TextIndex:
    """The full-text index of one release. Threads may share it."""

    def __init__(self, release: Release, sets: RecordSets) -> None:
        self._release = release
        self._sets = sets
        self.schema = schema(release.fields)
        #: The engine's reader; None where its files were damaged when the release was opened.
        self._searcher: tantivy.Searcher | None = None
        self._sizes: dict[str, int] = {}
        #: The text fields, and the stemmers for each: that of the field's language and that of the archive's language.
        self._fields: dict[str, set[str]] = {}
        #: By filter, the numbers of the sets of values that contain each value.
        self.sets: dict[str, dict[str, list[int]]] = {}
        #: The days without a year that events of this release have.
        self._yearless: dict[str, list[str]] = {}
        if self.is_whole:
            self._searcher = open_index(release.folder)
            self._read(self._searcher, stemmer_of(release.head["language"]))
        self._stemmers = sorted(set[str]().union(*self._fields.values()))
        for stemmer in self._stemmers:
            prepare(stemmer)
        # The same words come again, in other queries and on the next page.
        self._words: LRUCache[object, Word] = LRUCache(SPELLINGS_KEPT, getsizeof=lambda word: 1 + word.number)
        self._lock = Lock()

    def _read(self, searcher: tantivy.Searcher, everywhere: str | None) -> None:
        """Read what every question needs; `everywhere` is the stemmer of the archive's language."""
        self._sizes = {each: searcher.doc_freq("collection", each) for each in COLLECTIONS}
        self._fields = {
            field: {each for each in (stemmer, everywhere) if each is not None}
            for field, stemmer in fields_with_words(searcher)
        }
        self.sets = {name: numbers_of_sets(searcher, name) for name in SETS}
        self._yearless = {
            name: [day for day, _ in searcher.terms_with_prefix(f"is_{yearless_filter(name)}", "")]
            for name in self._release.fields.date_filters
        }

    @property
    def is_whole(self) -> bool:
        """Whether no file of it was found to be damaged."""
        return not self._release.is_damaged(INDEX)

    @property
    def searcher(self) -> tantivy.Searcher:
        """The engine's reader. Raises ReleaseDamaged where its files were changed."""
        self._release.require(INDEX)
        assert self._searcher is not None
        return self._searcher

    # --- Queries --------------------------------------------------------------------------------------------------

    def query(self, criteria: Listed, *, ignoring: frozenset[str] = frozenset(), scored: bool = False) -> Query:
        """Return the engine's query for a list. `ignoring` names filters to leave out; without `scored` it is faster.

        Raises InvalidParameters if a `begin*`, or a word of a phrase, stands for too many words; ReleaseDamaged.
        """
        self._release.require(INDEX)
        clauses = [(Occur.Must, _unscored(each)) for each in self._filters(criteria, ignoring)]
        clauses += self._in_collections(criteria, ignoring)
        if criteria.q is not None:
            terms = parse_query(criteria.q)
            if not terms:
                return Query.empty_query()
            begun = self._begun(terms)
            for term in terms:
                occur = Occur.MustNot if term.without else Occur.Must
                clauses.append((occur, self._term(term, begun, scored=scored and not term.without)))
        query = Query.boolean_query(clauses) if clauses else Query.all_query()
        return query if scored else _unscored(query)

    def _filters(self, criteria: Listed, ignoring: frozenset[str]) -> list[Query]:
        filters = []
        for name, values in term_filters(criteria).items():
            if name not in ignoring:
                filters.append(self._having(name, values))
        for name, values in excluded_terms(criteria).items():
            if name not in ignoring:
                filters.append(_but(self._having(name, values)))
        if criteria.updated_since is not None:
            filters.append(self._at_least("updated", moment_number(criteria.updated_since)))
        if isinstance(criteria, Criteria):
            for span in span_conditions(criteria):
                filters += self._span(criteria.collection, span, ignoring)
        return filters

    def _having(self, name: str, values: list[str]) -> Query:
        """Return a query for records with one of these values of a filter."""
        if name == "id":
            ordinals = [*self._sets.ordinals(values).values()]
            either = [Query.term_query(self.schema, "ordinal", each, index_option="basic") for each in ordinals]
            return Query.boolean_query([(Occur.Should, each) for each in either])
        known = [value for value in values if value != NO_VALUE]
        if len(known) == len(values):
            return self._equal(f"is_{name}", values)
        none = _but(Query.exists_query(f"set_{name}" if name in SETS else f"is_{name}"))
        return Query.boolean_query(
            [(Occur.Should, each) for each in (none, *([self._equal(f"is_{name}", known)] if known else []))]
        )

    def _span(self, collection: str, span: Span, ignoring: frozenset[str]) -> list[Query]:
        match span:
            case Days():
                return self._days(collection, span, ignoring)
            case Box():
                return self._with_claims(
                    collection, span, self._box(span), claimed_points(self._release, collection, span)
                )
            case Range():
                first, last = high_column(span.figure), low_column(span.figure)
                if span.match == "certain":
                    first, last = last, first
                least = [] if span.low is None else [self._range(first, span.low, None)]
                most = [] if span.high is None else [self._range(last, None, span.high)]
                return least + most
            case Since():
                return []  # every list has it, that of the search included: see `_filters`
            case Stated():
                stating = Query.exists_query(stated_column(span))
                return [stating if span.is_stated else _but(stating)]
            case Sure():
                return [] if span.name in ignoring else [self._sure(span)]

    def _in_collections(self, criteria: Listed, ignoring: frozenset[str]) -> list[tuple[Occur, Query]]:
        """Return the clauses that restrict a query to its collections.

        If these hold most of the records, the other collections are excluded instead, because the engine skips excluded
        records quickly.
        """
        among = list(criteria.among or COLLECTIONS) if isinstance(criteria, SearchCriteria) else [criteria.collection]
        if isinstance(criteria, SearchCriteria) and (not criteria.among or "collection" in ignoring):
            return []
        others = [each for each in COLLECTIONS if each not in among]
        if criteria.q is None or sum(map(self._sizes.__getitem__, among)) < sum(map(self._sizes.__getitem__, others)):
            return [(Occur.Must, _unscored(self._equal("collection", among)))]
        # These terms are not wrapped in a constant score as other filters are: the engine is faster with bare terms here.
        left_out = [Query.term_query(self.schema, "collection", each, index_option="basic") for each in others]
        return [(Occur.MustNot, Query.boolean_query([(Occur.Should, each) for each in left_out]))]

    def _sure(self, span: Sure) -> Query:
        either = []
        for value in span.values:
            unsure = (Occur.MustNot, self._equal(f"is_{unsure_filter(span.name)}", [value]))
            either.append(Query.boolean_query([(Occur.Must, self._equal(f"is_{span.name}", [value])), unsure]))
        return Query.boolean_query([(Occur.Should, each) for each in either])

    def _days(self, collection: str, days: Days, ignoring: frozenset[str]) -> list[Query]:
        """Return the clauses for the days that a date may lie between, what is claimed of it included."""
        days = Days(
            days.date,
            None if f"{days.date}_from" in ignoring else days.start,
            None if f"{days.date}_to" in ignoring else days.end,
            days.match,
        )
        own = self._own_days(days)
        return self._with_claims(collection, days, own, claimed_days(self._release, collection, days)) if own else []

    def _with_claims(self, collection: str, span: Days | Box, own: list[Query], claimed: Claimed) -> list[Query]:
        """Return the clauses for what records say themselves together with what is claimed of them."""
        if not (claimed.may or claimed.may_not):
            return own
        everything = Query.boolean_query([(Occur.Must, each) for each in own])
        if span.match == "possible":
            either = (everything, self._members(collection, claimed.may))
            return [Query.boolean_query([(Occur.Should, each) for each in either])]
        unsure = (Occur.MustNot, self._members(collection, claimed.may_not))
        return [Query.boolean_query([(Occur.Must, everything), unsure])]

    def _members(self, collection: str, members: BitMap) -> Query:
        [(first,)] = self._release.rows("SELECT first FROM collection WHERE name = ?", (collection,))
        return Query.term_set_query(self.schema, "ordinal", [first + member for member in members])

    def _own_days(self, days: Days) -> list[Query]:
        start = None if days.start is None else day_number(days.start)
        end = None if days.end is None else day_number(days.end)
        first, last = first_column(days.date), last_column(days.date)
        if days.match == "possible":
            first, last = last, first
        filters = []
        if start is not None:
            filters.append(self._at_least(first, start))
        if end is not None:
            filters.append(Query.range_query(self.schema, last, FieldType.Unsigned, None, end))
        outside = days_outside(
            self._yearless[days.date],
            None if start is None else days.start,
            None if end is None else days.end,
        )
        if outside:
            filters.append(_but(self._equal(f"is_{yearless_filter(days.date)}", outside)))
        return filters

    def _box(self, box: Box) -> list[Query]:
        latitude = self._range("latitude", box.south, box.north)
        if box.west <= box.east:
            return [latitude, self._range("longitude", box.west, box.east)]
        across = [self._range("longitude", box.west, None), self._range("longitude", None, box.east)]
        return [latitude, Query.boolean_query([(Occur.Should, side) for side in across])]

    def _equal(self, field: str, values: list[str]) -> Query:
        if len(values) == 1:
            return Query.term_query(self.schema, field, values[0], index_option="basic")
        return Query.term_set_query(self.schema, field, values)

    def _at_least(self, field: str, least: int) -> Query:
        return Query.range_query(self.schema, field, FieldType.Unsigned, least, None)

    def _range(self, field: str, low: float | None, high: float | None) -> Query:
        return Query.range_query(self.schema, field, FieldType.Float, low, high)

    def _begun(self, terms: tuple[SearchTerm, ...]) -> dict[str, list[str]]:
        """Return the spellings that each `begin*` of a query stands for. Raises InvalidParameters."""
        begun = {
            beginning: sorted(beginning_as(self.searcher, beginning, limit=MOST_BEGINNINGS + 1))
            for beginning in (term.words[-1] for term in terms if term.prefix)
        }
        if sum(map(len, begun.values())) > MOST_BEGINNINGS:
            message = f"more than {MOST_BEGINNINGS:,} words begin with {' or '.join(begun)}; write more of the word"
            raise invalid_parameters([ParameterError("q", message)])
        return begun

    def _term(self, term: SearchTerm, begun: dict[str, list[str]], *, scored: bool) -> Query:
        """Return a query for one term. It matches texts in any language. Its score is that of the best matching text, and
        more where names match too. Raises InvalidParameters.
        """
        words = [self._word(typed, word) for typed, word in zip(term.typed, term.words, strict=True)]
        asked = [word.spellings for word in words]
        if term.prefix:
            found = begun[term.words[-1]]
            if len(term.words) > 1:
                found = _patterns(term.words[-1], found)
            asked[-1] = dict.fromkeys(self._fields, found) if found else {}
        if len(asked) > 1:
            _refuse_too_many(term, asked)
        either = [
            query
            for field in self._fields
            if all(field in spellings for spellings in asked)
            for query in self._side_by_side(field, [spellings[field] for spellings in asked])
        ]
        if not scored or not either:
            return Query.boolean_query([(Occur.Should, each) for each in either])
        best = Query.disjunction_max_query(either)
        if term.prefix or not all(word.in_names for word in words):
            return best
        # Names are matched in any language, since they only add to the score.
        named = self._side_by_side("names", [word.in_names for word in words])
        named_best = Query.boost_query(Query.disjunction_max_query(named), NAME_BOOST)
        return Query.boolean_query([(Occur.Must, best), (Occur.Should, named_best)])

    @cachedmethod(attrgetter("_words"), lock=attrgetter("_lock"))
    def _word(self, typed: str, word: str) -> Word:
        """Look up the spellings of a word in the index: in any case, with any accents, in any inflection."""
        searcher = self.searcher
        alike = spelled_as(searcher, word)
        inflected = {
            stemmer: [found for each in stems(typed, stemmer) for found in spelled_as(searcher, each, stemmer=stemmer)]
            for stemmer in self._stemmers
        }
        spellings, matches = {}, 0
        for field, stemmers in self._fields.items():
            words = set(alike).union(*(inflected[stemmer] for stemmer in stemmers))
            numbers = {each: number for each in sorted(words) if (number := searcher.doc_freq(field, each))}
            if numbers:
                spellings[field] = list(numbers)
                matches += sum(numbers.values())
        in_names = [each for each in sorted(set[str]().union(*spellings.values())) if searcher.doc_freq("names", each)]
        return Word(spellings, in_names, matches)

    def has_word(self, typed: str, word: str) -> bool:
        """Tell whether any record has a word, in any spelling or inflection."""
        return bool(self._word(typed, word).spellings)

    def frequency(self, spelling: str) -> int:
        """Return how often texts have a word as it is spelled."""
        return sum(self.searcher.doc_freq(field, spelling) for field in self._fields)

    def _side_by_side(self, field: str, asked: list[list[str]]) -> list[Query]:
        """Return queries for words that follow each other, each in any of its spellings. A record matches if any query does."""
        if len(asked) == 1:
            [words] = asked
            if len(words) > SET_FROM:
                return [Query.term_set_query(self.schema, field, words)]
            return [Query.term_query(self.schema, field, word, index_option="freq") for word in words]
        if all(len(words) == 1 and not words[0].endswith(_REST) for words in asked):
            return [Query.phrase_query(self.schema, field, [word for [word] in asked])]
        # Words hold only letters and digits, so nothing in them is special in a regular expression. Spellings beyond the
        # limit are cut only in queries that add to scores: `_refuse_too_many` has refused the others.
        return [Query.regex_phrase_query(self.schema, field, [f"({'|'.join(words[:MOST_BESIDE])})" for words in asked])]

    # --- Answers --------------------------------------------------------------------------------------------------

    def is_quick(self, criteria: Listed) -> bool:
        """Tell whether a query is so quick that it may be answered on the event loop."""
        assert criteria.q is not None
        terms = parse_query(criteria.q)
        if any(term.prefix or len(term.words) > 1 for term in terms):
            return False
        words = [self._word(term.typed[0], term.words[0]) for term in terms]
        return sum(word.matches for word in words) <= QUICK_MATCHES and sum(word.number for word in words) <= SET_FROM

    def best(self, criteria: Listed, *, offset: int, limit: int) -> Found:
        """Return matches in order of relevance, ties by identifier. Raises TooDeep."""
        if offset >= DEEPEST:
            raise TooDeep(
                f"Only the {DEEPEST:,} best matches can be paged through by relevance. Narrow the search with more words "
                "or filters, or ask a collection with sort=id."
            )
        result = self.searcher.search(self.query(criteria, scored=True), limit, offset=offset)
        addresses = [address for _, address in result.hits]
        ordinals = self.searcher.fast_field_values("ordinal", addresses)
        hits = [(int(o or 0), float(score)) for o, (score, _) in zip(ordinals, result.hits, strict=True)]
        return Found(hits, count_of(result))

    def ordered(self, criteria: Listed, field: str, *, descending: bool, start: int | None, limit: int) -> Found:
        """Return matches in the order of a sort field, from the record with this ordinal on (itself included)."""
        query = self.query(criteria)
        total = count_of(self.searcher.search(query, 1))
        if start is not None:
            itself = Query.term_query(self.schema, "ordinal", start, index_option="basic")
            [(value, _)] = self.searcher.search(itself, 1, order_by_field=field).hits
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
        """Count the matches of a search in every collection, without regard to its `collection` filter."""
        query = self.query(criteria, ignoring=frozenset({"collection"}))
        wanted: Aggregation = {"terms": {"field": "collection", "size": len(COLLECTIONS)}}
        counts = self.aggregate(query, {"of": wanted})["of"].counts
        return {collection: counts.get(collection, 0) for collection in COLLECTIONS}

    def count(self, query: Query) -> int:
        """Return how many records a query finds."""
        return count_of(self.searcher.search(_unscored(query), 1))

    def aggregate(self, query: Query, wanted: dict[str, Aggregation]) -> dict[str, Counted]:
        """Count the values of several columns in one pass over the records that a query finds."""
        found = self.searcher.aggregate(query, wanted)
        return {
            name: Counted(
                {bucket["key"]: bucket["doc_count"] for bucket in each["buckets"]},
                is_whole=not each.get("sum_other_doc_count"),
                is_exact=not each.get("doc_count_error_upper_bound"),
            )
            for name, each in found.items()
        }

    def count_values(self, query: Query, field: str) -> dict[str, int]:
        """Return how many records of a query have each value of a field. Counts every value, however many there are."""
        return dict(self.searcher.terms_with_prefix(field, "", filter_query=query))


def _patterns(beginning: str, words: list[str]) -> list[str]:
    """Return regular expressions that match all words with this beginning. They are few, because spellings of one
    beginning differ only in accents and the like.
    """
    begun = {
        next(word[:end] for end in range(1, len(word) + 1) if plain(word[:end]).startswith(beginning)) for word in words
    }
    return [each + _REST for each in sorted(begun)]


def _refuse_too_many(term: SearchTerm, asked: list[Spellings]) -> None:
    """Raise InvalidParameters if a word of a phrase has too many spellings."""
    for word, spellings in zip(term.words, asked, strict=True):
        if max(map(len, spellings.values()), default=0) > MOST_BESIDE:
            message = (
                f"{word} is written in more than {MOST_BESIDE} ways, too many beside another word; "
                "write it apart, without quotes"
            )
            raise invalid_parameters([ParameterError("q", message)])


def count_of(result: tantivy.SearchResult) -> int:
    """Return how many records match. The engine's type hints leave this out."""
    return int(result.count)  # type: ignore[attr-defined]


def _but(query: Query) -> Query:
    """Return a query for everything that another does not find."""
    return Query.boolean_query([(Occur.Must, Query.all_query()), (Occur.MustNot, query)])


def _unscored(query: Query) -> Query:
    return Query.const_score_query(query, 0.0)


def read_hits(release: Release, criteria: SearchCriteria, found: Found) -> list[Hit]:
    """Return the records of a page of hits, with excerpts. Reads whole records from the canonical archive, with texts."""
    finder = Finder(parse_query(criteria.q), release.head["language"])
    hits = []
    for ordinal, score in found.hits:
        [(offset, length)] = release.rows('SELECT "offset", length FROM line WHERE ordinal = ?', (ordinal,))
        public = orjson.loads(release.canonical_part(offset, length))
        found_in = excerpts(public, release.head["language"], finder, release.fields[public["record"]])
        hits.append(Hit(PLURALS[public["record"]], public, score, found_in))
    return hits
