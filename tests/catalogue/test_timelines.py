"""The facets `year` and `month`, and the filters by days, against a model that goes through days one by one and knows dates
only as texts.
"""

import tempfile
from contextlib import closing
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from service.catalogue.browsing import Catalogue
from service.catalogue.parameters import read_criteria
from tests.archives import CRITERIA, DATES, TIMES, archive, record
from tests.catalogue.test_browsing import publish_in, walk

#: Every day that a date of the tests may be, but for those that go on, or have no year.
ALL_DAYS = [date(2018, 1, 1) + timedelta(days=number) for number in range(15 * 365)]
LENGTH = {"year": 4, "month": 7}
STATED = [*DATES, "2021-02/..", "2021-02/", "2023-07-14T08:00:00Z", "../2019-11"]
BOUNDS = [None, "2019", "2020-02", "2020-02-29", "2021-05-09", "2021", "2029", "2030-06"]


@cache
def may_lie_on(edtf: str, day: date) -> bool:
    """Tell whether a date may be this day: digit by digit, an X being any, and what is left out too."""
    start, slash, end = (part.rstrip("?~%").partition("T")[0] for part in edtf.partition("/"))
    said = str(day)
    if not slash:
        return all(stated in ("X", digit) for stated, digit in zip(start, said, strict=False))
    return (start in ("", "..") or said[: len(start)] >= start) and (end in ("", "..") or said[: len(end)] <= end)


@cache
def days_of(edtf: str) -> tuple[date, ...]:
    return tuple(day for day in ALL_DAYS if may_lie_on(edtf, day))


@cache
def buckets_of(edtf: str, length: int) -> frozenset[str]:
    """Return the years or months of the days that a date may be."""
    return frozenset(str(day)[:length] for day in days_of(edtf))


@cache
def all_buckets(length: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(day)[:length] for day in ALL_DAYS))


def is_endless(edtf: str) -> bool:
    return edtf.endswith(("/", "/.."))


def has_year(edtf: str | None) -> bool:
    return edtf is not None and not edtf.startswith("XXXX")


def stated_days(edtf: str) -> list[date]:
    """Return the first and the last day of a date, as far as there are."""
    days = days_of(edtf)
    first = [] if edtf.startswith(("/", "..")) else [days[0]]
    return first if is_endless(edtf) else [*first, days[-1]]


#: What an event itself says of its date, and what is claimed of it.
Said = tuple[str | None, tuple[str, ...]]


def with_years(said: Said) -> list[str]:
    """Return the dates of an event that have a year."""
    return [edtf for edtf in (said[0], *said[1]) if edtf is not None and has_year(edtf)]


def model_timeline(
    all_dates: list[Said],
    listed: list[Said],
    unit: str,
    *,
    certain: bool,
    low: date | None,
    high: date | None,
) -> list[tuple[str | None, int]]:
    """Return the buckets of a list: of the dates in it, which are shown between two days."""
    known = [said for said in listed if has_year(said[0])]
    beside: list[tuple[str | None, int]] = [(None, len(listed) - len(known))]
    length = LENGTH[unit]
    stated = [with_years(said) for said in listed]
    endless = [dates for dates in stated if any(map(is_endless, dates))]
    bounds = [day for dates in stated for edtf in dates for day in stated_days(edtf)]
    if certain:
        sure = [
            with_years(said)
            for said in known
            if all(has_year(edtf) and len(stated_days(edtf)) == 2 for edtf in (said[0] or "", *said[1]))
        ]
        counted = [{bucket for edtf in dates for bucket in buckets_of(edtf, length)} for dates in sure]
        in_one = [next(iter(buckets)) for buckets in counted if len(buckets) == 1]
        counts = {bucket: in_one.count(bucket) for bucket in in_one}
    else:
        if endless:
            bounds += [day for said in all_dates for edtf in with_years(said) for day in stated_days(edtf)]
        last = max((str(day)[:length] for day in bounds), default="")
        if endless and (high is None or str(high)[:length] > last):
            beside.insert(0, ("later", len(endless)))
        first = min((str(day)[:length] for dates in stated for edtf in dates for day in stated_days(edtf)), default="")
        first, last = max(first, str(low or "")[:length]), min(last, str(high or "9999")[:length])
        counts = {}
        for bucket in all_buckets(length):
            if first <= bucket <= last:
                counts[bucket] = sum(any(bucket in buckets_of(edtf, length) for edtf in dates) for dates in stated)
    filled = [bucket for bucket, number in counts.items() if number]
    shown = [bucket for bucket in all_buckets(length) if filled and min(filled) <= bucket <= max(filled)]
    return [*((bucket, counts.get(bucket, 0)) for bucket in shown), *beside]


def said_between(said: Said, low: date | None, high: date | None, *, certain: bool) -> bool:
    """Tell whether an event may lie between days by some of what is said of it, or does for certain by all of it."""
    fits = [lies_between(edtf, low, high, certain=certain) for edtf in (said[0], *said[1])]
    return all(fits) if certain else any(fits)


def lies_between(edtf: str | None, low: date | None, high: date | None, *, certain: bool) -> bool:
    if edtf is None:
        return low is None and high is None
    if low is None and high is None:
        return True
    inside = [low is None or day >= low for day in days_of(edtf)]
    inside = [fits and (high is None or day <= high) for fits, day in zip(inside, days_of(edtf), strict=True)]
    if not certain:
        return any(inside)
    is_bounded = (low is None or not edtf.startswith(("/", ".."))) and (high is None or not is_endless(edtf))
    return has_year(edtf) and is_bounded and all(inside)


def days_meant(low: str | None, high: str | None) -> tuple[date | None, date | None]:
    """Return the first day of a year, month or day, and the last day of another."""
    first = next(day for day in ALL_DAYS if str(day).startswith(low)) if low else None
    last = next(day for day in reversed(ALL_DAYS) if str(day).startswith(high)) if high else None
    return first, last


@given(data=st.data())
@settings(
    max_examples=8 * TIMES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
def test_days_and_timelines_are_those_of_counting_days(data: st.DataObject) -> None:
    claimed = st.lists(st.sampled_from([edtf for edtf in STATED if edtf is not None]), max_size=2).map(tuple)
    dates: list[Said] = data.draw(st.lists(st.tuples(st.sampled_from(STATED), claimed), max_size=12))
    cited = {"asserted_by": "agt-1", "citations": [{"source": "src-1"}]}
    events = [
        record(
            f"evt-{number:02}",
            date=own,
            date_note="As stated.",
            claims=[{"field": "date", "value": edtf, **cited} for edtf in claims],
        )
        for number, (own, claims) in enumerate(dates)
    ]
    with tempfile.TemporaryDirectory() as folder:
        catalogue = publish_in(Path(folder), archive(*events))
        with closing(catalogue.release):
            for _ in range(12):
                _ask_once(catalogue, dates, data)


def _ask_once(catalogue: Catalogue, dates: list[Said], data: st.DataObject) -> None:
    low, high = data.draw(st.sampled_from(BOUNDS)), data.draw(st.sampled_from(BOUNDS))
    first, last = days_meant(low, high)
    if first and last and first > last:
        return
    match, mode = data.draw(st.sampled_from(["possible", "certain"])), data.draw(st.sampled_from(["list", "others"]))
    pairs = [(name, value) for name, value in (("date_from", low), ("date_to", high)) if value is not None]
    pairs.append(("date_match", match))
    is_certain = match == "certain"
    kept = [n for n, said in enumerate(dates) if said_between(said, first, last, certain=is_certain)]
    assert sorted(walk(catalogue, "events", pairs)) == [f"evt-{number:02}" for number in kept], pairs
    asked = [*pairs, ("facets", "year,month"), ("facet_mode", mode)]
    page = catalogue.page(catalogue.look_up(read_criteria(CRITERIA["events"], asked)))
    assert page.facets is not None
    if mode == "others":
        kept, first, last = list(range(len(dates))), None, None
    listed = [dates[number] for number in kept]
    for unit in LENGTH:
        expected = model_timeline(dates, listed, unit, certain=is_certain, low=first, high=last)
        assert [(bucket.value, bucket.count) for bucket in page.facets[unit]] == expected, (unit, pairs)


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        ("2020", "2020", ["evt-1", "evt-2", "evt-3"]),
        ("2020-02", None, ["evt-2", "evt-3", "evt-4"]),
        (None, "2020-02", ["evt-1", "evt-2"]),
        ("2020-03", "2020-12", ["evt-3"]),
        ("2020-12-31", "2021", ["evt-3", "evt-4"]),
    ],
)
def test_a_year_or_a_month_stands_for_its_first_or_last_day(
    tmp_path: Path, low: str | None, high: str | None, found: list[str]
) -> None:
    days = ["2020-01-01", "2020-02-29T23:59:59", "2020-12-31", "2021-01-01T00:00:00Z"]
    catalogue = publish_in(tmp_path, archive(*(record(f"evt-{n}", date=day) for n, day in enumerate(days, 1))))
    with closing(catalogue.release):
        pairs = [(name, value) for name, value in (("date_from", low), ("date_to", high)) if value is not None]
        for match in ("possible", "certain"):
            assert sorted(walk(catalogue, "events", [*pairs, ("date_match", match)])) == found


def test_events_of_one_day_are_in_the_order_of_their_times(tmp_path: Path) -> None:
    days = ["2020-02-29T23:30:00", "2020-03-01", "2020-02-29T02:30:00Z", "2020-02-29"]
    catalogue = publish_in(tmp_path, archive(*(record(f"evt-{n}", date=day) for n, day in enumerate(days, 1))))
    with closing(catalogue.release):
        assert walk(catalogue, "events", [("sort", "date"), ("limit", "1")]) == ["evt-4", "evt-3", "evt-1", "evt-2"]
