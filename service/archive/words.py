"""Words: what a text is made of, how they fold, and their stems. An index, a question and a check agree on them here.

Text in, words out. Knows no record, no index and no question.
"""

import re
import unicodedata
from functools import cache, lru_cache
from typing import Final

import tantivy

from service.archive.inflections import dictionary_forms, load

#: Longest word kept, in bytes of UTF-8. Nobody types a longer one; encoded data has them.
WORD_BYTES = 120

#: The languages that are stemmed, by BCP 47 primary language, with the engine's names: by Snowball, but for those of
#: which a dictionary knows the forms.
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
    "uk": "ukrainian",
}
STEMMERS: Final = tuple(sorted(set(STEMMED.values())))
BY_DICTIONARY: Final = frozenset({"ukrainian"})

# The index holds words as they are spelled, in lower case. What a word asked for finds is looked up among the spellings
# of the release: those that fold to the same word, and those that have the same stem. So a text is indexed once, however
# many languages it is stemmed in, and stemming costs what the vocabulary has, not what the texts have.

# Scripts written without spaces: each character is a word of its own, and a word of several is searched as a phrase. So
# is Korean, which has spaces, but writes what other languages have prepositions for at the end of a word.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"
_UNSPACED_BEYOND = "\U00020000-\U0003ffff"
# Soft hyphens, joiners and directional marks: they stand inside words and mean nothing to a search.
_INVISIBLE = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
# The parts of Korean letters: what takes letters apart from their accents takes these apart too.
_JAMO = "\u1100-\u11ff"
# Marks that belong to a letter, of the first plane: a class with single characters beyond it is forty times as slow.
_MARKS = "".join(chr(code) for code in range(0x300, 0x10000) if unicodedata.combining(chr(code)))
_BEYOND = "\U00010000-\U0010ffff"

_unspaced = re.compile(f"([{_UNSPACED}{_UNSPACED_BEYOND}])")
_invisible = re.compile(f"[{_INVISIBLE}]+")
_jamo = re.compile(f"[{_JAMO}]+")
# The apostrophe of Ukrainian is part of a word, whichever of three characters it is written with.
_apostrophe = re.compile(r"(?<=[^\W\d_])['\u2019\u02bc](?=[яюєїЯЮЄЇ])")
_APOSTROPHE = "\u02bc"
_marks = re.compile(f"[{_MARKS}]+")
_beyond = re.compile(f"[{_BEYOND}]")
# What most texts have none of.
_unusual = re.compile(f"[{_MARKS}{_INVISIBLE}{_UNSPACED}{_BEYOND}]")


def without_marks(text: str) -> str:
    """Return text without the marks that are written apart from letters."""
    if _beyond.search(text):
        return "".join(char for char in text if not unicodedata.combining(char))
    return _marks.sub("", text)


def _with_apostrophes(text: str, written: str) -> str:
    """Return a text with each apostrophe inside a Ukrainian word written like this."""
    if "'" in text or "\u2019" in text or _APOSTROPHE in text:
        return _apostrophe.sub(written, text)
    return text


def spelled(text: str) -> str:
    """Return text as words are read from it: letters composed, stress marks and invisible characters gone. Offsets are
    not kept.
    """
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text)
    if _unusual.search(text):
        text = without_marks(unicodedata.normalize("NFKC", _invisible.sub("", text)))
        text = _unspaced.sub(r" \1 ", text)
    return _with_apostrophes(text, _APOSTROPHE)


def folded(text: str) -> str:
    """Return text without case, accents and invisible characters, in any script. Offsets are not kept."""
    if not text.isascii():
        text = _with_apostrophes(_invisible.sub("", text), "")
        text = without_marks(unicodedata.normalize("NFKD", text).casefold())
        text = _jamo.sub(lambda parts: unicodedata.normalize("NFC", parts[0]), text)
        text = _unspaced.sub(r" \1 ", text)
    return text.lower()


@cache
def analyzer(*, fold: bool = False, stemmer: str | None = None) -> tantivy.TextAnalyzer:
    """Return what makes words of a text. Accents go after stemming: they tell endings apart."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    builder = builder.filter(tantivy.Filter.remove_long(WORD_BYTES)).filter(tantivy.Filter.lowercase())
    if stemmer is not None:
        builder = builder.filter(tantivy.Filter.stemmer(stemmer))
    if fold:
        builder = builder.filter(tantivy.Filter.ascii_fold())
    return builder.build()


#: Words that are remembered as they were folded or stemmed, and characters of the longest. Both bound what strangers, who
#: may ask for any words, make a server keep: about 10 MB.
REMEMBERED_WORDS = 16_384
REMEMBERED_LENGTH = 50


def spellings(text: str) -> list[str]:
    """Return the words of a text as the index holds them."""
    return analyzer().analyze(spelled(text))


def plain_words(text: str) -> tuple[str, ...]:
    """Return the folded words of a short text."""
    return _plain_words(text) if len(text) <= REMEMBERED_LENGTH else tuple(plain_of(text))


@lru_cache(REMEMBERED_WORDS)
def _plain_words(text: str) -> tuple[str, ...]:
    return tuple(plain_of(text))


def plain_of(text: str) -> list[str]:
    """Return the folded words of a text."""
    return analyzer(fold=True).analyze(folded(text))


def is_unspaced(word: str) -> bool:
    """Tell whether a word of the index is one character of a script that is written without spaces."""
    return len(word) == 1 and _unspaced.match(word) is not None


def plain(spelling: str) -> str:
    """Return one word of the index, folded."""
    return "".join(plain_words(spelling))


def stems(spelling: str, stemmer: str) -> tuple[str, ...]:
    """Return the stems of one word of the index: more than one only where a dictionary has forms of two words that are
    written alike.
    """
    return _stems(spelling, stemmer) if len(spelling) <= REMEMBERED_LENGTH else tuple(_stems_of(spelling, stemmer))


@lru_cache(REMEMBERED_WORDS)
def _stems(spelling: str, stemmer: str) -> tuple[str, ...]:
    return tuple(_stems_of(spelling, stemmer))


def _stems_of(spelling: str, stemmer: str) -> list[str]:
    if stemmer in BY_DICTIONARY:
        return dictionary_forms(spelling)
    return ["".join(stemmed(spelling, stemmer=stemmer))]


def stemmed(text: str, *, stemmer: str | None) -> list[str]:
    """Return the stems (Snowball) of the words of a text that is spelled and in lower case."""
    # Snowball's Russian does not know the letter ё, which most writers leave out.
    return analyzer(fold=True, stemmer=stemmer).analyze(text.replace("ё", "е"))


def prepare(stemmer: str) -> None:
    """Read what a stemmer needs now, where a first question may not wait for it."""
    if stemmer in BY_DICTIONARY:
        load()


@lru_cache(1000)
def stemmer_of(language: str) -> str | None:
    """Return the stemmer of a language (BCP 47), or None where none stems it."""
    return STEMMED.get(language.split("-", maxsplit=1)[0].lower())
