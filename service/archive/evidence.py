"""Citations and copies of sources: is a passage what its hash says, and were a source's words taken over?

Text in, answers out. Knows no file and no archive around the text.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator

from service.archive.model import MAX_NUMBER, Citation, SourceText
from service.archive.reading import Finding, join_pointer

#: So many words in a row of a source are its wording, no longer a fact put the only way it can be.
RUN_LENGTH = 8

#: The fields of an archive that hold its own words. Not a transcript or a quote: those are a source's.
OWN_WORDS = frozenset(
    """
    as_stated citation content_warnings contact coverage date_note description label method name note
    population role subject summary title type unit
    """.split()
)
_NOT_OWN = frozenset({"access", "transcript"})

# Letters and digits of any script; an underscore parts words as a space does.
_WORD = re.compile(r"[^\W_]+")


def sha256_of(text: str) -> str:
    """Return the SHA-256 of the text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_measure_of(stated: SourceText, text: str) -> bool:
    """Tell whether a text, exactly as it stands, has the length, the bytes and the hash that are stated."""
    data = text.encode()
    return (stated.length, stated.bytes, stated.sha256) == (
        len(text),
        len(data),
        hashlib.sha256(data).hexdigest(),
    )


def check_citation(citation: Citation) -> Iterator[Finding]:
    """Yield what is wrong with a citation by itself; pointers are within it."""
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
    """Yield every text of a record, given as JSON, that is in the archive's own words, and its pointer."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key not in _NOT_OWN:
                yield from own_words(part, at + join_pointer([key]), is_text=key in OWN_WORDS)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from own_words(part, f"{at}/{index}", is_text=is_text)
    elif is_text and isinstance(value, str):
        yield at, value


class WordRuns:
    """Every run of words in some sources, to be found again in other texts.

    Takes about 100 bytes of memory for each word of the sources. Runs are kept as 64-bit hashes: that any of
    a million words is found by chance in sources of a million words is one in ten millions.
    """

    def __init__(self) -> None:
        self._sources: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._sources)

    def add(self, source: str, text: str) -> None:
        """Remember the runs of a source's text under its identifier."""
        for run in _runs(text):
            self._sources.setdefault(run, source)

    def find(self, text: str) -> str | None:
        """Return the source that a run of this text stands in, if there is one."""
        return next((self._sources[run] for run in _runs(text) if run in self._sources), None)


def _runs(text: str) -> Iterator[int]:
    # Composed first: a combining accent would cut a word in two, which then matches no other way to write it.
    words = _WORD.findall(unicodedata.normalize("NFC", text).lower())
    for start in range(len(words) - RUN_LENGTH + 1):
        yield hash(tuple(words[start : start + RUN_LENGTH]))
