"""Hints for refused parameters: what people type who know other APIs, and how it is asked for here.

Pure: a name or a value in, a sentence out. Knows no release, so that a hint can tell nothing of what an archive holds.
"""

import re
from collections.abc import Collection
from functools import cache
from typing import Final
from urllib.parse import quote_plus

from babel import Locale

#: Longest value that is taken for a name, in characters: a hint repeats it.
LONGEST: Final = 60

_PAGES = "lists are paged by cursor: follow links.next"
_LENGTH = "how many records a page has is asked for with limit"
_ORDER = "the order is asked for with sort, with a - before it for descending, such as sort=-id"
_RELEVANCE = (
    "the best match comes first; in another order one collection at a time is listed, such as /v1/events?q=…&sort=-date"
)
_WORDS = "words are searched for with q"
_DAYS = "days are asked for with date_from and date_to, such as date_from=2017-01-01&date_to=2017-12-31"
_KEYS = "the keys of a record are chosen with fields"
_LANGUAGE = "the language of texts is asked for with lang"

#: Names that parameters have elsewhere: the parameter that does the same here, and the sentence that says so.
_ELSEWHERE: Final = {
    **dict.fromkeys(("page", "offset", "start", "skip", "after", "before"), ("cursor", _PAGES)),
    **dict.fromkeys(("per_page", "page_size", "pagesize", "size", "rows", "count", "max_results"), ("limit", _LENGTH)),
    **dict.fromkeys(("order", "order_by", "sort_by", "ordering", "direction", "desc"), ("sort", _ORDER)),
    **dict.fromkeys(("search", "query", "text", "keyword", "keywords", "term"), ("q", _WORDS)),
    **dict.fromkeys(("date", "day", "year", "month", "from", "to", "since", "until"), ("date_from", _DAYS)),
    **dict.fromkeys(("select", "columns", "keys", "attributes"), ("fields", _KEYS)),
    **dict.fromkeys(("language", "locale", "hl"), ("lang", _LANGUAGE)),
}

#: Orders by time, those that a list is likely asked for first; and what such an order is called in other APIs.
_TIMES: Final = ("date", "given", "published", "period", "stated_on", "at", "updated_at")
_TIMES_ELSEWHERE: Final = frozenset(
    {*_TIMES, "time", "timestamp", "created", "created_at", "updated", "modified", "date_from", "newest", "year"}
)

#: The collection whose list finds an identifier, by the prefix of the identifier.
_COLLECTIONS: Final = {
    "src": "sources",
    "agt": "agents",
    "plc": "places",
    "top": "topics",
    "evt": "events",
    "tes": "testimonies",
    "sta": "statistics",
    "rsp": "responses",
}

#: Parameters that take the code of a country, and its length (ISO 3166-1 alpha-2).
_BY_COUNTRY: Final = frozenset({"country", "country!"})
TWO_LETTERS: Final = 2
#: Letters of the longest code of a language alone.
LONGEST_CODE: Final = 3

# An order as other APIs write it: date:desc, date desc, date.desc.
_DIRECTED = re.compile(r"-?([a-z_]+)[:. +,](asc|desc)(ending)?", re.IGNORECASE)
# The beginning of the form of identifiers of one type.
_ONE_PREFIX = re.compile(r"\^([a-z]{3})-")
# The beginning of an identifier of any type: whoever writes it does not mean a name.
_PREFIXED = re.compile(rf"({'|'.join(_COLLECTIONS)})-", re.IGNORECASE)
# What a name has at least: a letter. Nothing else is worth looking up.
_LETTER = re.compile(r"[^\W\d_]")


def hint_for_name(name: str, known: Collection[str]) -> str | None:
    """Return how to ask for what a parameter of this name means in other APIs, if it can be asked for here."""
    folded = re.sub(r"[-\s]", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)).lower()
    here, sentence = _ELSEWHERE.get(folded, (folded, ""))
    if folded == "sort":
        return _RELEVANCE if {"q", "facets"} <= {*known} else None
    return sentence if sentence and here in known else None


def hint_for_choice(name: str, value: str, allowed: Collection[str]) -> str | None:
    """Return how to ask for a value that is none of those allowed, if it is clear what was meant."""
    if (directed := _DIRECTED.fullmatch(value.strip())) is not None:
        meant = _order(directed[1].lower(), allowed, descending=directed[2].lower() == "desc")
        return None if meant is None else f"write {name}={meant}"
    if name == "sort" and (meant := _order(value.removeprefix("-"), allowed, descending=value.startswith("-"))):
        return f"write {name}={meant}"
    parts = [part.strip() for part in value.split(",")]
    if len(parts) > 1 and all(part in allowed for part in parts):
        return _several(name, parts)
    return None


def _order(asked: str, allowed: Collection[str], *, descending: bool) -> str | None:
    """Return an order that exists: the one asked for, or where it is one by time, the one by time that there is here."""
    names = (asked, *(_TIMES if asked in _TIMES_ELSEWHERE else ()))
    return next((order for name in names if (order := f"{'-' * descending}{name}") in allowed), None)


def hint_for_limit(known: Collection[str]) -> str | None:
    """Return how to get more than a page has, by the parameters that an address takes."""
    if "cursor" not in known:
        return None
    whole = ", or ask for the whole list at its address with .csv or .ndjson at the end" if "bom" in known else ""
    return f"for more, follow links.next{whole}"


def hint_for_bounds(name: str, known: Collection[str]) -> str | None:
    """Return how days or figures are asked for, where their own name only finds records that state none."""
    plain = name.removesuffix("!")
    for low, high, what in (("_from", "_to", "days"), ("_min", "_max", "figures")):
        if {plain + low, plain + high} <= {*known}:
            example = f", such as {plain}_from=2017-01-01&{plain}_to=2017-12-31" if what == "days" else ""
            return f"{what} are asked for with {plain}{low} and {plain}{high}{example}"
    return None


def hint_for_key(name: str, value: str, allowed: Collection[str]) -> str | None:
    """Return what can be counted or included, where something cannot, and that all keys come without being named; the
    archive's own fields, which may be many, are not listed.
    """
    if name == "fields":
        return "leave the parameter out to get every key" if value.lower() in ("*", "all", "**") else None
    if name == "include":
        return f"what can is {', '.join(allowed)}"
    if name != "facets":
        return None
    return f"what can is {', '.join(each for each in allowed if not each.startswith('custom.'))}"


def hint_for_identifier(name: str, value: str, pattern: str) -> str | None:
    """Return how to ask with a value that has not the form of an identifier: a list of them, or a name."""
    parts = [part.strip() for part in value.split(",")]
    if len(parts) > 1 and all(re.search(pattern, part) for part in parts):
        return _several(name, parts)
    if _LETTER.search(value) is None or _PREFIXED.match(value) is not None or len(value) > LONGEST:
        return None
    if (collection := collection_of_form(pattern)) is not None:
        return f"for a name, /v1/{collection}?q={quote_plus(value)} finds the identifier"
    if pattern.startswith("^(") and ")-" in pattern:  # identifiers of several types
        return f"for a name, /v1/search?q={quote_plus(value)} finds the identifier"
    return None


def collection_of_form(pattern: str) -> str | None:
    """Return the collection whose identifiers have this form; None where it is the form of several or of something else."""
    prefix = _ONE_PREFIX.match(pattern)
    return None if prefix is None else _COLLECTIONS.get(prefix[1])


def hint_for_code(name: str, value: str) -> str | None:
    """Return the code of a country or language that was written by its name in English."""
    called = value.strip().casefold()
    # Short names of languages, such as Ga, are codes of others.
    code = _names_of(name).get(called) if len(called) > LONGEST_CODE else None
    return None if code is None else f"did you mean {code}?"


@cache
def _names_of(name: str) -> dict[str, str]:
    """Return the codes that a parameter takes by their names in English: of countries, or of languages."""
    english = Locale("en")
    known = english.territories if name.startswith("country") else english.languages
    return {
        called.casefold(): code for code, called in known.items() if name not in _BY_COUNTRY or len(code) == TWO_LETTERS
    }


def _several(name: str, parts: list[str]) -> str:
    """Return how several values are given. Two show it; a hint does not repeat a whole list."""
    shown = "&".join(f"{name}={part}" for part in parts[:2])
    return f"for several values, give the parameter again: {shown}"
