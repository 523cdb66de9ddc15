"""The query language: words, "phrases", -without and begin*. Reads text into terms; knows no index and no engine.

Anything that is none of these is plain text: a quote without its partner, brackets, AND, a colon.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from pydantic_core import PydanticCustomError

from service.release.words import plain, spellings

#: Longest query, in characters.
QUERY_LENGTH = 256
#: Words of one query, those of phrases included: each costs a walk through the index.
MOST_WORDS = 16

# A phrase, or whatever stands between spaces; a quote ends it, so that a"b c" is a word and a phrase.
_TERM = re.compile(r'(?P<without>-?)(?:"(?P<phrase>[^"]*)"|(?P<text>[^\s"]+))')


@dataclass(frozen=True, slots=True)
class SearchTerm:
    """One thing to find, or not to: its words as typed, and folded. Several words are found side by side."""

    typed: tuple[str, ...]
    words: tuple[str, ...]
    without: bool = False
    #: The last word is only the beginning of one.
    prefix: bool = False


@lru_cache(100)
def parse_query(text: str) -> tuple[SearchTerm, ...]:
    """Return what a query asks for, in order; nothing where it has no word in it, such as punctuation or an emoji.

    Raises PydanticCustomError, which names `q`, where there are too many words or only words to leave out.
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
    if sum(len(term.words) for term in terms) > MOST_WORDS:
        raise _refused(f"must not have more than {MOST_WORDS} words")
    if terms and all(term.without for term in terms):
        raise _refused("must have a word to look for beside those to leave out")
    return tuple(terms)


def _refused(message: str) -> PydanticCustomError:
    return PydanticCustomError("query", "{reason}", {"reason": message, "parameter": "q"})
