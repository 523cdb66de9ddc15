"""Archives for tests: the least that makes a valid record of each type, and random archives with a plain-Python model."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from service.archive.dates import parse_edtf
from service.archive.fields import archive_fields
from service.archive.identifiers import PLURALS, PREFIXES, TYPE_OF_PREFIX
from service.catalogue.criteria import criteria_of

Fields = dict[str, Any]

#: The fields of the format, and what each collection may be asked for.
FIELDS = archive_fields()
CRITERIA = criteria_of(FIELDS)


HEAD: Fields = {
    "id": "arden",
    "title": "Arden",
    "description": "An archive that exists for tests.",
    "language": "en",
    "licence": "CC-BY-4.0",
    "publisher": {"name": "Arden Society", "url": None},
    "contact": "Write to society@arden.example.",
    "coverage": "Nothing is left out.",
    "citation": "Arden Society, Arden.",
}

TEXT = "They came at night. We were told to leave. Nobody said where to."


def passage(start: int = 0, end: int = 19, source: str = "src-1") -> Fields:
    """Return an anchored citation into TEXT."""
    return {
        "source": source,
        "start": start,
        "end": end,
        "sha256": hashlib.sha256(TEXT[start:end].encode()).hexdigest(),
    }


CITED: list[Fields] = [{"source": "src-1"}]

_LEAST: dict[str, Fields] = {
    "source": {
        "type": "article",
        "title": "A report",
        "language": "en",
        "rights": "http://rightsstatements.org/vocab/InC/1.0/",
        "text": {
            "length": len(TEXT),
            "bytes": len(TEXT.encode()),
            "sha256": hashlib.sha256(TEXT.encode()).hexdigest(),
        },
    },
    "agent": {"kind": "organisation", "name_policy": "published", "name": "The council"},
    "place": {"name": "Arden", "kind": "city"},
    "topic": {"label": "Eviction"},
    "event": {"type": "other", "title": "A night", "date": "2021-05-09", "citations": CITED},
    "testimony": {
        "title": "What was said",
        "summary": "A resident recalls the night.",
        "witness": "agt-1",
        "language": "en",
        "attribution": "labelled",
        "citations": CITED,
    },
    "statistic": {
        "title": "Households",
        "population": "households told to leave",
        "unit": "households",
        "as_stated": "29",
        "qualifier": "exact",
        "value": 29,
        "lower": 29,
        "upper": 29,
        "bounds_basis": "stated",
        "asserted_by": "agt-1",
        "citations": CITED,
    },
    "response": {"party": "agt-1", "kind": "no_response", "citations": CITED},
}


def record(record_id: str, **fields: Any) -> Fields:
    """Return a valid record of the type its identifier names, with these fields set."""
    made = {"id": record_id, **_LEAST[TYPE_OF_PREFIX[record_id[:3]]], **fields}
    if record_id.startswith("tes-"):
        # A testimony is public on some footing.
        made["access"] = {"consent_basis": "published_source", **made.get("access", {})}
    return made


def archive(*records: Fields, withdrawn: Iterable[Fields] = (), **head: Any) -> Fields:
    """Return an archive of these records, with `src-1` and `agt-1` added where nothing is said of them."""
    given = {each["id"] for each in records}
    whole: Fields = {"format": "testimony-archive/1", "archive": HEAD | head, "withdrawn": list(withdrawn)}
    for plural in PLURALS.values():
        whole[plural] = []
    for each in (*(record(needed) for needed in ("src-1", "agt-1") if needed not in given), *records):
        whole[PLURALS[TYPE_OF_PREFIX[each["id"][:3]]]].append(each)
    return whole


def file_of(path: str, **fields: Any) -> Fields:
    """Return a file of a source which `write` writes beside the archive: its content is its own path."""
    content = path.encode()
    named = {"name": path.rpartition("/")[2], "path": path, "media_type": "text/plain", "role": "access_copy"}
    return named | {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "public": True} | fields


def _write_files(folder: Path, whole: Fields) -> None:
    for source in whole["sources"]:
        files = source.get("files")
        for file in files if isinstance(files, list) else ():
            path = file.get("path") if isinstance(file, dict) else None
            if isinstance(path, str) and file.get("sha256") == hashlib.sha256(path.encode()).hexdigest():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(path, encoding="utf-8")


def write(path: Path, whole: Fields) -> Path:
    """Write an archive as the suffix of `path` says: .json, or .jsonl with the head on the first line; with files of `file_of`."""
    _write_files(path.parent, whole)
    if path.suffix == ".json":
        path.write_text(json.dumps(whole), encoding="utf-8")
        return path
    lines = [{"format": whole["format"], "archive": whole["archive"]}]
    for record_type, plural in PLURALS.items():
        lines += [{"record": record_type, **each} for each in whole[plural]]
    lines += [{"record": "withdrawn", **each} for each in whole["withdrawn"]]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


#: How many times as many archives, texts and numbers are drawn as by default, where what comes of them is held against a model.
TIMES = int(os.environ.get("BREAKING_TIMES", "1"))

# --- Random archives ----------------------------------------------------------------------------------------------

DATES = [
    None,
    "2019",
    "2020-02",
    "2020-02-29",
    "2021?",
    "2021-05-09",
    "2021-05-09T02:30:00",
    "2021-05-09T23:30:00+02:00",
    "202X",
    "2021-XX-XX",
    "XXXX-05-09",
    "../2020",
    "2020/..",
    "2020-03/",
    "2020-06/2021-03",
    "/2021-05",
    "2022~",
]
FIGURES: list[Fields] = [
    {"qualifier": "exact", "value": 29, "lower": 29, "upper": 29, "bounds_basis": "stated"},
    {"qualifier": "exact", "value": 0.5, "lower": 0.5, "upper": 0.5, "bounds_basis": "stated"},
    {"qualifier": "about", "value": 160000, "lower": None, "upper": None, "bounds_basis": "none"},
    {
        "qualifier": "more_than",
        "value": 20,
        "lower": 20,
        "upper": None,
        "lower_inclusive": False,
        "bounds_basis": "stated",
    },
    {
        "qualifier": "less_than",
        "value": 30,
        "lower": None,
        "upper": 30,
        "upper_inclusive": False,
        "bounds_basis": "stated",
    },
    {"qualifier": "between", "value": None, "lower": 5, "upper": 6, "bounds_basis": "stated"},
    {"qualifier": "order_of_magnitude", "value": None, "lower": 100, "upper": None, "bounds_basis": "convention"},
    {"qualifier": "none", "value": 0, "lower": 0, "upper": 0, "bounds_basis": "stated"},
]
TITLES = ["a", "A", "b", "é", "ё", "Z", "", "ß", "ss", "٣", "a" * 80, "a" * 80 + "b"]


RELATED_AS = ["disputes", "corroborates", "account_of"]


def _some(choices: list[Any], most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(choices), max_size=most, unique=True) if choices else st.just([])


@st.composite
def random_archives(draw: st.DrawFn) -> Fields:
    """A small archive with everything that lists are filtered and sorted by."""
    sources = [record(f"src-{n}", title=draw(_titles())) for n in range(1, 3)]
    agents = [record(f"agt-{n}") for n in range(1, 4)]
    topics = _tree(draw, "top", "broader", 5, lambda: {"label": draw(_titles())})
    places = _tree(draw, "plc", "part_of", 5, lambda: {"name": draw(_titles()), **draw(_points())})
    topic_ids, place_ids = [each["id"] for each in topics], [each["id"] for each in places]
    agent_ids = [each["id"] for each in agents]

    def filed() -> Fields:
        return {
            "title": draw(_titles()),
            "topics": draw(_some(topic_ids)),
            "place": draw(st.sampled_from([None, *place_ids])),
            "citations": [{"source": f"src-{draw(st.integers(1, 2))}"}],
        }

    def claims(cited: list[Fields]) -> list[Fields]:
        days = [("date", edtf) for edtf in DATES if edtf is not None]
        chosen = draw(_some([*days, *(("place", place) for place in place_ids)], most=2))
        return [{"field": field, "value": value, "asserted_by": "agt-1", "citations": cited} for field, value in chosen]

    events = [
        record(
            f"evt-{n}",
            **(fields := filed()),
            claims=claims(fields["citations"]),
            type=draw(st.sampled_from(["detention", "protest"])),
            date=draw(st.sampled_from(DATES)),
            date_note="As stated.",
            participants=[{"agent": agent, "role": "present"} for agent in draw(_some(agent_ids))],
        )
        for n in _numbers(draw, 14)
    ]
    event_ids = [each["id"] for each in events]
    testimonies = [
        record(
            f"tes-{n}",
            **filed(),
            witness=draw(st.sampled_from(agent_ids)),
            events=draw(_some(event_ids)),
            relations=[{"type": draw(st.sampled_from(RELATED_AS)), "to": event} for event in draw(_some(event_ids, 2))],
            language=draw(st.sampled_from(["en", "ru"])),
            given=draw(st.sampled_from(DATES)),
        )
        for n in _numbers(draw, 14)
    ]
    statistics = [
        record(
            f"sta-{n}", **filed(), **draw(st.sampled_from(FIGURES)), unit=draw(st.sampled_from(["persons", "cases"]))
        )
        for n in _numbers(draw, 8)
    ]
    return archive(*sources, *agents, *topics, *places, *events, *testimonies, *statistics)


def _titles() -> st.SearchStrategy[str]:
    return st.sampled_from([title for title in TITLES if title])


def _points() -> st.SearchStrategy[Fields]:
    point = st.fixed_dictionaries(
        {
            "latitude": st.sampled_from([-89.5, 0, 55.75]),
            "longitude": st.sampled_from([-180, -0.1, 37.6, 180]),
            "radius_m": st.just(1000),
            "country": st.sampled_from(["RU", "DE"]),
        }
    )
    return st.one_of(st.just({}), point)


def _numbers(draw: st.DrawFn, most: int) -> list[int]:
    return draw(st.lists(st.integers(1, 99), max_size=most, unique=True))


def _tree(draw: st.DrawFn, prefix: str, link: str, most: int, fields: Callable[[], Fields]) -> list[Fields]:
    records: list[Fields] = []
    for n in range(draw(st.integers(1, most))):
        parent = draw(st.sampled_from([None, *(each["id"] for each in records)]))
        records.append(record(f"{prefix}-{n}", **{link: parent}, **fields()))
    return records


# --- The model: what filters mean, in plain Python over the archive as written -------------------------------------


def ancestors(whole: Fields, plural: str, link: str, record_id: str | None) -> set[str]:
    """Return a record and everything above it."""
    by_id = {each["id"]: each for each in whole[plural]}
    found: set[str] = set()
    while record_id is not None:
        found.add(record_id)
        record_id = by_id[record_id].get(link)
    return found


def nearest_country(whole: Fields, place_id: str | None) -> str | None:
    """Return a place's country, or that of the nearest place around it."""
    by_id = {each["id"]: each for each in whole["places"]}
    while place_id is not None:
        if (country := by_id[place_id].get("country")) is not None:
            return str(country)
        place_id = by_id[place_id].get("part_of")
    return None


def said_of(event: Fields, field: str) -> list[Any]:
    """Return what an event says of a field, and what is claimed of it."""
    return [event.get(field), *(each["value"] for each in event.get("claims", ()) if each["field"] == field)]


def _days(start: date | None, end: date | None) -> Iterator[date]:
    """Yield the days of a range one by one. Where a side is open, or the range is long, 10 years hold every day there is."""
    years = 3653
    low = start.toordinal() if start else max(1, (end or date.max).toordinal() - years)
    high = min(end.toordinal() if end else date.max.toordinal(), low + years)
    yield from map(date.fromordinal, range(low, high + 1))


def happened_between(edtf: str | None, start: date | None, end: date | None, *, certain: bool) -> bool:
    """Tell whether a dated event may have happened between two days, or did for certain."""
    if edtf is None:
        return False
    if edtf.startswith("XXXX") and (start or end):
        return not certain and any(edtf[4:10] == f"{day:-%m-%d}" for day in _days(start, end))
    span = parse_edtf(edtf)
    if certain:
        return (start is None or (span.earliest is not None and span.earliest >= start)) and (
            end is None or (span.latest is not None and span.latest <= end)
        )
    return (start is None or span.latest is None or span.latest >= start) and (
        end is None or span.earliest is None or span.earliest <= end
    )


def figure_overlaps(figure: Fields, least: float | None, most: float | None, *, certain: bool = False) -> bool:
    """Tell whether the range of a stated figure overlaps least to most, both inclusive, or lies within for certain."""
    lower, upper, value = figure.get("lower"), figure.get("upper"), figure.get("value")
    if lower is None and upper is None:
        if value is None:
            return False
        lower = upper = value
    if certain:
        # Whether a bound is exclusive makes no difference: a figure below 60 is below 60 or at it.
        return bool(
            (least is None or (lower is not None and lower >= least))
            and (most is None or (upper is not None and upper <= most))
        )
    above = most is None or lower is None or lower < most or (lower == most and figure.get("lower_inclusive", True))
    below = least is None or upper is None or upper > least or (upper == least and figure.get("upper_inclusive", True))
    return bool(above and below)


def prefix_of(plural: str) -> str:
    """Return the prefix of the identifiers of a collection."""
    return next(PREFIXES[record_type] for record_type, name in PLURALS.items() if name == plural)
