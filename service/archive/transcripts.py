"""What the segments of a transcript are called. A name stays with its words from release to release.

Knows a testimony as JSON, in the fields of the format; no model and no release.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

#: Bytes of the digest that words are compared by: the chance that two of a million segments agree is one in 10^13.
DIGEST_BYTES: Final = 12
_NO_WORDS: Final = bytes(DIGEST_BYTES)


def shown_name(testimony: str, number: int, own: str | None) -> str:
    """Return the name that a segment is shown and cited by: its own, or one made of its position, which counts from 1."""
    return own or f"{testimony}-s{number}"


def names_of(testimony: str, number: int, own: str | None) -> tuple[str, ...]:
    """Return all that a segment answers to: its own name; without one its position, alone or as it is shown."""
    return (own,) if own else (str(number), shown_name(testimony, number, None))


def shown_names(testimony: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each segment of a testimony's transcript with the name it is shown by."""
    for number, segment in enumerate(testimony.get("transcript", ()), 1):
        yield shown_name(testimony["id"], number, segment.get("id")), segment


def places_of(testimony: str, segments: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return, for everything that a segment answers to, its place in the transcript, from 0."""
    return {
        name: place
        for place, segment in enumerate(segments)
        for name in names_of(testimony, place + 1, segment.get("id"))
    }


def shown_as(testimony: Mapping[str, Any], name: str) -> str | None:
    """Return the name that is shown of the segment that answers to `name`; None where the transcript has no such segment."""
    place = places_of(testimony["id"], testimony.get("transcript", ())).get(name)
    return None if place is None else shown_name(testimony["id"], place + 1, testimony["transcript"][place].get("id"))


def words_digest(text: str | None) -> bytes:
    """Return what tells the words of a segment from others; of words that are left out, zeros."""
    return _NO_WORDS if text is None else hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).digest()


def other_words(before: Mapping[str, str | None], after: tuple[Sequence[str], bytes]) -> Iterator[tuple[int, str]]:
    """Yield the place, from 0, and the name of each segment that stands for other words than before.

    `before` are the words under each name, None where they were left out; `after` the names, and all digests in one. Words
    that are left out now, or were, are no others: a gap may be made, and be filled again.
    """
    names, digests = after
    for place, name in enumerate(names):
        now = digests[place * DIGEST_BYTES :][:DIGEST_BYTES]
        if (was := before.get(name)) is not None and now not in (_NO_WORDS, words_digest(was)):
            yield place, name
