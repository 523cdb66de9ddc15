"""What an archive declares of its own, found in its head before the records are read.

Handed on as canonical JSON, which can be compared, kept and given to another process: the same declarations give the same
fields.
"""

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import ValidationError

from service.archive.own_fields import Declarations, check_declarations
from service.archive.reading import Item, parsed, read_batches

#: Declarations of vocabularies and fields as JSON; None where they are not sound.
Stated = bytes | None
#: Those of an archive that declares nothing.
NOTHING: Final[bytes] = b"{}"


def head_in(path: Path) -> dict[str, Any]:
    """Return the head of an archive file as JSON, unchecked; an empty one where there is none. Reads no further than the head.

    Raises:
        ArchiveUnreadable: for a file that cannot be opened or read.
    """
    for piece in chain.from_iterable(read_batches(path)):
        item = parsed(piece)
        if isinstance(item, Item) and item.kind == "archive":
            return item.value if isinstance(item.value, dict) else {}
    return {}


def stated_in(path: Path) -> Stated:
    """Return what the head of an archive file declares. Raises ArchiveUnreadable."""
    return stated_by(head_in(path))


def stated_by(head: Mapping[str, Any]) -> Stated:
    """Return what a head, as JSON, declares."""
    given = {name: head[name] for name in Declarations.model_fields if head.get(name)}
    if not given:
        return NOTHING
    try:
        declarations = Declarations.model_validate(given)
    except ValidationError:
        return None
    if any(check_declarations(declarations)):
        return None
    return orjson.dumps(declarations.model_dump(exclude_defaults=True), option=orjson.OPT_SORT_KEYS)


def declarations_of(stated: bytes) -> Declarations:
    """Return declarations that are known to be sound."""
    return Declarations.model_validate_json(stated)
