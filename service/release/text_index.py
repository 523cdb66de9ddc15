"""The full-text index of a release: its fields and its files.

Fed from public records only. Answers are asked of it by `catalogue`; nothing here knows a question or HTTP.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import cache, lru_cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import Final

import tantivy

from service.archive.dates import DateSpan, parse_edtf
from service.archive.fields import ArchiveFields
from service.archive.identifiers import PLURALS
from service.archive.words import BY_DICTIONARY, STEMMERS, analyzer, plain_of, spelled, stemmed, stemmer_of, stems
from service.errors import ReleaseDamaged, ReleaseError
from service.release.indexing import (
    REFERS_TO,
    Entries,
    day_number,
    first_column,
    high_column,
    last_column,
    low_column,
    sort_column,
    unsure_filter,
    yearless_filter,
)
from service.release.manifest import INDEX
from service.release.projection import PublicRecord
from service.release.searched_texts import names_of, searched_parts

#: Memory that the engine may use while it builds, in bytes: beyond, it writes a segment and begins the next.
HEAP = 64_000_000
# Bytes free on a disk that counts as full: less than any segment has.
_FULL = 1 << 20
#: Filters that follow from no field of their own: see `indexing`.
DERIVED_FILTERS: Final = (
    "country",
    REFERS_TO,
    "undated",
    "disputed",
    "current",
    *map(unsure_filter, ("country", "place")),
)

#: The columns of the orders that a record has a place in, with the place.
Places = tuple[tuple[str, int], ...]
#: Ordinals take the lower 32 bits of a sort value, so that no two records have the same.
ORDINAL_BITS = 32


# --- The index ----------------------------------------------------------------------------------------------------------


#: Buckets of timelines: the first an event may lie in, the last, and the only one where it lies in one for sure.
TIMELINE: Final = tuple(f"{unit}_{end}" for unit in ("year", "month") for end in ("from", "to", "within", "in", "more"))
#: The filters whose values come with all that is broader. Counted by sets of values that stand together, which have a
#: number each: several times as fast as counting values.
SETS: Final = ("topic", "place")
#: The first of these numbers; what stands for a set without one; sets of a filter that are numbered: beyond, counting
#: values is as fast; and the longest set that is kept, in bytes: the engine keeps no longer word.
FIRST_SET, UNNUMBERED, MOST_SETS, SET_BYTES = 2, 1, 5000, 60_000
#: Between the values of a set. No value has it in it.
SET_SEPARATOR = " "

#: Between the parts of an entry of the vocabulary.
_PART = "\x1f"
#: Entries of the vocabulary in one document of the index.
_ENTRIES = 1000
#: Characters of texts of which the words are gathered while they are indexed. To read more of them back from the engine takes
#: less than to split it once more; of less, the commit before that takes a fifth of a publication.
_GATHERED = 20_000
#: Characters of a word that is never longer than `WORD_BYTES`, whatever it is folded to.
_SHORT = 12


@cache
def words_field(stemmer: str | None) -> str:
    """Return the field of texts in a language with this stemmer, or with none."""
    return f"words_{stemmer or 'other'}"


WORDS_FIELDS: Final = tuple(words_field(stemmer) for stemmer in (None, *STEMMERS))


def term_filters_of(fields: ArchiveFields) -> tuple[str, ...]:
    """Return every filter that compares for equality, of whatever collection: each is a field of the index, for counting."""
    yearless = map(yearless_filter, fields.date_filters)
    return tuple(sorted({*fields.equal_filters, *DERIVED_FILTERS, *yearless}))


def schema(fields: ArchiveFields) -> tantivy.Schema:
    """Return the fields of the index of an archive. Nothing is stored: documents have a file of their own."""
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("ordinal", indexed=True, fast=True)
    builder.add_text_field("collection", fast=True, tokenizer_name="raw", index_option="basic")
    for name in ("names", *WORDS_FIELDS):
        builder.add_text_field(name, tokenizer_name="spellings")
    builder.add_text_field("vocabulary", tokenizer_name="raw", index_option="basic")
    for name in term_filters_of(fields):
        builder.add_text_field(f"is_{name}", fast=name not in SETS, tokenizer_name="raw", index_option="basic")
    for name in SETS:
        builder.add_unsigned_field(f"set_{name}", fast=True)
    days = [column(name) for name in fields.date_filters for column in (first_column, last_column)]
    for name in ("updated", "by_updated", *days, *TIMELINE, *_place_columns(fields)):
        builder.add_unsigned_field(name, fast=True)
    figures = [column(name) for name in fields.figure_filters for column in (low_column, high_column)]
    for name in ("latitude", "longitude", *figures):
        builder.add_float_field(name, fast=True)
    return builder.build()


def _place_columns(fields: ArchiveFields) -> list[str]:
    """Return the columns that hold the places of records in orders by a field."""
    orders = ((record, order) for record in fields for order in record.orders() if order not in ("id", "updated_at"))
    return sorted({sort_column(record, order) for record, order in orders})


@lru_cache(1000)
def moment_number(moment: str) -> int:
    """Return a moment (UTC, RFC 3339, to the second) as seconds since 1970, none of them negative."""
    try:
        seconds = datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:  # year 0
        return 0
    return max(0, int(seconds))


class IndexWriter:
    """Builds the index of a release. Records come in the order of their ordinals, from one thread, so that the same
    records give the same index but for the random names of its files. Raises ReleaseError where the engine cannot
    write, on a full disk for one.
    """

    def __init__(self, folder: Path, language: str, fields: ArchiveFields) -> None:
        self.folder = folder / INDEX
        self.language = language
        self._fields = fields
        #: The field of the index for each filter that it has a field for.
        self._filters = {name: f"is_{name}" for name in term_filters_of(fields)}
        self.folder.mkdir()
        with _refusing(self.folder):
            self._index = tantivy.Index(schema(fields), path=str(self.folder), reuse=False)
            # Nobody reads meanwhile: a reader that follows every commit would leave its lock behind.
            self._index.config_reader("manual")
            self._index.register_tokenizer("spellings", analyzer())
            self._writer = self._index.writer(HEAP, 1)
        self._sets: dict[str, dict[str, int]] = {name: {} for name in SETS}
        self._gathered = _Gathered()

    def add(self, public: PublicRecord, ordinal: int, entries: Entries, *, places: Places, updated_at: str) -> None:
        """Index one record. `places` are those that it takes in the orders of its collection."""
        document = tantivy.Document()
        document.add_unsigned("ordinal", ordinal)
        document.add_text("collection", PLURALS[public["record"]])
        record = self._fields[public["record"]]
        for name in names_of(public, record):
            document.add_text("names", spelled(name))
        for part in searched_parts(public, self.language, record):
            field, text = words_field(stemmer_of(part.language)), spelled(part.text)
            document.add_text(field, text)
            self._gathered.add(field, text)
        self._add_terms(document, entries)
        _add_spans(document, entries)
        if public["record"] == "event":
            claimed = [claim["value"] for claim in public.get("claims", ()) if claim["field"] == "date"]
            _add_timeline(document, public["date"], claimed)
        _add_orders(document, ordinal, places, updated=moment_number(updated_at))
        with _refusing(self.folder):
            self._writer.add_document(document)

    def _add_terms(self, document: tantivy.Document, entries: Entries) -> None:
        sets: dict[str, list[str]] = {}
        add_text, filters = document.add_text, self._filters
        for name, value in sorted(entries.terms):
            if name in filters:
                add_text(filters[name], value)
            if name in SETS:
                sets.setdefault(name, []).append(value)
        for name, values in sets.items():
            document.add_unsigned(f"set_{name}", self._number(name, SET_SEPARATOR.join(values)))

    def _number(self, name: str, joined: str) -> int:
        """Return the number of a set of values."""
        known = self._sets[name]
        number = known.get(joined, UNNUMBERED)
        if number == UNNUMBERED and len(known) < MOST_SETS and len(joined.encode()) <= SET_BYTES:
            number = known[joined] = FIRST_SET + len(known)
        return number

    def finish(self) -> None:
        """Write everything out, the vocabulary too, merged as far as the engine merges, and leave no lock behind."""
        with _refusing(self.folder):
            if self._gathered.is_whole:
                self._add_vocabulary(self._gathered.words)
            else:
                self._writer.commit()
                self._index.reload()
                self._add_vocabulary(partial(_words_of, self._index.searcher()))
            self._writer.commit()
            self._writer.wait_merging_threads()
        for lock in self.folder.glob(".tantivy-*.lock"):
            lock.unlink()

    def close(self) -> None:
        """Stop writing, finished or not: the engine's own threads have ended when this returns."""
        self.__dict__.pop("_writer", None)

    def _add_vocabulary(self, words_of: Callable[[str], Iterable[str]]) -> None:
        """Add all spellings, by what finds them, and the numbered sets, in documents that have nothing else. `words_of` gives
        the words of a field in their order.
        """
        sets = (
            _PART.join(("set", name, str(number), joined))
            for name, known in self._sets.items()
            for joined, number in known.items()
        )
        entries = chain(sets, _vocabulary(words_of, stemmer_of(self.language)))
        while batch := list(islice(entries, _ENTRIES)):
            document = tantivy.Document()
            for entry in batch:
                document.add_text("vocabulary", entry)
            self._writer.add_document(document)


class _Gathered:
    """The texts of a release by their field, while they are few."""

    def __init__(self) -> None:
        self.is_whole = True
        self._texts: dict[str, list[str]] = {}
        self._room = _GATHERED

    def add(self, field: str, text: str) -> None:
        """Keep a text, or none any more where it is one too many."""
        if self.is_whole:
            self._room -= len(text)
            self._texts.setdefault(field, []).append(text)
            if self._room < 0:
                self.is_whole = False
                self._texts.clear()

    def words(self, field: str) -> list[str]:
        """Return the words of a field, as `_words_of` does once they are indexed."""
        analyze = analyzer().analyze
        return sorted({word for text in self._texts.get(field, ()) for word in analyze(text)})


def _words_of(searcher: tantivy.Searcher, field: str) -> Iterator[str]:
    """Yield the words of a field, in their order."""
    return (word for word, _ in searcher.terms_with_prefix(field, ""))


def _vocabulary(words_of: Callable[[str], Iterable[str]], everywhere: str | None) -> Iterator[str]:
    """Yield the fields that have words, and every spelling under its folded form and under its stems: those of the
    languages it is found in, and of the archive's language, `everywhere`.
    """
    met: set[str] = set()
    for stemmer in (None, *STEMMERS):
        field = words_field(stemmer)
        # Short ones first: these can be analysed together.
        words = sorted(words_of(field), key=len)
        if words:
            yield _PART.join(("field", field))
        for each in sorted({each for each in (stemmer, everywhere) if each is not None}):
            for stem_of_word, word in _stemmed(words, each):
                yield _PART.join((each, stem_of_word, word))
        new = [word for word in words if word not in met]
        for plain_word, word in _analyzed(new, plain_of):
            yield _PART.join(("", plain_word, word))
        met.update(new)


def _stemmed(words: list[str], stemmer: str) -> Iterator[tuple[str, str]]:
    if stemmer in BY_DICTIONARY:
        return ((each, word) for word in words for each in stems(word, stemmer))
    return _analyzed(words, partial(stemmed, stemmer=stemmer))


def _analyzed(words: list[str], analyse: Callable[[str], list[str]]) -> Iterator[tuple[str, str]]:
    """Yield what becomes of each word, and the word: of many together where none of them can be lost."""
    for start in range(0, len(words), _ENTRIES):
        some = words[start : start + _ENTRIES]
        together = analyse(" ".join(some)) if max(map(len, some)) <= _SHORT else []
        if len(together) != len(some):
            together = ["".join(analyse(word)) for word in some]
        yield from zip(together, some, strict=True)


def fields_with_words(searcher: tantivy.Searcher) -> list[tuple[str, str | None]]:
    """Return the fields of texts that a release uses, each with the stemmer of its language."""
    used = {entry for entry, _ in searcher.terms_with_prefix("vocabulary", _PART.join(("field", "")))}
    fields = ((words_field(stemmer), stemmer) for stemmer in (None, *STEMMERS))
    return [(field, stemmer) for field, stemmer in fields if _PART.join(("field", field)) in used]


def numbers_of_sets(searcher: tantivy.Searcher, name: str) -> dict[str, list[int]]:
    """Return the values of a filter, each with the numbers of the sets that it is in."""
    numbers: dict[str, list[int]] = {}
    for entry, _ in searcher.terms_with_prefix("vocabulary", _PART.join(("set", name, ""))):
        _, _, number, joined = entry.split(_PART)
        for value in joined.split(SET_SEPARATOR):
            numbers.setdefault(value, []).append(int(number))
    return numbers


def spelled_as(searcher: tantivy.Searcher, word: str, *, stemmer: str | None = None) -> list[str]:
    """Return the spellings in a release of a folded word or, with a stemmer, of all words with this stem."""
    prefix = _PART.join((stemmer or "", word, ""))
    return [entry[len(prefix) :] for entry, _ in searcher.terms_with_prefix("vocabulary", prefix)]


def beginning_as(searcher: tantivy.Searcher, beginning: str, *, limit: int) -> list[str]:
    """Return up to `limit` spellings in a release of which the folded form begins like this."""
    entries = searcher.terms_with_prefix("vocabulary", _PART.join(("", beginning)), limit=limit)
    return [entry.rpartition(_PART)[2] for entry, _ in entries]


def folded_words(
    searcher: tantivy.Searcher, beginning: str, *, limit: int, whole: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield up to `limit` words of a release whose folded form begins like this, or is this where `whole`: the folded form
    and a spelling of it.
    """
    prefix = _PART.join(("", beginning, "") if whole else ("", beginning))
    for entry, _ in searcher.terms_with_prefix("vocabulary", prefix, limit=limit):
        _, folded, spelling = entry.split(_PART)
        yield folded, spelling


def _add_orders(document: tantivy.Document, ordinal: int, places: Places, *, updated: int) -> None:
    document.add_unsigned("updated", updated)
    document.add_unsigned("by_updated", (updated << ORDINAL_BITS) + ordinal)
    for column, place in places:
        document.add_unsigned(column, place)


@contextmanager
def _refusing(folder: Path) -> Iterator[None]:
    """Raise ReleaseError where the engine fails to write into `folder`."""
    try:
        yield
    except (OSError, ValueError) as error:
        # The engine names files that are gone again; or it only says that a thread of its own has ended.
        full = "No space left" in str(error) or shutil.disk_usage(folder).free < _FULL
        reason = "No space left on device" if full else error
        raise ReleaseError(f"the release could not be written: {reason}; nothing was changed") from error


def _add_spans(document: tantivy.Document, entries: Entries) -> None:
    for name, (first, last) in entries.days.items():
        document.add_unsigned(first_column(name), day_number(first))
        document.add_unsigned(last_column(name), day_number(last))
    if entries.point is not None:
        document.add_float("latitude", float(entries.point[0]))
        document.add_float("longitude", float(entries.point[1]))
    for name, (low, high) in entries.ranges.items():
        document.add_float(low_column(name), float(low))
        document.add_float(high_column(name), float(high))


def _add_timeline(document: tantivy.Document, own: str | None, claimed: Iterable[str]) -> None:
    """Add the years and months in which an event may lie, by its own date or by one that is claimed, as stretches that have
    none in common: where each begins (`from`) and ends (`to`), and what else is stated `within` one. `more` is how many there are beside the first where its own date
    has a year. `in` is the one in which it lies by all of these dates for sure.
    """
    spans = [parse_edtf(each) for each in ([] if own is None else [own]) + [*claimed]]
    with_year = [span for span in spans if span.month_day is None]
    is_known = own is not None and bool(spans) and spans[0].month_day is None
    for unit in ("year", "month"):
        stated = [_buckets_of(span, unit) for span in with_year]
        stretches = _stretches(stated)
        bounds = {bucket for stretch in stretches for bucket in stretch}
        for within in sorted({each for span in stated for each in span if each is not None} - bounds):
            document.add_unsigned(f"{unit}_within", within)
        for first, last in stretches:
            for end, bucket in (("from", first), ("to", last)):
                if bucket is not None:
                    document.add_unsigned(f"{unit}_{end}", bucket)
        if (more := len(stretches) - is_known) > 0:
            document.add_unsigned(f"{unit}_more", more)
        if is_known and len(with_year) == len(spans) and len(stretches) == 1:
            [(first, last)] = stretches
            if first is not None and first == last:
                document.add_unsigned(f"{unit}_in", first)


#: The first and the last year or month of a stretch; None where it is open.
_Stretch = tuple[int | None, int | None]


def _buckets_of(span: DateSpan, unit: str) -> _Stretch:
    first, last = (None if day is None else bucket_of(day, unit) for day in (span.earliest, span.latest))
    return first, last


def _stretches(some: list[_Stretch]) -> list[_Stretch]:
    """Return stretches that cover the same years or months, those that have some in common as one."""
    joined: list[_Stretch] = []
    for first, last in sorted(some, key=lambda each: -1 if each[0] is None else each[0]):
        if joined and (joined[-1][1] is None or first is None or first <= joined[-1][1]):
            before, until = joined[-1]
            joined[-1] = before, None if until is None or last is None else max(until, last)
        else:
            joined.append((first, last))
    return joined


def bucket_of(day: date, unit: str) -> int:
    """Return the number of the year or month of a day."""
    return day.year if unit == "year" else day.year * 12 + day.month - 1


def bucket_name(bucket: int, unit: str) -> str:
    """Return a year as YYYY, a month as YYYY-MM."""
    return f"{bucket:04}" if unit == "year" else f"{bucket // 12:04}-{bucket % 12 + 1:02}"


def open_index(folder: Path) -> tantivy.Searcher:
    """Open the index of a release. Raises ReleaseDamaged.

    The engine locks the folder it reads from, and a release is not written to: it is given a folder of links instead,
    which can go as soon as every file is open.
    """
    source = (folder / INDEX).absolute()
    links = Path(tempfile.mkdtemp(prefix="testimony-archive-index-"))
    try:
        for path in source.iterdir():
            (links / path.name).symlink_to(path)
        index = tantivy.Index.open(str(links))
        index.config_reader("manual")
        return index.searcher()
    except (OSError, ValueError) as error:
        raise ReleaseDamaged(f"{folder.name}: its full-text index cannot be opened; publish the archive again") from (
            error
        )
    finally:
        shutil.rmtree(links, ignore_errors=True)
