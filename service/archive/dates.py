"""Reads dates in EDTF (ISO 8601-2) and works out the earliest and the latest day that a date can mean.

This module defines which forms of EDTF the archive format takes (its profile). It knows no records and no fields.
It never guesses: where a date states no bound, there is none.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal, TypeVar

#: Longer texts are refused unread, in characters. The longest date of the profile, a day with a time and an offset, has 25.
MAX_LENGTH = 64

# An error message shows this many characters of the refused text.
_SHOWN_LENGTH = 32

# The same dates come up again and again in an archive. 16,384 of them cover the days of 45 years in under 8 MB.
# Refused texts are not cached.
_CACHE_ENTRIES = 16_384

# [0-9] and not \d, which also matches digits of other scripts. fullmatch and not $, which allows a newline at the end.
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE = re.compile(
    r"""(?: [0-9]{4} (?: -[0-9]{2} (?: -[0-9]{2} | -XX )? | -XX (?: -XX )? )?  # 2021 to 2021-XX-XX
          | [0-9]{2} [0-9X] X                                                  # 202X, 20XX
          | XXXX -[0-9]{2} -[0-9]{2}                                           # XXXX-05-09
        ) [?~%]?""",
    re.VERBOSE,
)

# A time of day has seconds (EDTF, level 0), and perhaps its offset from UTC.
_MOMENT = re.compile(
    r"""[0-9]{4}-[0-9]{2}-[0-9]{2}
        T (?: [01][0-9] | 2[0-3] ) : [0-5][0-9] : [0-5][0-9]
        (?: Z | [+-] (?: 0[0-9] | 1[0-4] ) (?: :[0-5][0-9] )? )?""",
    re.VERBOSE,
)

# An end of an interval may be open (..) or unknown (empty). Either way there is no bound on that side.
_NO_DATE = ("", "..")

# Days without a year are checked against a leap year, so that 29 February is accepted.
_LEAP_YEAR = 2000

# Every day comes round within so many years: 29 February is missing from 1897 to 1903, for one.
_LONGEST_WAIT = 8

_CALENDAR = "years run from 0001 to 9999, months from 01 to 12, days from 01 to the end of their month"


class DateError(ValueError):
    """A text that is not a date of the profile. Its message is one sentence that says what is allowed.

    The message shows the text escaped and cut short, so it is safe to print and to encode. `code` names the
    check that failed: `reversed_interval` where an interval ends before it starts, else `invalid_date`.
    """

    def __init__(self, message: str, *, code: Literal["invalid_date", "reversed_interval"] = "invalid_date") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class DateSpan:
    """The days that a date can mean, in the proleptic Gregorian calendar, without a time zone.

    Qualifiers (`?` `~` `%`) do not widen it: they say how sure a date is, not by how much it may be wrong.
    """

    #: The date as it was written.
    edtf: str
    #: The first day it can mean, inclusive. None where unbounded or unknown.
    earliest: date | None
    #: The last day it can mean, inclusive. None where unbounded or unknown.
    latest: date | None
    #: Whether any digit is an X. The date of such an event needs a `date_note`.
    has_unspecified: bool
    #: Of a day without a year its month and day, such as 05-09; None for every other date.
    month_day: str | None = None
    #: Whether it is an interval that is stated to go on: `2022-02/..`. The end of `2022-02/` is only not known.
    has_open_end: bool = False
    #: The time of day as it was written, with its offset, such as 02:30:00Z; None for every date without one.
    time: str | None = None


@lru_cache(maxsize=_CACHE_ENTRIES)
def parse_edtf(text: str) -> DateSpan:
    """Read a date of the profile, and tell which days it can mean.

    The profile is EDTF level 0 and level 1 without seasons, negative years and `Y` years. Of level 2 it takes
    `XXXX-MM-DD` alone, which has no bounds and cannot be an end of an interval: a day and a month do not say
    which year, and a day nobody stated is never invented.

    A day may have a time (`2021-03-28T02:30:00`, with `Z` or an offset such as `+02:00` or none). The bounds are the
    day as stated, whatever the offset: turned into UTC it might be another, which nobody stated. By EDTF, intervals
    have no times.

    An interval runs from the earliest day of its start to the latest day of its end, and at least one of them
    is a date. It is reversed if its start is certainly after its end, so `2021-05-20/2021-05` is not.

    Raises:
        DateError: for every other text.
    """
    if len(text) > MAX_LENGTH:
        raise DateError(f"{_shown(text)} is too long: a date has at most {MAX_LENGTH} characters.")
    earliest: date | None
    latest: date | None
    if "T" in text:
        earliest = latest = _day_with_time(text)
    elif "/" in text:
        earliest, latest = _interval_bounds(text)
    else:
        earliest, latest = _date_bounds(text)
    return DateSpan(
        edtf=text,
        earliest=earliest,
        latest=latest,
        has_unspecified="X" in text,
        month_day=text[5:10] if text.startswith("XXXX") else None,
        has_open_end=text.endswith("/.."),
        time=text.partition("T")[2] or None,
    )


def occurs_between(month_day: str, start: date, end: date) -> bool:
    """Tell whether some year has this day, written as 05-09, between two days, both inclusive."""
    month, day = int(month_day[:2]), int(month_day[3:])
    last_year = min(end.year, start.year + _LONGEST_WAIT)
    return any(
        start <= date(year, month, day) <= end
        for year in range(start.year, last_year + 1)
        if day <= monthrange(year, month)[1]
    )


def parse_day(text: str) -> date:
    """Read one day, written YYYY-MM-DD: nothing unspecified, no qualifier, no other form of ISO 8601.

    Raises:
        DateError: for every other text; its code is always `invalid_date`.
    """
    if not _DAY.fullmatch(text):
        raise DateError(f"{_shown(text)} is not a day: write it as YYYY-MM-DD, for example 2021-05-09.")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise DateError(f"{_shown(text)} is not in the calendar: {_CALENDAR}.") from None


def _day_with_time(text: str) -> date:
    if "/" in text:
        raise DateError(f"{_shown(text)} has a time in an interval: write its days, and the times in a note.")
    if not _MOMENT.fullmatch(text):
        raise DateError(
            f"{_shown(text)} is not a day with a time: write 2021-03-28T02:30:00, with Z or an offset such as +02:00 "
            "after it where one is stated; hours run to 23, minutes and seconds to 59."
        )
    return parse_day(text.partition("T")[0])


def _interval_bounds(text: str) -> tuple[date | None, date | None]:
    start, _, end = text.partition("/")
    if "/" in end:
        raise DateError(f"{_shown(text)} is not an interval: it has two ends, with one / between.")
    if "XXXX" in text:
        raise DateError(f"{_shown(text)} has an end without a year: give its year, or write .. or nothing.")
    if start in _NO_DATE and end in _NO_DATE:
        raise DateError(f"{_shown(text)} states no date: at least one end of an interval must be one.")
    earliest = None if start in _NO_DATE else _date_bounds(start)[0]
    latest = None if end in _NO_DATE else _date_bounds(end)[1]
    if earliest and latest and earliest > latest:
        raise DateError(
            f"{_shown(text)} is reversed: the start of an interval comes first and is not after its end.",
            code="reversed_interval",
        )
    return earliest, latest


def _date_bounds(text: str) -> tuple[date | None, date | None]:
    if not _DATE.fullmatch(text):
        raise DateError(
            f"{_shown(text)} is not a date: write 2021, 2021-05 or 2021-05-09, with X for what is not stated "
            "(202X, 20XX, 2021-XX, 2021-05-XX, 2021-XX-XX, XXXX-05-09), one of ? ~ % after it if need be, "
            "or two dates with / between, of which one may be .. or left out."
        )
    # A part that is left out counts as unspecified: 2021 has the same bounds as 2021-XX-XX.
    year, month, day = (*text.rstrip("?~%").split("-"), "XX", "XX")[:3]
    try:
        if year == "XXXX":
            date(_LEAP_YEAR, int(month), int(day))
            return None, None
        earliest = date(
            int(year.replace("X", "0")),
            1 if month == "XX" else int(month),
            1 if day == "XX" else int(day),
        )
    except ValueError:  # also 000X and 00XX, which begin with the year 0000
        raise DateError(f"{_shown(text)} is not in the calendar: {_CALENDAR}.") from None
    last_year = int(year.replace("X", "9"))
    last_month = 12 if month == "XX" else earliest.month
    last_day = monthrange(last_year, last_month)[1] if day == "XX" else earliest.day
    return earliest, date(last_year, last_month, last_day)


def _shown(text: str) -> str:
    # repr escapes characters that would garble the message or cannot be encoded: control characters, right-to-left
    # marks, surrogates.
    return repr(text if len(text) <= _SHOWN_LENGTH else text[: _SHOWN_LENGTH - 1] + "…")


_Dated = TypeVar("_Dated")


def latest_of(things: Iterable[_Dated], date_of: Callable[[_Dated], str | None]) -> _Dated | None:
    """Return the thing that holds: the latest by its date (EDTF). One without a date is as late as the one listed before it,
    and of two of one day the later listed holds.
    """
    held, held_since, last = None, date.min, date.min
    for thing in things:
        if (stated := date_of(thing)) is not None:
            span = parse_edtf(stated)
            last = span.latest or span.earliest or last
        if last >= held_since:
            held, held_since = thing, last
    return held
