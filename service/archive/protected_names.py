"""Where the name of somebody stands whose name is protected: in any text, inflected, in addresses and file names.

A name is looked for as a whole, and a person's also by each word of it. What is found is told by where it stands: the name
itself is never repeated.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from ahocorasick_rs import BytesAhoCorasick

from service.archive.inflections import bare_forms, dictionary_forms
from service.archive.words import BY_DICTIONARY, STEMMERS, folded, plain_words, spelled, stemmed, stems

#: What a record's `access.private` may hold a name under.
PRIVATE_KEYS: Final = ("name", "names", "real_name", "aliases")
#: Inside such a value: what says something about a name, and is none.
_ABOUT_NAMES: Final = frozenset({"language", "kind", "script", "note", "source"})
#: Letters that a word needs to be looked for inflected, and for itself where it is part of a longer name: shorter ones
#: are particles (bin, de, von) or too common.
TELLING: Final = 4
#: Letters that a name needs to be looked for at all: one letter stands everywhere.
_LEAST: Final = 2
#: Words of a text that are remembered with what they may mean. Archives have fewer; beyond, memory must not grow.
_REMEMBERED: Final = 500_000

# Letters of any script: digits and underscores part words in file names and addresses.
_WORD = re.compile(r"[^\W\d_]+")
_REMARK = re.compile(r"\([^)]*\)|\[[^\]]*\]")
# What has one of these, and no space, is an address, a file name or an identifier.
_ADDRESS = re.compile(r"\S*[/_.@-]\S*")
_ARABIC = re.compile("[\u0600-\u06ff]")
#: The stemmers of scripts that are not Latin, by the letters of the script. Other scripts have none.
_OF_SCRIPT: Final = {
    ("\u0370", "\u0400"): ("greek",),
    ("\u0400", "\u0530"): ("russian", "ukrainian"),
    ("\u0600", "\u0700"): ("arabic",),
    ("\u0b80", "\u0c00"): ("tamil",),
}
_LATIN: Final = tuple(name for name in STEMMERS if not any(name in names for names in _OF_SCRIPT.values()))
#: Letters that the first, quick look needs of a name.
_LOOKED_FOR: Final = 3


class Named(NamedTuple):
    """Somebody whose name is looked for."""

    agent: str
    name: str
    #: A person is also looked for by the single words of the name.
    is_person: bool


def private_names(access: object) -> Iterator[str]:
    """Yield the names that a record's `access`, as JSON, keeps under `private`."""
    private = access.get("private") if isinstance(access, dict) else None
    if isinstance(private, dict):
        for key in PRIVATE_KEYS:
            yield from _texts(private.get(key))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key not in _ABOUT_NAMES:
                yield from _texts(each)


def published_names(agent: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of an agent, as JSON, in all languages, and those that it also has."""
    translations = agent.get("translations")
    for part in (agent, *(translations.values() if isinstance(translations, dict) else ())):
        if isinstance(part, dict) and isinstance(name := part.get("name"), str):
            yield name
    others = agent.get("names")
    for part in others if isinstance(others, list) else ():
        if isinstance(part, dict) and isinstance(name := part.get("text"), str):
            yield name


class _Sought(NamedTuple):
    """Words in a row that tell who somebody is."""

    words: tuple[str, ...]
    agent: str
    #: Only where the word begins with a capital letter, in a script that has them: "May" and not "may".
    needs_capital: bool
    #: Only in an address or a file name, where a name may be written in one word.
    is_joined: bool = False


class ProtectedNames:
    """Names to be found in texts.

    `shared` are the words of the names of persons who are published under them: such a word alone tells nobody, and is
    looked for in whole names only. `stemmers` are those that the texts are stemmed with by the word index.
    """

    def __init__(
        self, sought: Iterable[Named], *, shared: Collection[str] = frozenset(), stemmers: Collection[str] = STEMMERS
    ) -> None:
        self._stemmers = tuple(stemmers)
        self._beginning: dict[str, set[_Sought]] = defaultdict(set)
        #: How each word of a name is spelled: stems are made of spellings.
        spelt: dict[str, set[str]] = defaultdict(set)
        for named in sought:
            for each in _sought(named, shared):
                self._beginning[each.words[0]].add(each)
            for word in _WORD.findall(spelled(named.name)):
                spelt[_plain(word)].add(word.lower())
        self._words = frozenset(word for those in self._beginning.values() for each in those for word in each.words)
        self._by_stem, starts = _stems_of(spelt, self._stemmers)
        self._starts = frozenset(start for those in starts.values() for start in those)
        self._seen: set[str] = set()
        self._meanings: dict[str, frozenset[str]] = {}
        self._quick = _Quick((each for those in self._beginning.values() for each in those), starts)

    def __bool__(self) -> bool:
        return bool(self._words)

    def may_stand_in(self, line: bytes) -> bool:
        """Tell, in a few microseconds, whether a name may stand in a text or a line of JSON, in UTF-8. No name that
        `find` finds in it is missed.
        """
        return self._quick.may_stand_in(line)

    def find(self, text: str) -> str | None:
        """Return an agent whose name stands in a text, if there is one.

        In an address, a file name or an identifier words are not told apart by capitals.
        """
        is_address = _ADDRESS.fullmatch(text) is not None
        words = _WORD.findall(spelled(unquote(text) if is_address else text))
        self._learn(set(words))
        if self._meanings.keys().isdisjoint(words):
            return None
        found = (self._find_at(words, place, is_address=is_address) for place in range(len(words)))
        return next((agent for agent in found if agent is not None), None)

    def _learn(self, words: set[str]) -> None:
        new = words - self._seen
        if not new:
            return
        if len(self._seen) > _REMEMBERED:
            self._seen.clear()
            self._meanings.clear()
            new = words
        self._seen |= new
        for word in new:
            if meaning := self._meaning(word):
                self._meanings[word] = meaning

    def _meaning(self, word: str) -> frozenset[str]:
        """Return the words of names that a word of a text may be a form of."""
        plain = _plain(word)
        meaning = {plain} & self._words
        # An Arabic word may have letters before its stem; in the other scripts it begins as its stem does.
        if _ARABIC.search(word) or not self._starts.isdisjoint(plain[:end] for end in range(len(plain) + 1)):
            for stemmer in _stemmers(word, self._stemmers):
                for each in _stems(word.lower(), stemmer):
                    meaning |= self._by_stem[stemmer].get(each, frozenset())
        return frozenset(meaning)

    def _find_at(self, words: list[str], place: int, *, is_address: bool) -> str | None:
        for meaning in self._meanings.get(words[place], ()):
            for sought in self._beginning.get(meaning, ()):
                row = words[place : place + len(sought.words)]
                if not is_address and (sought.is_joined or (sought.needs_capital and row[0][0].islower())):
                    continue
                if len(row) == len(sought.words) and all(
                    wanted in self._meanings.get(word, ()) for word, wanted in zip(row, sought.words, strict=True)
                ):
                    return sought.agent
        return None


def _sought(named: Named, shared: Collection[str]) -> Iterator[_Sought]:
    # What stands in brackets is a remark: "Mara Ivanova (her name at birth)".
    spelt = _WORD.findall(spelled(_REMARK.sub(" ", named.name)))
    words = [_plain(word) for word in spelt]
    if sum(map(len, words)) < _LEAST or not all(words):
        return
    yield _Sought(tuple(words), named.agent, len(words) == 1 and not spelt[0][0].islower())
    if len(words) > 1:
        yield _Sought(("".join(words),), named.agent, needs_capital=False, is_joined=True)
    if named.is_person and len(words) > 1:
        # Small letters among capitals are particles: "von", "della".
        is_small = all(written[0].islower() for written in spelt)
        for word, written in zip(words, spelt, strict=True):
            if len(word) >= TELLING and word not in shared and (is_small or not written[0].islower()):
                yield _Sought((word,), named.agent, not is_small)


def words_of(name: str) -> list[str]:
    """Return the words of a name as names are compared."""
    return [_plain(word) for word in _WORD.findall(spelled(name))]


def _plain(word: str) -> str:
    return "".join(plain_words(word))


def _stems(word: str, stemmer: str) -> set[str]:
    """Return the stems of a word, and the stems of those: Zharova is the genitive of Zharov, whose end is an ending too.
    A dictionary knows that of itself.
    """
    once = stems(word, stemmer)
    return {*once} if stemmer in BY_DICTIONARY else {*once, *(each for first in once for each in stems(first, stemmer))}


def _stems_of(
    spelt: Mapping[str, Collection[str]], stemmers: Collection[str]
) -> tuple[dict[str, dict[str, frozenset[str]]], dict[str, set[str]]]:
    """Return, for each stemmer, which words of names have a stem; and, for each word, how words with its stems begin."""
    by_stem: dict[str, dict[str, frozenset[str]]] = {}
    starts: dict[str, set[str]] = defaultdict(set)
    pairs = [(word, each) for word, spellings in spelt.items() if len(word) >= TELLING for each in spellings]
    for stemmer in stemmers:
        those = [(word, each) for word, each in pairs if stemmer in _stemmers(each, stemmers)]
        grouped: dict[str, set[str]] = defaultdict(set)
        stemmed_words = _from_dictionary(those) if stemmer in BY_DICTIONARY else _stemmed_twice(those, stemmer)
        for word, its_stem, start in stemmed_words:
            grouped[its_stem].add(word)
            starts[word].add(start)
        by_stem[stemmer] = {its_stem: frozenset(group) for its_stem, group in grouped.items()}
    return by_stem, starts


def _stemmed_twice(those: Collection[tuple[str, str]], stemmer: str) -> Iterator[tuple[str, str, str]]:
    """Yield words with each stem, and how what has the stem begins."""
    # All at once: a call costs more than the stem.
    once = stemmed(" ".join(each for _, each in those), stemmer=stemmer)
    twice = stemmed(" ".join(once), stemmer=stemmer)
    for (word, _), *both in zip(those, once, twice, strict=True):
        for its_stem in both:
            # Less the last letter, which a stemmer may have changed: happi for happy.
            yield word, its_stem, folded(its_stem)[: max(2, len(its_stem) - 1)]


def _from_dictionary(those: Collection[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    for word, spelling in those:
        for form in dictionary_forms(spelling):
            for bare in bare_forms(form):
                yield word, form, folded(bare)


def _stemmers(word: str, among: Collection[str]) -> tuple[str, ...]:
    """Return the stemmers of the script that a word begins in."""
    return tuple(name for name in _stemmers_from(word[:1]) if name in among)


@lru_cache(64)
def _stemmers_from(first: str) -> tuple[str, ...]:
    if first < "\u0370":
        return _LATIN
    return next((names for (begin, end), names in _OF_SCRIPT.items() if begin <= first < end), ())


class _Quick:
    """A first look at a text, which lets pass all that names may stand in, and little else: an automaton for the longest
    word of each name, as far as every form of the word has it.
    """

    def __init__(self, sought: Iterable[_Sought], starts: Mapping[str, Collection[str]]) -> None:
        self._patterns: set[bytes] = set()
        #: Whether there are names of which nothing is long enough: then every text is looked at closely.
        self._is_blind = False
        for each in sought:
            longest = max(each.words, key=len)
            parts = {longest, *starts.get(longest, ())}
            if _ARABIC.search(longest) or min(map(len, parts)) < _LOOKED_FOR:
                self._is_blind = True
            self._patterns |= {part.encode() for part in parts}
        self._automaton = self._built()

    def _built(self) -> BytesAhoCorasick | None:
        return BytesAhoCorasick(sorted(self._patterns)) if self._patterns and not self._is_blind else None

    def may_stand_in(self, line: bytes) -> bool:
        # An escape hides a letter, and so does a percent sign in an address.
        if self._automaton is None or b"\\" in line or b"%" in line:
            return self._is_blind or bool(self._patterns)
        text = line.lower() if line.isascii() else folded(spelled(line.decode())).encode()
        return bool(self._automaton.find_matches_as_indexes(text))
