"""Cuts excerpts around the words that a query matched. Offsets are in Unicode code points; there is no markup."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

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
        self._stems: dict[_Stemmers, frozenset[tuple[str, str]]] = {}
        #: Which words are asked for, of those that texts had so far: most come again and again.
        self._known: dict[_Stemmers, dict[str, bool]] = {}

    def matches(self, part: SearchedText, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
        """Yield the offsets of every word of a part that the query asks for, of those that lie between `start` and `end`."""
        stemmers = tuple({each for each in (stemmer_of(part.language), self._everywhere) if each is not None})
        known = self._known.setdefault(stemmers, {})
        for match in _WORD.finditer(part.text, start):
            if end is not None and match.end() > end:
                return
            word = match[0]
            asked = known.get(word)
            if asked is None:
                asked = known[word] = self._is_asked(word, stemmers)
            if asked:
                yield match.span()

    def _is_asked(self, text: str, stemmers: "_Stemmers") -> bool:
        forms = _forms(text, stemmers)
        if not self.plain.isdisjoint(forms.folded) or not self._stemmed(stemmers).isdisjoint(forms.stems):
            return True
        return bool(self.beginnings) and any(word.startswith(self.beginnings) for word in forms.folded)

    def _stemmed(self, stemmers: "_Stemmers") -> frozenset[tuple[str, str]]:
        if stemmers not in self._stems:
            self._stems[stemmers] = _stems_of(self._typed, stemmers)
        return self._stems[stemmers]


#: The stemmers that the words of a text are read with.
_Stemmers = tuple[str, ...]


class _Forms(NamedTuple):
    """What the words of a short text are compared by: as folded, and as stemmed by each stemmer."""

    folded: tuple[str, ...]
    stems: frozenset[tuple[str, str]]


def _stems_of(words: Iterable[str], stemmers: _Stemmers) -> frozenset[tuple[str, str]]:
    return frozenset((stemmer, stem) for word in words for stemmer in stemmers for stem in stems(word, stemmer))


def _forms(text: str, stemmers: _Stemmers) -> _Forms:
    return _forms_again(text, stemmers) if len(text) <= REMEMBERED_LENGTH else _forms_anew(text, stemmers)


@lru_cache(REMEMBERED_WORDS)
def _forms_again(text: str, stemmers: _Stemmers) -> _Forms:
    return _forms_anew(text, stemmers)


def _forms_anew(text: str, stemmers: _Stemmers) -> _Forms:
    words = spellings(text)
    return _Forms(tuple(map(plain, words)), _stems_of(words, stemmers))


def excerpts(public: dict[str, Any], language: str, finder: Finder, record: RecordFields) -> list[Excerpt]:
    """Return at most `EXCERPTS` excerpts of a record, each from another of its texts."""
    cut = (_excerpt(part, finder) for part in searched_parts(public, language, record))
    return list(islice((each for each in cut if each is not None), EXCERPTS))


def _excerpt(part: SearchedText, finder: Finder) -> Excerpt | None:
    """Return the stretch of a text around its first match, if there is one. Matches are looked for no further than they are
    shown: a transcript has thousands of words.
    """
    first = next(finder.matches(part), None)
    if first is None:
        return None
    start, end = _stretch(part.text, first)
    shown = [first, *finder.matches(part, first[1], end)]
    within = [(begins - start, ends - start) for begins, ends in shown]
    goes_on = end < len(part.text)
    return Excerpt(part.field, part.text[start:end], within, part.segment, part.start_s, start > 0, goes_on)


def _stretch(text: str, match: tuple[int, int]) -> tuple[int, int]:
    """Return where the text around a match begins and ends, between words."""
    first, last = match
    start = max(0, first - LEAD)
    if start > 0:
        space = text.find(" ", start, first)
        start = space + 1 if space >= 0 else start
    end = min(len(text), max(start + EXCERPT_LENGTH, last))
    if end < len(text):
        space = text.rfind(" ", last, end)
        end = space if space >= 0 else end
    return start, end
