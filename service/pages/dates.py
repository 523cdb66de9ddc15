"""Dates (EDTF) in words: what is stated is said, what is not stated is said to be so, and nothing is filled in."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from babel.dates import format_date, format_skeleton

from service.pages.languages import Words

#: A year in which every day and month exists, to write a day whose year is not stated.
_LEAP_YEAR = 2000
_DECADE = re.compile(r"([0-9]{3})X")
_CENTURY = re.compile(r"([0-9]{2})XX")


def date_in_words(date_document: Mapping[str, Any] | str | None, words: Words) -> str:
    """Return a date of a document, or an EDTF string, in words."""
    edtf = date_document if isinstance(date_document, str) or date_document is None else date_document["edtf"]
    if edtf is None:
        return words.text("date not stated")
    if "/" not in edtf:
        return _single(edtf, words)
    start, _, end = edtf.partition("/")
    if end == "..":
        return words.text("from %(start)s on, with no end stated", start=_single(start, words))
    if end == "":
        return words.text("from %(start)s, its end not known", start=_single(start, words))
    if start == "..":
        return words.text("until %(end)s, with no beginning stated", end=_single(end, words))
    if start == "":
        return words.text("until %(end)s, its beginning not known", end=_single(end, words))
    return words.text("from %(start)s to %(end)s", start=_single(start, words), end=_single(end, words))


def _single(edtf: str, words: Words) -> str:
    """Return one date in words, with how sure it is."""
    plain = _plain(edtf.rstrip("?~%"), words)
    match edtf[-1]:
        case "?":
            return words.text("%(date)s (uncertain)", date=plain)
        case "~":
            return words.text("about %(date)s", date=plain)
        case "%":
            return words.text("about %(date)s (uncertain)", date=plain)
    return plain


def _plain(edtf: str, words: Words) -> str:
    if decade := _DECADE.fullmatch(edtf):
        return _between_years(decade[1] + "0", decade[1] + "9", words)
    if century := _CENTURY.fullmatch(edtf):
        return _between_years(century[1] + "00", century[1] + "99", words)
    year, month, day = (*edtf.split("-"), "", "")[:3]
    if year == "XXXX":
        written = format_skeleton("MMMMd", date(_LEAP_YEAR, int(month), int(day)), locale=words.locale)
        return words.text("%(date)s, year not stated", date=written)
    if month == "XX":
        said = "%(date)s, month and day not stated" if day else "%(date)s, month not stated"
        return words.text(said, date=_year(year, words))
    if not month:
        return _year(year, words)
    if day in ("", "XX"):
        written = format_skeleton("yMMMM", date(int(year), int(month), 1), locale=words.locale)
        return words.text("%(date)s, day not stated", date=written) if day else written
    return format_date(date(int(year), int(month), int(day)), "long", locale=words.locale)


def _year(year: str, words: Words) -> str:
    return format_skeleton("y", date(int(year), 1, 1), locale=words.locale)


def _between_years(first: str, last: str, words: Words) -> str:
    return words.text("between %(low)s and %(high)s", low=first.lstrip("0") or "0", high=last.lstrip("0"))
