"""What is brought again, against what is there: what an editor changed since is kept, all else follows what was brought.

A file in the folder remembers what was brought last, as the beginnings of hashes, a field each.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

#: The file with what was brought last.
BROUGHT = "brought.json"
#: Hexadecimal digits of a hash that are kept: enough to see a change, too few to be sure of a name that was guessed.
_DIGITS = 8

#: The keys that lead to a value.
_Keys = tuple[str, ...]
#: What was brought last: of each record, the hash of each field.
Remembered = dict[str, dict[str, str]]


def remembered(folder: Path) -> Remembered:
    """Return what was brought last into a folder. Where the file is gone, all is taken for an editor's."""
    try:
        value = orjson.loads((folder / BROUGHT).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return value if isinstance(value, dict) else {}


def hashes_of(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the hash of each field that has a value, by the keys that lead to it."""
    return {_name(keys): _hash(value) for keys, value in _leaves(record)}


def merged(
    last: Mapping[str, str], before: Mapping[str, Any], brought: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return a record as it is now, and the fields in which it stays as an editor made it though something new was brought.

    Args:
        last: the hashes of what was brought last of it.
        before: the record as it is there.
        brought: the record as it was brought now.
    """
    was, now = dict(_leaves(before)), dict(_leaves(brought))
    after, kept = dict(was), []
    for keys in [*was, *(keys for keys in now if keys not in was)]:
        is_untouched = last.get(_name(keys)) == (_hash(was[keys]) if keys in was else None)
        if is_untouched and keys in now:
            after[keys] = now[keys]
        elif is_untouched:
            del after[keys]
        elif keys in now and was.get(keys) != now[keys] and last.get(_name(keys)) != _hash(now[keys]):
            kept.append(".".join(keys))
    return _built(after), kept


def _leaves(value: Mapping[str, Any], keys: _Keys = ()) -> Iterator[tuple[_Keys, Any]]:
    """Yield what is no object, with the keys that lead to it; what is empty is nothing, as in a table."""
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _leaves(inner, (*keys, key))
        elif inner is not None and inner != []:
            yield (*keys, key), inner


def _built(leaves: Mapping[_Keys, Any]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for keys, value in leaves.items():
        inner = record
        for key in keys[:-1]:
            inner = inner.setdefault(key, {})
        inner[keys[-1]] = value
    return record


def _name(keys: _Keys) -> str:
    return "/".join(key.replace("~", "~0").replace("/", "~1") for key in keys)


def _hash(value: object) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:_DIGITS]
