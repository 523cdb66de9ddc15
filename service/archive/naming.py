"""What a person may be called, and what finds it in a text, whoever inflects it."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from service.archive.editing import leaves_of

_WORD = re.compile(r"[^\W_]+")
#: Letters of a word of a name that is looked for by itself; shorter ones are particles: bin, de, von.
_TELLING = 4
#: Most words of a private text that may be a name.
_NAME_WORDS = 6


def folded(text: str) -> str:
    """Return text without case and accents."""
    if text.isascii():
        return text.lower()
    return "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))


def _pattern(words: list[str]) -> re.Pattern[str]:
    """Return what finds these words in a row, also inflected: by how they begin."""
    return re.compile(r"[\W_]+".join(map(_beginning, words)))


def _beginning(word: str) -> str:
    # Arabic, Chinese or Thai write what belongs to a word without a space before it, and have no case.
    if word == word.upper():
        return re.escape(word) + r"\w*"
    kept = len(word) - (2 if len(word) > 5 else 1 if len(word) >= _TELLING else 0)
    return rf"(?<![^\W_]){re.escape(word[:kept])}\w{{0,4}}(?![^\W_])"


def _texts(value: Mapping[str, Any], key: str) -> Iterator[str]:
    translations = value.get("translations")
    parts = translations.values() if isinstance(translations, dict) else ()
    for part in (value, *parts):
        if isinstance(part, dict) and isinstance(text := part.get(key), str):
            yield text


def name_patterns(agent: Mapping[str, Any]) -> Iterator[re.Pattern[str]]:
    """Yield what finds an agent's names, a person's also by one word of them, and labels."""
    for text in (*_texts(agent, "name"), *_texts(agent, "label")):
        if words := _WORD.findall(folded(text)):
            yield _pattern(words)
    if agent.get("kind") == "person":
        for text in _texts(agent, "name"):
            yield from (_pattern([word]) for word in _WORD.findall(folded(text)) if len(word) >= _TELLING)


def private_patterns(value: Mapping[str, Any]) -> Iterator[re.Pattern[str]]:
    """Yield what finds the private texts of a record that are as short as a name: the real one stands there, if at all."""
    access = value.get("access")
    for _, text in leaves_of(access.get("private") if isinstance(access, dict) else None):
        words = _WORD.findall(folded(text))
        if 0 < len(words) <= _NAME_WORDS and sum(char.isalpha() for char in text) >= _TELLING:
            yield _pattern(words)
