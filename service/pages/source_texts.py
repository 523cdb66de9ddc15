"""A source's text, where it may be shown, with the passage marked that a reader comes from.

The passage is named in the address (`?passage=START-END`, in code points) and marked by the server: passages overlap, and one that
begins in another cannot be marked by a fragment alone.
"""

import re
from typing import Any

from service.pages.reader import Document, Reader

#: Code points of a text that one page shows; of a longer one, the part around the passage.
LONGEST_TEXT = 400_000
_PASSAGE = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")


def source_context(reader: Reader, source: Document) -> dict[str, Any]:
    """Return `text`: None, or `before`, `passage`, `after`, `language` and `is_cut` (whether it is not the whole text)."""
    if not source["has_text"]:
        return {"text": None}
    stored = reader.catalogue.source_text(source["id"])
    if stored is None:
        return {"text": None}
    content = stored.content.decode()
    start, end = passage_of(dict(reader.pairs).get("passage", ""), len(content))
    first, last = _window(start, len(content))
    return {
        "text": {
            "before": content[first:start],
            "passage": content[start:end],
            "after": content[end:last],
            "language": stored.language,
            "is_cut": (first, last) != (0, len(content)),
        }
    }


def passage_of(asked: str, length: int) -> tuple[int, int]:
    """Return the passage that an address names, in code points; an empty one at the beginning where it names none."""
    match = _PASSAGE.fullmatch(asked)
    if match is None:
        return 0, 0
    start, end = int(match[1]), int(match[2])
    return (start, end) if start < end <= length else (0, 0)


def _window(start: int, length: int) -> tuple[int, int]:
    if length <= LONGEST_TEXT:
        return 0, length
    first = max(0, min(start - LONGEST_TEXT // 2, length - LONGEST_TEXT))
    return first, first + LONGEST_TEXT
