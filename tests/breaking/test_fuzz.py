"""Archives that went wrong in every way: a check never fails but finds, with a code from the list; and what it accepts can be
published, served and exported.
"""

import copy
import gzip
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.archive.checks import RULES, check_archive
from service.archive.identifiers import PLURALS
from service.catalogue.browsing import Catalogue
from service.catalogue.parameters import read_criteria
from service.cli.export import archive_object
from service.release.manifest import CANONICAL
from service.release.opening import open_current
from service.release.predecessor import Predecessor
from service.release.publish import publish
from tests.archives import CRITERIA, TEXT, Fields, archive, passage, record

EXAMPLES = int(os.environ.get("BREAKING_EXAMPLES", "250"))
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

VERBATIM = {
    "verbatim": True,
    "text": {"length": 63, "bytes": 63, "sha256": hashlib.sha256(TEXT.encode()).hexdigest(), "content": TEXT},
}
QUOTED = {**passage(), "quote": TEXT[:19]}


def full_archive() -> Fields:
    """Return a valid archive with a record of each type and nearly every field."""
    source = record("src-1", **VERBATIM, publisher="agt-1", creators=["agt-1"], published="2021~", duration_s=60)
    source["text"] = {**VERBATIM["text"], "length": len(TEXT), "bytes": len(TEXT.encode())}  # type: ignore[dict-item]
    translated = {"de": {"title": "Eine Nacht", "summary": "Ein Bewohner erinnert sich."}}
    return archive(
        source,
        record("src-2", type="court_record", url="https://example.org/1", rights="CC-BY-4.0", text=None),
        record("agt-1", age_stated=40, citations=[QUOTED]),
        record(
            "agt-2", kind="person", name_policy="pseudonym", name=None, label="Mara", access={"private": {"name": "x"}}
        ),
        record("agt-3", kind="person", name_policy="withheld", name=None, label="A resident"),
        record("plc-1", country="RU", latitude=55.75, longitude=37.6, radius_m=1000),
        record("plc-2", part_of="plc-1", kind="district"),
        record("top-1", exact_match=["https://example.org/eviction"]),
        record("top-2", broader="top-1"),
        record(
            "evt-1",
            date="2021-05/2021-06",
            summary="What happened.",
            place="plc-2",
            topics=["top-2"],
            participants=[{"agent": "agt-2", "role": "present"}],
            acts=[
                {
                    "type": "threat",
                    "actor": "agt-1",
                    "victim": "agt-2",
                    "status": "alleged",
                    "asserted_by": "agt-3",
                    "citations": [passage() | {"masked": True}],
                }
            ],
        ),
        record("evt-2", date=None, date_note="Not stated.", part_of="evt-1", access={"visibility": "restricted"}),
        record(
            "tes-1",
            witness="agt-1",
            events=["evt-1"],
            place="plc-1",
            topics=["top-1"],
            given="2022-XX",
            hearsay=["agt-1"],
            citations=[QUOTED | {"masked": True}, {"source": "src-1", "time": [1, 2], "masked": True}],
            transcript=[{"start_s": 0, "end_s": 1.5, "speaker": "agt-1", "text": "They came at night."}],
            translations=translated,
        ),
        record(
            "tes-2",
            witness="agt-3",
            citations=[{"source": "src-2", "page": 3}],
            access={"visibility": "embargoed", "embargo_until": "2026-02-01"},
        ),
        record("sta-1", place="plc-1", period="2020", relative_to=None),
        record(
            "sta-2",
            qualifier="most",
            value=None,
            lower=None,
            upper=None,
            bounds_basis="none",
            relative_to="sta-1",
            as_stated="most",
        ),
        record("rsp-1", kind="admitted", about=["evt-1"], date="2022", asked_by="agt-3"),
        withdrawn=[{"id": "tes-9", "on": "2026-01-01"}],
    )


WHOLE = full_archive()
IDS = [each["id"] for plural in PLURALS.values() for each in WHOLE[plural]] + ["tes-9", "evt-77"]
WORDS = [
    "",
    " ",
    "\0",
    "\ud83d",
    "é" * 70,
    "a" * 5000,
    "\u202e",
    "2021-02-30",
    "XXXX-05-09",
    "../..",
    "1e999",
    "None",
    "src-",
    "SRC-1",
    "en-x",
    "CC0-1.0",
    "\n",
    "http://",
    "'; DROP TABLE record; --",
    "<b>",
    "=1+1",
]
NUMBERS = [0, -1, 1, 2**31, 2**63, 2**64, 10**400, 1e308, -1e308, 1e-300, 0.1, 90.0000001, -0.0]
CHOICES = (
    "restricted embargoed withheld pseudonym published established admitted most all none between about exact less_than "
    "at_least referred declined person interview hour 2021 2021-05/2020 2022-XX 2026-01-01 2027-01-01 en ru"
).split()
ODD: list[Any] = [None, True, False, [], {}, [[]], [None], {"": None}, *WORDS, *NUMBERS, *IDS]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in a document: what it is in, and its key or index."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in list(inner):
        yield value, key
        yield from places(part)


def deep(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = [value]
    return value


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A valid archive with one to three things in it that were changed."""
    whole = copy.deepcopy(WHOLE)
    for _ in range(draw(st.integers(1, 3))):
        every = list(places(whole))
        inside: Any
        key: Any
        inside, key = draw(st.sampled_from(range(len(every))).map(every.__getitem__)) if every else (whole, "format")
        match draw(st.sampled_from("drop odd nudge nudge nudge nudge rename copy double turn deep".split())):
            case "drop":
                del inside[key]
            case "odd":
                inside[key] = draw(st.sampled_from(ODD))
            case "nudge" if isinstance(inside[key], bool):
                inside[key] = not inside[key]
            case "nudge" if isinstance(inside[key], int | float):
                inside[key] += draw(st.sampled_from([-1, 0.5, 1, 100]))
            case "nudge":
                inside[key] = draw(st.sampled_from([*CHOICES, *IDS]))
            case "rename" if isinstance(inside, dict):
                inside[draw(st.sampled_from(["id", "title", "name", "x", "", "record", "access", "private"]))] = (
                    inside.pop(key)
                )
            case "copy":
                elsewhere, other = every[draw(st.integers(0, len(every) - 1))]
                inside[key] = (
                    copy.deepcopy(elsewhere[other]) if other in elsewhere or isinstance(elsewhere, list) else None
                )
            case "double" if isinstance(inside, list):
                inside.insert(key, copy.deepcopy(inside[key]))
            case "turn" if isinstance(inside[key], list):
                inside[key].reverse()
            case "deep":
                inside[key] = deep(draw(st.sampled_from([5, 63, 64, 65, 500])))
            case _:
                pass
    return whole


def as_lines(whole: Fields) -> bytes:
    """Return an archive as JSON lines, as far as it still is one."""
    lines: list[Any] = [{key: whole[key] for key in ("format", "archive") if key in whole}]
    for kind, plural in (*PLURALS.items(), ("withdrawn", "withdrawn")):
        records = whole.get(plural)
        given = records if isinstance(records, list) else [records]
        lines += [{"record": kind, **each} if isinstance(each, dict) else each for each in given]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


@st.composite
def files(draw: st.DrawFn) -> tuple[str, bytes]:
    """A name and the content of a file that was an archive once."""
    name = draw(st.sampled_from(["a.json", "a.jsonl", "a.json.gz", "a.jsonl.gz"]))
    whole = draw(mutated())
    content = as_lines(whole) if "jsonl" in name else json.dumps(whole).encode()
    content = draw(damaged(content)) if draw(st.integers(0, 4)) == 0 else content
    if name.endswith(".gz"):
        content = gzip.compress(content, 1, mtime=0)
        content = draw(damaged(content)) if draw(st.integers(0, 4)) == 0 else content
    return name, content


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Bytes with a piece cut off, cut out, doubled or overwritten."""
    start = draw(st.integers(0, len(content)))
    end = min(len(content), start + draw(st.sampled_from([0, 1, 2, 30, 2000])))
    match draw(st.sampled_from("cut out double over".split())):
        case "cut":
            return content[:start]
        case "out":
            return content[:start] + content[end:]
        case "double":
            return content[:end] + content[start:]
    return content[:start] + draw(st.binary(max_size=8)) + content[end:]


def assert_served(data: Path) -> int:
    """Read all of a release as the server does. Returns how many records it has."""
    with closing(open_current(data)) as release:
        catalogue = Catalogue(release)
        ids = list(Predecessor(release).public_ids())
        for record_id in ids:
            document = catalogue.document(record_id)
            assert document is not None
            assert orjson.loads(document)["id"] == record_id
        for model in CRITERIA.values():
            for query in (
                [("limit", "200")],
                [("limit", "200"), ("facets", "topic")] if "topic" in model.model_fields else [],
            ):
                page = catalogue.page(catalogue.look_up(read_criteria(model, query)))
                assert page.total == len(page.documents)
        assert list(archive_object(release.folder / CANONICAL))
    return len(ids)


OUTCOMES: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def told() -> Iterator[None]:
    """Print at the end what came of all examples."""
    yield
    found = sorted(code for code in OUTCOMES if code in RULES)
    print(
        f"\narchives: {OUTCOMES['all']}, published: {OUTCOMES['published']}, codes: {len(found)} of {len(RULES)}: {' '.join(found)}"
    )


def test_the_archive_that_is_mutated_is_valid(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(json.dumps(WHOLE).encode())
    report = check_archive(tmp_path / "a.json", today=NOW.date())
    assert report.findings == []
    assert all(report.counts.values())


@given(file=files())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
def test_a_mutated_archive_is_refused_by_a_code_or_served(file: tuple[str, bytes]) -> None:
    name, content = file
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        report = check_archive(path, today=NOW.date())
        codes = {finding.code for finding in report.findings}
        OUTCOMES.update({"all", *codes})
        assert codes <= set(RULES)
        for finding in report.findings:
            assert finding.detail
            (finding.pointer + finding.detail).encode()
        if report.ok:
            OUTCOMES["published"] += 1
            publish(path, path.parent / "data", now=lambda: NOW)
            assert_served(path.parent / "data")
