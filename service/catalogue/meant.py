"""What a reader may have meant to type where a query finds nothing, from the words of the release itself.

Only words of public records are looked at: the index holds no others.
"""

import re
from collections.abc import Iterator
from itertools import islice, product

import tantivy

from service.archive.words import plain
from service.catalogue.criteria import Listed
from service.catalogue.search import TextIndex
from service.catalogue.words import parse_query
from service.release.text_index import folded_words

#: Letters of the shortest word that is corrected, and of the shortest in which two letters may be wrong. Of shorter words
#: there are too many alike.
SHORTEST, SHORTEST_OF_TWO = 4, 6
#: Words of a query that are corrected; one with more unknown words is not a slip.
MOST_UNKNOWN = 3
#: Words compared with one that is unknown: those that begin as it does. So many take a twentieth of a second.
MOST_COMPARED = 2500
#: Corrections of one word that are tried, and queries that are asked.
_TRIED, _ASKED = 4, 8

_TOKEN = re.compile(r"[^\W_]+")


def did_you_mean(index: TextIndex, criteria: Listed) -> str | None:
    """Return a query that differs from one that found nothing in a letter or two of some words, and finds something in
    the same list; None where there is none.
    """
    assert criteria.q is not None
    asked = [term for term in parse_query(criteria.q) if not term.without]
    words = {
        word: typed
        for term in asked
        for typed, word in zip(term.typed, term.words[: -1 if term.prefix else None], strict=False)
    }
    unknown = [word for word, typed in words.items() if not index.has_word(typed, word)]
    if not 0 < len(unknown) <= MOST_UNKNOWN:
        return None
    corrections = [_corrections(index, word) for word in unknown]
    for chosen in islice(product(*corrections), _ASKED):
        text = _replaced(criteria.q, dict(zip(unknown, chosen, strict=True)))
        if index.count(index.query(criteria.model_copy(update={"q": text}))):
            return text
    return None


def _replaced(text: str, corrected: dict[str, str]) -> str:
    """Return a query with words replaced, in capitals where they were typed so; all else stays as it was typed."""

    def put(match: re.Match[str]) -> str:
        typed = match[0]
        better = corrected.get(plain(typed))
        if better is None:
            return typed
        if typed.isupper():
            return better.upper()
        return better[0].upper() + better[1:] if typed[0].isupper() else better

    return _TOKEN.sub(put, text)


def _corrections(index: TextIndex, word: str) -> list[str]:
    """Return the words of the release that are most like an unknown one, the nearest and most frequent first."""
    if len(word) < SHORTEST or word.isdecimal():
        return []
    most = 2 if len(word) >= SHORTEST_OF_TWO else 1
    found: dict[str, tuple[int, int]] = {}
    for folded, spelling in _candidates(index.searcher, word):
        distance = slips(word, folded, most=most)
        if 0 < distance <= most:
            found[spelling] = (distance, -index.frequency(spelling))
    return sorted(found, key=lambda each: (*found[each], each))[:_TRIED]


def _candidates(searcher: tantivy.Searcher, word: str) -> Iterator[tuple[str, str]]:
    """Yield folded words with their spellings: those that begin as a word does, and those that a slip at its beginning
    could have been made in.
    """
    yield from folded_words(searcher, word[: _head(word)], limit=MOST_COMPARED)
    for other in sorted(_other_beginnings(word)):
        yield from folded_words(searcher, other, limit=1, whole=True)


def _head(word: str) -> int:
    """Return how many letters at the beginning must be right, or have one slip and be right otherwise."""
    return max(2, len(word) // 3)


def _other_beginnings(word: str) -> set[str]:
    """Return what a word may have been before one slip in its first letters."""
    made = {word[:at] + word[at + 1 :] for at in range(_head(word))}
    made |= {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(_head(word))}
    for letter in _alphabet(word):
        made |= {word[:at] + letter + word[at + 1 :] for at in range(_head(word))}
        made |= {word[:at] + letter + word[at:] for at in range(_head(word))}
    return made - {word}


def _alphabet(word: str) -> list[str]:
    """Return the letters of the script that a word begins in, as they are folded: those near its first one in Unicode."""
    block = ord(word[0]) & ~0x7F
    letters = map(chr, range(block, block + 0x80))
    return [letter for letter in letters if letter.isalpha() and plain(letter) == letter]


def slips(word: str, other: str, *, most: int) -> int:
    """Return how many letters are wrong, missing, too many or in the place of their neighbour (optimal string alignment);
    `most + 1` for any number beyond `most`.
    """
    if abs(len(word) - len(other)) > most or len(set(word) ^ set(other)) > 2 * most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(word):
        before, last, row = row, before, [at + 1]
        for to, against in enumerate(other):
            least = min(before[to] + (letter != against), before[to + 1] + 1, row[to] + 1)
            if at and to and letter == other[to - 1] and word[at - 1] == against:
                least = min(least, last[to - 1] + 1)
            row.append(least)
        if min(row) > most and (not before or min(before) > most):
            return most + 1
    return min(row[-1], most + 1)
