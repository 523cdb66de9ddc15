"""The full-text index of a release: what of a record is searched, how words are analysed, and the index's own files.

Fed from public records only. Answers are asked of it by `catalogue`; nothing here knows a question or HTTP. Words are
analysed here and nowhere else, so that a question and the index agree on what a word is.
"""

import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

import tantivy

from service.archive.dates import parse_edtf
from service.archive.model import PLURALS
from service.errors import ReleaseDamaged, ReleaseError
from service.release.finding import day_number
from service.release.indexing import UNBOUNDED_LATE, Entries
from service.release.projection import PublicRecord

FOLDER = "index"
#: Memory that the engine may use while it builds, in bytes: beyond, it writes a segment and begins the next.
HEAP = 64_000_000
# Bytes free on a disk that counts as full: less than any segment has.
_FULL = 1 << 20
#: Longest word kept, in bytes of UTF-8. Nobody types a longer one; encoded data has them.
WORD_BYTES = 120

#: The languages that are stemmed (Snowball), by BCP 47 primary language, with the engine's names.
STEMMED: Final = {
    "ar": "arabic",
    "da": "danish",
    "nl": "dutch",
    "en": "english",
    "fi": "finnish",
    "fr": "french",
    "de": "german",
    "el": "greek",
    "hu": "hungarian",
    "it": "italian",
    "no": "norwegian",
    "nb": "norwegian",
    "nn": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "es": "spanish",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}
STEMMERS: Final = tuple(sorted(set(STEMMED.values())))

#: Every filter that compares for equality, of whatever collection: each is a field of its own, for counting.
TERM_FILTERS: Final = (
    "about", "act", "asserted_by", "attribution", "broader", "country", "event", "kind", "language", "participant",
    "party", "place", "publisher", "qualifier", "relative_to", "reported_by", "source", "topic", "type", "undated",
    "unit", "witness",
)  # fmt: skip

#: Ordinals take the lower 32 bits of a sort value, so that no two records have the same.
ORDINAL_BITS = 32


# --- What is searched -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """One text of a record: the field it stands in, the languages to stem it in, and its transcript segment if any."""

    field: str
    text: str
    languages: tuple[str, ...]
    segment: int | None = None
    start_s: float | None = None


#: Fields that are searched, by record type, those that name the record first.
_NAMES: Final = ("title", "label", "name")
_TEXTS: Final[dict[str, tuple[str, ...]]] = {
    "source": ("title",),
    "agent": ("name", "label", "description"),
    "place": ("name",),
    "topic": ("label", "description"),
    "event": ("title", "summary", "date_note"),
    "testimony": ("title", "summary"),
    "statistic": ("title", "population", "unit", "as_stated", "method"),
    "response": ("subject",),
}


def searched_parts(public: PublicRecord, language: str) -> Iterator[Part]:
    """Yield the texts a record is found by. `language` is the archive's.

    Titles and summaries are the archive's own words about something in the record's language: nothing says which of the
    two they are in, so they are stemmed in both.
    """
    own = public.get("language", language)
    languages = (own,) if own == language else (own, language)
    for name in _TEXTS[public["record"]]:
        if (text := public.get(name)) is not None:
            yield Part(name, text, languages)
    for warning in public.get("content_warnings", []):
        yield Part("content_warnings", warning, languages)
    for act in public.get("acts", []):
        if (text := act.get("description")) is not None:
            yield Part("acts", text, languages)
    for citation in public.get("citations", []):
        if (text := citation.get("quote")) is not None:
            yield Part("citations", text, languages)
    for tag, texts in public.get("translations", {}).items():
        for name, text in texts.items():
            for each in text if isinstance(text, list) else [text]:
                yield Part(f"translations.{tag}.{name}", each, (tag,))
    if public["record"] == "source" and (text := public.get("text", {}).get("content")):
        yield Part("text", text, (own,))
    for number, segment in enumerate(public.get("transcript", [])):
        yield Part("transcript", segment["text"], (own,), number, segment.get("start_s"))


def names_of(public: PublicRecord) -> Iterator[str]:
    """Yield the titles, labels and names of a record, translated ones too: what a search box completes."""
    for texts in ({"": public} | public.get("translations", {})).values():
        for name in _NAMES:
            if isinstance(text := texts.get(name), str):
                yield text
    if public["record"] == "response" and "subject" in public:
        yield public["subject"]


#: Words of a name that a completion may begin with, and how much of the name is kept from there, in characters.
COMPLETED_WORDS, COMPLETION_LENGTH = 12, 32


def completion_keys(name: str) -> list[str]:
    """Return what is left of a name, folded, from each of its first words on."""
    words = plain_words(name[:400])
    return list(
        dict.fromkeys(" ".join(words[start:])[:COMPLETION_LENGTH] for start in range(len(words[:COMPLETED_WORDS])))
    )


# --- Words ------------------------------------------------------------------------------------------------------------

# Scripts written without spaces: each character is a word of its own, and a word of several is searched as a phrase.
_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])"
)
# Soft hyphens, joiners and directional marks: they stand inside words and mean nothing to a search.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_YO = str.maketrans({"ё": "е", "Ё": "Е"})


def _without_marks(text: str) -> str:
    return "".join(char for char in text if not unicodedata.combining(char))


def folded(text: str) -> str:
    """Return text without case, accents and invisible characters, in any script. Offsets are not kept."""
    if not text.isascii():
        text = _without_marks(unicodedata.normalize("NFKD", _INVISIBLE.sub("", text)).casefold())
        text = _UNSPACED.sub(r" \1 ", text)
    return text.lower()


def composed(text: str) -> str:
    """Return text as a stemmer reads it: letters composed, stress marks and invisible characters gone."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text)).translate(_YO)
    return _without_marks(text)


@cache
def plain_analyzer() -> tantivy.TextAnalyzer:
    """Return what makes words of folded text."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for part in (tantivy.Filter.remove_long(WORD_BYTES), tantivy.Filter.lowercase(), tantivy.Filter.ascii_fold()):
        builder = builder.filter(part)
    return builder.build()


@cache
def stemming_analyzer(stemmer: str) -> tantivy.TextAnalyzer:
    """Return what makes stems of composed text. Accents go after stemming: they tell endings apart."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for part in (
        tantivy.Filter.remove_long(WORD_BYTES),
        tantivy.Filter.lowercase(),
        tantivy.Filter.stemmer(stemmer),
        tantivy.Filter.ascii_fold(),
    ):
        builder = builder.filter(part)
    return builder.build()


@lru_cache(50_000)
def plain_words(text: str) -> tuple[str, ...]:
    """Return the folded words of a short text."""
    return tuple(plain_analyzer().analyze(folded(text)))


@lru_cache(50_000)
def stems(text: str, stemmer: str) -> tuple[str, ...]:
    """Return the stems of a short text's words."""
    return tuple(stemming_analyzer(stemmer).analyze(composed(text)))


def stemmers_of(languages: Iterable[str]) -> set[str]:
    """Return the stemmers of these languages; those that none stems have none."""
    primary = (tag.split("-")[0].lower() for tag in languages)
    return {STEMMED[tag] for tag in primary if tag in STEMMED}


# --- The index ----------------------------------------------------------------------------------------------------------


#: Buckets of timelines: the first an event may lie in, the last, and the only one where it lies in one for sure.
TIMELINE: Final = tuple(f"{unit}_{end}" for unit in ("year", "month") for end in ("from", "to", "in"))
SORT_FIELDS: Final = ("by_text", "by_date", "by_date_down", "by_updated")


@cache
def schema() -> tantivy.Schema:
    """Return the fields of the index. Nothing is stored: documents lie in the database."""
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("ordinal", indexed=True, fast=True)
    builder.add_text_field("collection", fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("names", tokenizer_name="plain")
    builder.add_text_field("words", tokenizer_name="plain")
    for stemmer in STEMMERS:
        builder.add_text_field(f"in_{stemmer}", tokenizer_name=stemmer)
    for name in TERM_FILTERS:
        builder.add_text_field(f"is_{name}", fast=True, tokenizer_name="raw", index_option="basic")
    for name in ("updated", "day_from", "day_to", *TIMELINE, *SORT_FIELDS):
        builder.add_unsigned_field(name, fast=True)
    for name in ("latitude", "longitude", "low", "high"):
        builder.add_float_field(name, fast=True)
    return builder.build()


def sort_field(order: str) -> str:
    """Return the field that holds a stored sort order: each collection has at most one by text and one by date."""
    if order in ("id", "-id"):
        return "ordinal"
    if order.removeprefix("-") == "updated_at":
        return "by_updated"
    if order in ("title", "name", "label"):
        return "by_text"
    return "by_date_down" if order.startswith("-") else "by_date"


def moment_number(moment: str) -> int:
    """Return a moment (UTC, RFC 3339, to the second) as seconds since 1970, none of them negative."""
    try:
        seconds = datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:  # year 0
        return 0
    return max(0, int(seconds))


class IndexWriter:
    """Builds the index of a release. Records come in the order of their ordinals, from one thread, so that the same
    records give the same index but for the random names of its files.
    """

    def __init__(self, folder: Path, language: str) -> None:
        self.folder = folder / FOLDER
        self.language = language
        self.folder.mkdir()
        with _refusing(self.folder):
            self._index = tantivy.Index(schema(), path=str(self.folder), reuse=False)
        self._index.register_tokenizer("plain", plain_analyzer())
        for stemmer in STEMMERS:
            self._index.register_tokenizer(stemmer, stemming_analyzer(stemmer))
        with _refusing(self.folder):
            self._writer = self._index.writer(HEAP, 1)

    def add(self, public: PublicRecord, ordinal: int, entries: Entries, *, by_text: int, updated_at: str) -> None:
        """Index one record. `by_text` is its place in its collection's order by title, label or name."""
        document = tantivy.Document()
        document.add_unsigned("ordinal", ordinal)
        document.add_text("collection", PLURALS[public["record"]])
        for name in names_of(public):
            document.add_text("names", folded(name))
        for part in searched_parts(public, self.language):
            document.add_text("words", folded(part.text))
            stemmers = stemmers_of(part.languages)
            ready = composed(part.text) if stemmers else ""
            for stemmer in sorted(stemmers):
                document.add_text(f"in_{stemmer}", ready)
        for name, value in sorted(entries.terms):
            document.add_text(f"is_{name}", value)
        _add_spans(document, entries)
        if public["record"] == "event":
            _add_timeline(document, public["date"])
        updated = moment_number(updated_at)
        document.add_unsigned("updated", updated)
        document.add_unsigned("by_text", by_text)
        document.add_unsigned("by_updated", (updated << 28) + ordinal)
        if entries.by_date:
            down = "" if entries.by_date == UNBOUNDED_LATE else entries.by_date
            for field, key in (("by_date", entries.by_date), ("by_date_down", down)):
                document.add_unsigned(field, (day_number(key) << ORDINAL_BITS) + ordinal)
        with _refusing(self.folder):
            self._writer.add_document(document)

    def finish(self) -> None:
        """Write everything out, merged as far as the engine merges, and leave no lock behind."""
        with _refusing(self.folder):
            self._writer.commit()
            self._writer.wait_merging_threads()
        for lock in self.folder.glob(".tantivy-*.lock"):
            lock.unlink()

    def close(self) -> None:
        """Stop writing, finished or not: the engine's own threads have ended when this returns."""
        self.__dict__.pop("_writer", None)


@contextmanager
def _refusing(folder: Path) -> Iterator[None]:
    """Raise ReleaseError where the engine fails to write into `folder`."""
    try:
        yield
    except ValueError as error:
        # The engine names files that are gone again; or it only says that a thread of its own has ended.
        full = "No space left" in str(error) or shutil.disk_usage(folder).free < _FULL
        reason = "No space left on device" if full else error
        raise ReleaseError(f"the release could not be written: {reason}; nothing was changed") from error


def _add_spans(document: tantivy.Document, entries: Entries) -> None:
    if entries.days is not None:
        document.add_unsigned("day_from", day_number(entries.days[0]))
        document.add_unsigned("day_to", day_number(entries.days[1]))
    if entries.point is not None:
        document.add_float("latitude", float(entries.point[0]))
        document.add_float("longitude", float(entries.point[1]))
    if entries.range is not None:
        document.add_float("low", float(entries.range[0]))
        document.add_float("high", float(entries.range[1]))


def _add_timeline(document: tantivy.Document, edtf: str | None) -> None:
    if edtf is None:
        return
    span = parse_edtf(edtf)
    for unit in ("year", "month"):
        first, last = (None if day is None else bucket_of(day, unit) for day in (span.earliest, span.latest))
        for end, bucket in (("from", first), ("to", last), ("in", first if first == last else None)):
            if bucket is not None:
                document.add_unsigned(f"{unit}_{end}", bucket)


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
    source = (folder / FOLDER).absolute()
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
