"""Judges citations by their hashes, and finds words of a source that were copied into the archive's own texts.

Works on texts and hashes that it is given. It opens no file and knows nothing of the archive they come from.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator

from service.archive.model import Citation, SourceText
from service.archive.reading import Finding, join_pointer
from service.archive.values import MAX_NUMBER

#: This many words in a row of a source count as copied. A shorter run may be the only way to state a fact.
RUN_LENGTH = 8

#: What each character of a redacted passage is replaced by, so that offsets stay as they are.
BLANK = "\u2588"

#: The fields that hold the archive's own words, in `custom` whatever they are called. Transcripts and quotes are left out: they hold the source's words.
OWN_WORDS = frozenset(
    """
    age age_as_stated alt as_stated broader citation content_warnings contact coverage custom date_note description footer
    held_at keywords label method name note notes population role scheme series sex status subject summary synopsis tags text
    title tool type unit
    """.split()
)
_NOT_OWN = frozenset({"access", "transcript"})

# Letters and digits of any script. An underscore separates words, as a space does.
_WORD = re.compile(r"[^\W_]+")


def sha256_of(text: str) -> str:
    """Return the SHA-256 of the text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def measured(text: str) -> dict[str, int | str]:
    """Return what an archive says of a source's text: code points, bytes in UTF-8, and their SHA-256."""
    return {"length": len(text), "bytes": len(text.encode()), "sha256": sha256_of(text)}


def blanked(text: str, passages: Iterable[tuple[int, int]]) -> str:
    """Return a text in which each code point of these passages, [start, end), is replaced by a blank."""
    for start, end in passages:
        text = text[:start] + BLANK * len(text[start:end]) + text[end:]
    return text


def is_measure_of(stated: SourceText, text: str) -> bool:
    """Tell whether an unchanged text has the stated length, size in bytes and hash."""
    data = text.encode()
    return (stated.length, stated.bytes, stated.sha256) == (
        len(text),
        len(data),
        hashlib.sha256(data).hexdigest(),
    )


def check_citation(citation: Citation) -> Iterator[Finding]:
    """Yield what can be seen to be wrong with a citation without its source. Pointers start at the citation."""
    passage = (citation.start, citation.end, citation.sha256)
    is_passage = passage != (None, None, None)
    if is_passage + (citation.page is not None) + (citation.time is not None) > 1:
        yield Finding("invalid_value", "", "One locator is allowed: an exact passage, a page or a time.")
    if citation.start is not None and citation.end is not None and citation.sha256 is not None:
        if not 0 <= citation.start < citation.end <= MAX_NUMBER:
            yield Finding("passage_out_of_range", "/end", "A passage starts at 0 or later and ends after its start.")
        elif citation.quote is not None and sha256_of(citation.quote) != citation.sha256:
            yield Finding("quote_mismatch", "/quote", "The quote is not the passage: its SHA-256 is another.")
    elif is_passage:
        yield Finding("missing_field", "", "`start`, `end` and `sha256` are required together.")
    if citation.time is not None and citation.time[0] > citation.time[1]:
        yield Finding("passage_out_of_range", "/time", "The time ends before it starts.")


def own_words(value: object, at: str = "", *, is_text: bool = False) -> Iterator[tuple[str, str]]:
    """Yield each text of a record (as JSON) that is in the archive's own words, with its pointer."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key not in _NOT_OWN:
                yield from own_words(part, at + join_pointer([key]), is_text=is_text or key in OWN_WORDS)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from own_words(part, f"{at}/{index}", is_text=is_text)
    elif is_text and isinstance(value, str):
        yield at, value


class WordRuns:
    """Finds runs of `RUN_LENGTH` words that a text shares with any of some sources.

    Needs about 100 bytes of memory for each word of the sources. Runs are compared by 64-bit hashes. With a million
    words on each side, the chance of one false match is about one in ten million.
    """

    def __init__(self) -> None:
        self._sources: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._sources)

    def add(self, source: str, text: str) -> None:
        """Remember the runs of a source's text under its identifier."""
        for run in runs_of(text):
            self._sources.setdefault(run, source)

    def find(self, text: str) -> str | None:
        """Return the identifier of a source that shares a run of words with this text, or None."""
        return next((self._sources[run] for run in runs_of(text) if run in self._sources), None)


def runs_of(text: str, length: int = RUN_LENGTH) -> Iterator[int]:
    """Yield a hash of each run of so many words in a text, compared without regard to case and to what is no word."""
    # Normalize first: a combining accent would split a word in two, and the parts would not match its composed form.
    words = _WORD.findall(unicodedata.normalize("NFC", text).lower())
    for start in range(len(words) - length + 1):
        yield hash(tuple(words[start : start + length]))
