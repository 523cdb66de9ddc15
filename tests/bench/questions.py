"""What is asked of a server, and what the right answers are, worked out from the generated records alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import combinations, product
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

import orjson

from service.catalogue.criteria import TestimonyCriteria
from service.catalogue.cursor import Cursor
from tests.bench.generate import SEED, Fields

#: The name the server is asked under: part of every link, so that all servers give the same bytes.
HOST = "archive.test"
COLLECTION = "/v1/testimonies"
SORTS = ("id", "-id", "title", "-title", "given", "-given", "updated_at", "-updated_at")
#: Records on the pages that are measured.
LIMIT = 20
#: The page that must cost what page 1 costs.
DEEP = 50_000

#: Asks for a target; returns status, headers by lower-case name, and body.
Get = Callable[[str], tuple[int, dict[str, str], bytes]]


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of one public testimony."""

    id: str
    given: str | None
    language: str
    attribution: str
    #: With every broader topic and every place around.
    topics: frozenset[str]
    places: frozenset[str]


@dataclass(frozen=True, slots=True)
class Facts:
    """The public testimonies by id, and what else questions are made of."""

    testimonies: list[Known]
    topics: list[str]
    places: list[str]
    hidden: list[str]
    gone: list[str]

    @property
    def languages(self) -> list[str]:
        return sorted({one.language for one in self.testimonies})


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of question to be measured. Without `raw` there is no reference for it."""

    name: str
    targets: list[str]
    once: bool = True
    headers: list[str] = field(default_factory=list)
    status: int = 200
    connections: int = 16
    raw: bool = True


# --- What is true -----------------------------------------------------------------------------------------------------


def read_facts(archive: Path) -> Facts:
    """Read a generated archive; parents stand before what lies in them."""
    above: dict[str, frozenset[str]] = {}
    facts = Facts([], [], [], [], [])
    with archive.open("rb") as file:
        for line in file:
            record = orjson.loads(line)
            match record.get("record"):
                case "topic" | "place" as kind:
                    parent = record.get("broader") or record.get("part_of")
                    above[record["id"]] = above.get(parent, frozenset()) | {record["id"]}
                    (facts.topics if kind == "topic" else facts.places).append(record["id"])
                case "testimony" if _is_public(record):
                    facts.testimonies.append(_known(record, above))
                case "testimony":
                    facts.hidden.append(record["id"])
                case "withdrawn":
                    facts.gone.append(record["id"])
    return facts


def _is_public(record: Fields) -> bool:
    access = record.get("access", {})
    ended: bool = access.get("embargo_until", "9") < "2020-02"
    return ended or access.get("visibility", "public") == "public"


def _known(record: Fields, above: dict[str, frozenset[str]]) -> Known:
    return Known(
        id=record["id"],
        given=record.get("given"),
        language=record["language"],
        attribution=record["attribution"],
        topics=frozenset().union(*(above[topic] for topic in record["topics"])),
        places=above[record["place"]],
    )


def _by_given(found: list[Known], *, descending: bool) -> list[str]:
    """Return identifiers by the day testimony was given, or the first it can be; the unknown last either way."""
    dated = sorted((f"{one.given}-01-01"[:10], one.id) for one in found if one.given is not None)
    unknown = sorted(one.id for one in found if one.given is None)
    return [day[1] for day in reversed(dated)] + unknown[::-1] if descending else [day[1] for day in dated] + unknown


def check_answers(get: Get, facts: Facts) -> int:
    """Compare lists and records with the facts. Returns how many answers were looked at; raises AssertionError."""
    known = facts.testimonies
    topic, place = facts.topics[1], facts.places[0]
    in_topic = [one for one in known if topic in one.topics and place in one.places]
    labelled = [one for one in known if one.language == "ru" and one.attribution == "labelled"]
    lists: list[tuple[Fields, list[str]]] = [
        ({}, [one.id for one in known]),
        ({"sort": "-id", "limit": 200}, [one.id for one in reversed(known)]),
        ({"language": "ru", "attribution": "labelled", "sort": "-given"}, _by_given(labelled, descending=True)),
        ({"topic": topic, "place": place, "sort": "given"}, _by_given(in_topic, descending=False)),
    ]
    answers = sum(_check_list(get, f"{COLLECTION}?{urlencode(query)}", ids) for query, ids in lists)
    middle = len(known) // 2
    here = urlencode({"cursor": _cursor("id", known[middle].id)})
    answers += _check_list(get, f"{COLLECTION}?{here}", [one.id for one in known], start=middle + 1)
    for record_id, expected in ((known[-1].id, 200), (facts.hidden[0], 404), (facts.gone[0], 410)):
        status, _, body = get(f"{COLLECTION}/{record_id}")
        assert status == expected, (record_id, status)
        assert status != 200 or orjson.loads(body)["id"] == record_id
    return answers + 3


def _check_list(get: Get, target: str, ids: list[str], *, start: int = 0) -> int:
    """Follow a list from record number `start` for three pages, or to its end."""
    seen = 0
    for page in range(1, 4):
        status, _, body = get(target)
        answer: dict[str, Any] = orjson.loads(body)
        assert status == 200, answer
        found = [one["id"] for one in answer["data"]]
        assert found == ids[start + seen : start + seen + answer["meta"]["limit"]], target
        assert answer["meta"]["total"] == len(ids), target
        seen += len(found)
        following = answer["links"]["next"]
        assert (following is None) == (start + seen >= len(ids)), target
        if following is None:
            return page
        target = following.removeprefix(f"http://{HOST}")
    return 3


# --- What is asked ----------------------------------------------------------------------------------------------------


def works(facts: Facts, etag: str) -> Iterator[Work]:
    """Yield what is measured. `etag` is that of the first page. No target of one work is among those of another."""
    random = Random(SEED)
    first = f"{COLLECTION}?limit={LIMIT}"
    ids = [one.id for one in facts.testimonies]
    yield Work("page of 20, asked again", [first], once=False)
    pages = [_page(sort, record_id, LIMIT) for sort in ("id", "-id") for record_id in ids]
    yield Work("page of 20, never asked", _shuffled(random, pages))
    narrow = [
        {"topic": topic, "place": place, "sort": random.choice(SORTS)}
        for topic, place in product(facts.topics, facts.places)
        if place.count("-") <= 3  # no sites: most would find nothing
    ]
    yield Work("two filters and a sort, never asked", _lists(random, narrow))
    broad = [
        {"language": languages, "topic": headings, "sort": random.choice(SORTS)}
        for languages, headings in product(_subsets(facts.languages), _subsets(facts.topics[::16]))
    ]
    yield Work("two broad filters and a sort, never asked", _lists(random, broad))
    yield Work("a record, never asked", _shuffled(random, [f"{COLLECTION}/{record_id}" for record_id in ids]))
    yield Work("304", [first], once=False, headers=[f"If-None-Match: {etag}"], status=304)
    limit = min(LIMIT - 1, max(1, len(ids) // DEEP))
    number = min(DEEP, len(ids) // limit)
    window = min(10_000, len(ids) // 3)
    for name, stretch in (("first", ids[:window]), (f"{number:,}th", ids[: number * limit - 1][-window:])):
        targets = _shuffled(random, [_page("id", record_id, limit) for record_id in stretch])
        yield Work(f"page of {limit}, around the {name}", targets, connections=1, raw=False)


def _shuffled(random: Random, targets: list[str]) -> list[str]:
    random.shuffle(targets)
    return targets


def _subsets(values: list[str]) -> list[tuple[str, ...]]:
    return [subset for size in (1, 2, 3) for subset in combinations(values, size)]


def _lists(random: Random, queries: list[dict[str, Any]]) -> list[str]:
    return _shuffled(random, [f"{COLLECTION}?{urlencode(query, doseq=True)}" for query in queries])


def _page(sort: str, record_id: str, limit: int) -> str:
    return f"{COLLECTION}?{urlencode({'sort': sort, 'limit': limit, 'cursor': _cursor(sort, record_id)})}"


def _cursor(sort: str, record_id: str) -> str:
    """Return the cursor after a record, as the server gives it out: following links to all would take too long."""
    return Cursor(backward=False, key="", id=record_id).encode(_fingerprint(sort))


def _fingerprint(sort: str) -> str:
    return TestimonyCriteria.model_validate({"sort": sort}).fingerprint
