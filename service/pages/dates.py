"""Dates (EDTF) in words: what is stated is said, what is not stated is said to be so, and nothing is filled in."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from babel.dates import format_date, format_skeleton

from service.pages.languages import N_, Words

#: A year in which every day and month exists, to write a day whose year is not stated.
_LEAP_YEAR = 2000
#: How an interval is said whose end is open or not known, by how that is written; the same for its beginning.
_INTERVALS = {
    "..": N_("from %(start)s on, with no end stated"),
    "": N_("from %(start)s, its end not known"),
}
_INTERVALS_BEFORE = {
    "..": N_("until %(end)s, with no beginning stated"),
    "": N_("until %(end)s, its beginning not known"),
}


def date_in_words(date_document: Mapping[str, Any] | str | None, words: Words) -> str:
    """Return a date of a document, or an EDTF string, in words."""
    edtf = date_document if isinstance(date_document, str) or date_document is None else date_document["edtf"]
    return words.text("date not stated") if edtf is None else _in_words(edtf, words)


@lru_cache(4096)  # Writing one takes Babel 50 microseconds, and a list names forty.
def _in_words(edtf: str, words: Words) -> str:
    if "/" not in edtf:
        return _single(edtf, words)
    start, _, end = edtf.partition("/")
    ends = {"start": _end(start, words), "end": _end(end, words)}
    return words.text(_INTERVALS.get(end) or _INTERVALS_BEFORE.get(start) or N_("from %(start)s to %(end)s"), **ends)


def _end(edtf: str, words: Words) -> str:
    return "" if edtf in ("", "..") else _single(edtf, words)


def month_in_words(day: date, words: Words) -> str:
    """Return the month of a day in short: "Apr 2021"."""
    return format_skeleton("yMMM", day, locale=words.locale)


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
    """Return a date without its qualifier in words."""
    if "T" in edtf:
        day, _, time = edtf.partition("T")
        return words.text("%(date)s, at %(time)s", date=_plain(day, words), time=_time(time))
    year, month, day = (*edtf.split("-"), "", "")[:3]
    if year == "XXXX":
        written = format_skeleton("MMMMd", date(_LEAP_YEAR, int(month), int(day)), locale=words.locale)
        return words.text("%(date)s, year not stated", date=written)
    if "X" in year:
        return _between_years(year.replace("X", "0"), year.replace("X", "9"), words)
    if month == "XX":
        said = N_("%(date)s, month and day not stated") if day else N_("%(date)s, month not stated")
        return words.text(said, date=_year(year, words))
    return _month_or_day(year, month, day, words) if month else _year(year, words)


def _time(time: str) -> str:
    """Return a time of day as it is stated, with its offset from UTC set apart."""
    return f"{time[:8]} {'UTC' if time[8:] == 'Z' else 'UTC' + time[8:]}" if time[8:] else time


def _month_or_day(year: str, month: str, day: str, words: Words) -> str:
    if day in ("", "XX"):
        written = format_skeleton("yMMMM", date(int(year), int(month), 1), locale=words.locale)
        return words.text("%(date)s, day not stated", date=written) if day else written
    return format_date(date(int(year), int(month), int(day)), "long", locale=words.locale)


def _year(year: str, words: Words) -> str:
    return format_skeleton("y", date(int(year), 1, 1), locale=words.locale)


def _between_years(first: str, last: str, words: Words) -> str:
    return words.text("between %(low)s and %(high)s", low=first.lstrip("0") or "0", high=last.lstrip("0"))
