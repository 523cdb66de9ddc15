"""Cuts excerpts around the words that a query matched. Offsets are in Unicode code points; there is no markup."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from service.archive.fields import RecordFields
from service.archive.words import REMEMBERED_LENGTH, REMEMBERED_WORDS, plain, spellings, stemmer_of, stems
from service.catalogue.words import SearchTerm
from service.release.searched_texts import SearchedText, searched_parts

#: At most this many excerpts for a hit, and this many characters in each.
EXCERPTS, EXCERPT_LENGTH = 3, 240
#: Characters shown before the first match.
LEAD = 60

# A word, together with combining marks of Latin, Cyrillic, Hebrew and Arabic, soft hyphens and zero-width joiners, and
# with the apostrophe of Ukrainian.
_WORD = re.compile(
    r"[^\W_](?:[^\W_]|[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u064b-\u065f\u0670\u00ad\u200b-\u200f]|['\u2019](?=[яюєїЯЮЄЇ]))*"
)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A stretch of one field and the matches in it, with the segment of the transcript that it leads to."""

    field: str
    text: str
    matches: list[tuple[int, int]]
    segment: str | None
    start_s: float | None
    #: Whether more of the field stands before it, and after it.
    follows: bool
    goes_on: bool


class Finder:
    """Finds the words of a query in texts, by exact form and by stem. `language` is the language of the archive."""

    def __init__(self, terms: Iterable[SearchTerm], language: str) -> None:
        wanted = [term for term in terms if not term.without]
        self.plain = {word for term in wanted for word in (term.words[:-1] if term.prefix else term.words)}
        self.beginnings = tuple(term.words[-1] for term in wanted if term.prefix)
        self._typed = {word for term in wanted for word in (term.typed[:-1] if term.prefix else term.typed)}
        self._everywhere = stemmer_of(language)
        self._stems: dict[str, set[str]] = {}

    def matches(self, part: SearchedText) -> list[tuple[int, int]]:
        """Return the offsets of every word of a part that the query asks for."""
        stemmers = [each for each in {stemmer_of(part.language), self._everywhere} if each is not None]
        return [match.span() for match in _WORD.finditer(part.text) if self._is_asked(match[0], stemmers)]

    def _is_asked(self, text: str, stemmers: list[str]) -> bool:
        for word, folded in _read(text):
            if folded in self.plain or (self.beginnings and folded.startswith(self.beginnings)):
                return True
            for stemmer in stemmers:
                if not self._stemmed(stemmer).isdisjoint(stems(word, stemmer)):
                    return True
        return False

    def _stemmed(self, stemmer: str) -> set[str]:
        if stemmer not in self._stems:
            self._stems[stemmer] = {each for word in self._typed for each in stems(word, stemmer)}
        return self._stems[stemmer]


def _read(text: str) -> list[tuple[str, str]]:
    """Return the words of a short text, each as spelled and as folded for comparing."""
    return _read_again(text) if len(text) <= REMEMBERED_LENGTH else _read_anew(text)


@lru_cache(REMEMBERED_WORDS)
def _read_again(text: str) -> list[tuple[str, str]]:
    return _read_anew(text)


def _read_anew(text: str) -> list[tuple[str, str]]:
    return [(word, plain(word)) for word in spellings(text)]


def excerpts(public: dict[str, Any], language: str, finder: Finder, record: RecordFields) -> list[Excerpt]:
    """Return at most `EXCERPTS` excerpts of a record, each from another of its texts."""
    found = []
    for part in searched_parts(public, language, record):
        if matches := finder.matches(part):
            start, end = _stretch(part.text, matches)
            within = [(first - start, last - start) for first, last in matches if first >= start and last <= end]
            text, goes_on = part.text[start:end], end < len(part.text)
            found.append(Excerpt(part.field, text, within, part.segment, part.start_s, start > 0, goes_on))
            if len(found) == EXCERPTS:
                break
    return found


def _stretch(text: str, matches: list[tuple[int, int]]) -> tuple[int, int]:
    """Return where the text around the first match begins and ends, between words."""
    start = max(0, matches[0][0] - LEAD)
    if start > 0:
        space = text.find(" ", start, matches[0][0])
        start = space + 1 if space >= 0 else start
    end = min(len(text), max(start + EXCERPT_LENGTH, matches[0][1]))
    if end < len(text):
        space = text.rfind(" ", matches[0][1], end)
        end = space if space >= 0 else end
    return start, end
