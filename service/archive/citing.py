"""Words of a source as the citation of their passage: where they stand in its text, and the hash of that stretch."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from service.archive.evidence import is_measure_of, sha256_of
from service.archive.model import SourceText
from service.archive.reading import Item, open_regular, read_archive
from service.errors import CitingRefused

#: Places that are told: who cites a word that is everywhere has to give more of it.
MAX_PLACES = 20
#: How much of what was asked for the nearest passage has to share with it.
_NEAR = 0.6
#: What a reader sees before and after the passage, in code points.
_AROUND = 40


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a source's text: offsets in code points, the end exclusive, its hash, and the text around it."""

    start: int
    end: int
    sha256: str
    words: str
    before: str
    after: str


def text_of(archive: Path, source: str, copy: Path | None) -> str:
    """Return the text of a source: the archive's own, or that of a copy, which must be the text that the archive measured.

    Raises CitingRefused where there is no such source, no text, or another one than was measured.
    """
    stated = _stated(archive, source)
    if copy is None:
        content = stated.get("content")
        if not isinstance(content, str):
            raise CitingRefused(f"The archive holds no text of {source}: give a copy, as --source {source}=FILE.")
        return content
    with open_regular(copy) as file:
        try:
            text = file.read().decode()
        except UnicodeDecodeError:
            raise CitingRefused(f"{copy} is not UTF-8, as the text of a source must be.") from None
    if stated and not is_measure_of(SourceText.model_validate(stated), text):
        raise CitingRefused(f"{copy} is not the text of {source}: its length, bytes or SHA-256 differ.")
    return text


def _stated(archive: Path, source: str) -> dict[str, object]:
    sources = (piece.value for piece in read_archive(archive) if isinstance(piece, Item) and piece.kind == "source")
    for value in sources:
        if isinstance(value, dict) and value.get("id") == source:
            stated = value.get("text")
            return stated if isinstance(stated, dict) else {}
    raise CitingRefused(f"The archive has no source {source}.")


def passages(text: str, words: str) -> Iterator[Passage]:
    """Yield every place where exactly these words stand, in order."""
    at = text.find(words)
    while at >= 0:
        yield passage(text, at, at + len(words))
        at = text.find(words, at + 1)


def passage(text: str, start: int, end: int) -> Passage:
    """Return a stretch of a text."""
    words = text[start:end]
    return Passage(
        start, end, sha256_of(words), words, text[max(0, start - _AROUND) : start], text[end : end + _AROUND]
    )


def nearest(text: str, words: str) -> Passage | None:
    """Return the passage that is most like these words, whole words of it; None where nothing is like them.

    Quotes and spaces, which word processors change, and slips of the pen are seen past.
    """
    spans = [(found.start(), found.end()) for found in _WORD.finditer(text)]
    wanted = [found.group().casefold() for found in _WORD.finditer(words)]
    if not spans or not wanted:
        return None
    have = [text[start:end].casefold() for start, end in spans]
    best, at = max((_likeness(have[first : first + len(wanted)], wanted), -first) for first in _starts(have, wanted))
    if best < _NEAR:
        return None
    first = -at
    return passage(text, spans[first][0], spans[min(first + len(wanted), len(spans)) - 1][1])


#: Letters and digits, with what stands inside words.
_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
#: Places that are compared at most: those that share a rare word come first.
_MOST_STARTS = 500


def _starts(have: list[str], wanted: list[str]) -> list[int]:
    """Return where a passage as long as what is wanted may begin: so that one of its words is at the same place."""
    places: dict[str, list[int]] = {}
    sought = set(wanted)
    for position, word in enumerate(have):
        if word in sought:
            places.setdefault(word, []).append(position)
    starts: dict[int, None] = {}
    for offset, word in sorted(enumerate(wanted), key=lambda each: len(places.get(each[1], ()))):
        starts.update(dict.fromkeys(max(0, position - offset) for position in places.get(word, ())))
        if len(starts) >= _MOST_STARTS:
            break
    return [*starts][:_MOST_STARTS] or [0]


def _likeness(some: list[str], others: list[str]) -> float:
    return SequenceMatcher(None, " ".join(some), " ".join(others), autojunk=False).ratio()
