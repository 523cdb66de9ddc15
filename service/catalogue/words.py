"""Parses the query language: words, "phrases", -without and begin*. Knows no index.

Everything else is plain text, such as a quotation mark without its partner, brackets, AND, or a colon.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from pydantic_core import PydanticCustomError

from service.archive.words import is_unspaced, plain, spellings

#: Longest query, in characters.
QUERY_LENGTH = 256
#: A query has at most this many words, including those in phrases. Each one is looked up in the index. Characters of scripts
#: that are written without spaces have one spelling each, and words of about this many characters.
MOST_WORDS = 16
CHARACTERS_OF_A_WORD = 4

# A phrase in quotation marks, or text up to a space or a quotation mark: a"b c" is a word and a phrase.
_TERM = re.compile(r'(?P<without>-?)(?:"(?P<phrase>[^"]*)"|(?P<text>[^\s"]+))')


@dataclass(frozen=True, slots=True)
class SearchTerm:
    """One term of a query: its words as typed and as folded. Several words match where they follow each other."""

    typed: tuple[str, ...]
    words: tuple[str, ...]
    without: bool = False
    #: The last word is only the beginning of one.
    prefix: bool = False


@lru_cache(100)
def parse_query(text: str) -> tuple[SearchTerm, ...]:
    """Return the terms of a query in order; none if it holds no word, such as only punctuation or an emoji.

    Raises PydanticCustomError, which names `q`, if there are too many words, or only words to leave out.
    """
    terms: dict[SearchTerm, None] = {}
    for match in _TERM.finditer(text):
        phrase, single = match["phrase"], match["text"]
        text = phrase if phrase is not None else single
        typed = tuple(word for word in spellings(text) if plain(word))
        if typed:
            prefix = phrase is None and text.endswith("*")
            words = tuple(plain(word) for word in typed)
            terms[SearchTerm(typed, words, without=bool(match["without"]), prefix=prefix)] = None
    asked = [word for term in terms for word in term.words]
    characters = sum(map(is_unspaced, asked))
    if len(asked) - characters + characters / CHARACTERS_OF_A_WORD > MOST_WORDS:
        raise _refused(f"must not have more than {MOST_WORDS} words")
    if terms and all(term.without for term in terms):
        raise _refused("must have a word to look for beside those to leave out")
    return tuple(terms)


def _refused(message: str) -> PydanticCustomError:
    return PydanticCustomError("query", "{reason}", {"reason": message, "parameter": "q"})
