"""Measures what own fields, claims, relations, files and included records cost, by processor time.

    python -m tests.bench.holdings --testimonies 10000

It publishes three archives of the same records: one without these, one with them, and one with 100 own fields and a
vocabulary of 10,000 terms. The same is asked of all three in turns, and of uvicorn with the bytes of their answers. A figure
is how much more processor time the server took for an answer than the one it is compared with: the median over the rounds. That
holds on a busy machine too. No answer was asked for before. Needs nothing but what tests need. Linux only.
"""

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import combinations, islice, permutations, product
from pathlib import Path
from typing import Final, get_args

import orjson

from tests.bench.archives import generated, published
from tests.bench.generate import Holding
from tests.bench.load import Job, load
from tests.bench.measuring import CONNECTIONS, RAW, warm, write_answers
from tests.bench.memory import family
from tests.bench.processes import HEADERS, LOAD_CORES, Get, Running, running, server
from tests.bench.questions import COLLECTION, FACETS, LIMIT, Work, cursors, page_at, shuffled
from tests.bench.report import console, figure, new_table, note, spread

HOLDINGS: Final[tuple[Holding, ...]] = get_args(Holding)
PAGES, LISTS, COUNTS = "page of 20", "two filters and a sort", "four facets over everything"
OWN_LISTS, OWN_COUNTS = "two filters by own fields and a sort", "four facets of own fields"
INCLUDING, PUBLISHING = "record with 20 others included", "publishing"
#: Questions of one kind that are asked in one round, and those that warm a server, which are never asked again.
ASKED, WARMING = 300, 60
#: How many records are included with one, about.
OTHERS = range(18, 23)
#: What all is included with an event.
INCLUDED = "testimonies,sources,agents,responses,statistics,places,topics,events"
#: Addresses at which one record is asked for, each of them once: what is included is named in another order.
ORDERS = 6
EXPORTED = (f"{COLLECTION}.csv", f"{COLLECTION}.ndjson", "/v1/events.csv", "/v1/events.ndjson")
#: Seconds after which a round ends even if not all was asked.
SECONDS = 60
#: How much more than without own fields anything may cost, and the least part of what uvicorn answers in the same time.
TENTH = 1.1
LEAST = {PAGES: 0.25, LISTS: 0.18, OWN_LISTS: 0.18, INCLUDING: 0.15}


@dataclass
class Costs:
    """What one kind of work cost in each round, in processor seconds: a server's for an answer, or a publisher's."""

    work: str
    by: dict[str, list[float]] = field(default_factory=dict)

    def times(self, one: str, other: str) -> list[float]:
        """Return how many times as much one cost as another, round by round."""
        pairs = zip(self.by.get(one, []), self.by.get(other, []), strict=False)
        return [mine / theirs for mine, theirs in pairs]


def processor_s(pid: int) -> float:
    """Return the processor time that a process and all that it started have used, in seconds, ended threads included."""
    # The clock of another process (clock_getcpuclockid(3)): CPUCLOCK_SCHED is 2. /proc/PID/stat counts in hundredths.
    return sum(time.clock_gettime((~each << 3) | 2) for each in family(pid))


# --- What is asked ------------------------------------------------------------------------------------------------------


def _values(get: Get, facets: str) -> dict[str, list[str]]:
    body = orjson.loads(get(f"{COLLECTION}?limit=1&facets={facets}&facet_limit=40")[2])
    return {name: [each["value"] for each in found if each["value"]] for name, found in body["facets"].items()}


def _pages(get: Get) -> Iterator[str]:
    for sort in ("id", "-title", "given", "-updated_at"):
        for cursor in cursors(get, sort, step=5, steps=600):
            yield page_at(sort, cursor)


def _lists(get: Get) -> Iterator[str]:
    found = _values(get, "language,reported_by")
    languages = [pair for size in (1, 2, 3) for pair in combinations(found["language"], size)]
    for some, reporter, sort in product(languages, found["reported_by"], ("title", "-given")):
        query = "&".join([*(f"language={each}" for each in some), f"reported_by={reporter}"])
        yield f"{COLLECTION}?{query}&sort={sort}&limit={LIMIT}"


def _counts(names: tuple[str, ...]) -> Iterator[str]:
    for order, limit in product(permutations(names), range(1, 100)):
        yield f"{COLLECTION}?facets={','.join(order)}&limit={limit}"


#: Own fields of the archive that has very many: two of terms and two of truths.
_COUNTED = ("custom.field_000", "custom.field_005", "custom.field_004", "custom.field_009")


def _own_lists(get: Get) -> Iterator[str]:
    terms = _values(get, "custom.field_000,custom.field_005")
    for one, other, sort in product(terms["custom.field_000"], range(0, 900, 30), ("custom.field_001", "-title")):
        yield f"{COLLECTION}?custom.field_000={one}&custom.field_001_min={other}&sort={sort}&limit={LIMIT}"
    for one, sort in product(terms["custom.field_005"], ("custom.field_001", "-custom.field_003")):
        yield f"{COLLECTION}?custom.field_005={one}&custom.field_004=true&sort={sort}&limit={LIMIT}"


def _including(get: Get) -> Iterator[str]:
    """Yield events of which about 20 other records tell or that they name, each at several addresses."""
    cursor, orders = "", [",".join(order) for order in islice(permutations(INCLUDED.split(",")), ORDERS)]
    while True:
        page = orjson.loads(get(f"/v1/events?fields=id&limit=200{cursor}")[2])
        for event in page["data"]:
            target = f"/v1/events/{event['id']}?include="
            if orjson.loads(get(target + INCLUDED)[2])["included_total"] in OTHERS:
                yield from (target + order for order in orders)
        if page["links"]["next"] is None:
            return
        cursor = "&cursor=" + page["links"]["next"].rpartition("cursor=")[2]


def questions(get: Get, holding: Holding) -> dict[str, list[str]]:
    """Return what is asked of an archive, by what it is."""
    asked = {PAGES: _pages(get), LISTS: _lists(get), COUNTS: _counts(FACETS)}
    if holding == "many fields":
        asked |= {OWN_LISTS: _own_lists(get), OWN_COUNTS: _counts(_COUNTED)}
    else:
        asked[INCLUDING] = islice(_including(get), 5 * ASKED)
    return {name: shuffled(list(targets)) for name, targets in asked.items()}


# --- Measuring ----------------------------------------------------------------------------------------------------------


def publishing(work: Path, testimonies: int, rounds: int) -> tuple[Costs, dict[Holding, Path]]:
    """Publish each archive in turn, and return what that cost and where the releases are."""
    costs, folders = Costs(PUBLISHING), dict[Holding, Path]()
    archives = {holding: generated(work, testimonies, holding=holding) for holding in HOLDINGS}
    for number, (holding, archive) in product(range(rounds), archives.items()):
        note(f"publishing: {holding}, round {number + 1}")
        folders[holding] = archive.with_name("data")
        before = _children_s()
        published(archive, folders[holding], testimonies)
        costs.by.setdefault(holding, []).append(_children_s() - before)
    return costs, folders


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def answering(folders: dict[Holding, Path], work: Path, rounds: int) -> Iterator[Costs]:
    """Ask every archive the same in turns, and uvicorn what they answered."""
    asked: dict[Holding, dict[str, list[str]]] = {}
    for holding, data in folders.items():
        # A server that is not measured gives out the questions, and the answers that uvicorn is to give.
        with running("the server", server(data), ready="/readyz") as ours, ours.asking() as get:
            note(f"choosing what to ask: {holding}")
            asked[holding] = questions(get, holding)
            works = [Work(name, targets) for name, targets in asked[holding].items()]
            write_answers(get, works, work / f"{holding}.json")
    with ExitStack() as stack:
        servers: dict[str, Running] = {}
        for holding, data in folders.items():
            servers[holding] = stack.enter_context(running("the server", server(data), ready="/readyz"))
            servers[_raw(holding)] = stack.enter_context(running(RAW, _answering(work, holding), ready="/"))
        for name in dict.fromkeys(name for some in asked.values() for name in some):
            yield _asked(
                name, servers, {holding: some[name] for holding, some in asked.items() if name in some}, rounds
            )
        for target in EXPORTED:
            yield _exported(target, {holding: servers[holding] for holding in folders}, rounds)


def _raw(holding: Holding) -> str:
    return f"{RAW}, {holding}"


def _answering(work: Path, holding: Holding) -> Callable[[int], list[str]]:
    """Return the command of uvicorn with the answers of an archive."""
    command = [sys.executable, "-m", "tests.bench.peers.raw", str(work / f"{holding}.json")]
    return lambda port: [*command, str(port)]


def _asked(name: str, servers: dict[str, Running], targets: dict[Holding, list[str]], rounds: int) -> Costs:
    note(f"measuring: {name}")
    costs = Costs(name)
    for holding, some in targets.items():
        warm(servers[holding], some[:WARMING])
        warm(servers[_raw(holding)], some[:WARMING])
    for number, (holding, some) in product(range(rounds), targets.items()):
        fresh = some[WARMING:]
        share = min(ASKED, len(fresh) // rounds)
        costs.by.setdefault(holding, []).append(_load(servers[holding], fresh[number * share : (number + 1) * share]))
        costs.by.setdefault(_raw(holding), []).append(_load(servers[_raw(holding)], some[:ASKED], times=10))
    return costs


def _load(asked: Running, targets: list[str], *, times: int = 1) -> float:
    """Return the processor time of an answer, in seconds."""
    assert targets, "there is too little to ask: measure with more testimonies"
    headers = [f"{name}: {value}" for name, value in HEADERS.items()]
    job = Job(asked.port, targets * times, headers, 200, SECONDS, CONNECTIONS, once=True, cores=LOAD_CORES)
    before = processor_s(asked.pid)
    answered = load(job).requests
    return (processor_s(asked.pid) - before) / answered


def _exported(target: str, servers: dict[str, Running], rounds: int) -> Costs:
    note(f"measuring: {target}")
    costs = Costs(f"export, {target}")
    for number, (holding, asked) in product(range(rounds), servers.items()):
        before = processor_s(asked.pid)
        status, headers, _ = asked.get(f"{target}?sort={('id', '-id', 'title', '-title')[number % 4]}")
        assert status == 200, target
        costs.by.setdefault(holding, []).append((processor_s(asked.pid) - before) / int(headers["archive-total"]))
    return costs


def show(costs: list[Costs]) -> bool:
    """Print what everything cost, and tell whether all that has a limit kept to it."""
    table = new_table("processor time", "work", "compared", "measured", "from – to", "limit", "kept")
    kept = True
    for work, (compared, ratios, least, most) in ((one.work, row) for one in costs for row in _rows(one)):
        median = statistics.median(ratios)
        is_kept = (least is None or median >= least) and (most is None or median <= most)
        kept = kept and is_kept
        limit = f">= {least}" if least is not None else f"<= {most}" if most is not None else ""
        table.add_row(
            work, compared, figure(median), spread(ratios), limit, ("yes" if is_kept else "no") if limit else ""
        )
    console.print(table)
    each = new_table("of one answer, or of all", "work", *HOLDINGS)
    for one in costs:
        medians = [statistics.median(one.by[holding]) * 1e6 if holding in one.by else None for holding in HOLDINGS]
        each.add_row(f"{one.work}, µs", *map(figure, medians))
    console.print(each)
    return kept


def _rows(one: Costs) -> Iterator[tuple[str, list[float], float | None, float | None]]:
    """Yield what is compared, the ratios, and the least or the most that they may be."""
    if ratios := one.times("real", "plain"):
        yield "with : without", ratios, None, TENTH
    if ratios := one.times("many fields", "plain"):
        yield "100 fields : without", ratios, None, None
    for holding in HOLDINGS:
        if ratios := one.times(_raw(holding), holding):
            yield f"part of {RAW}, {holding}", ratios, LEAST.get(one.work), None


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.holdings", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--testimonies", type=int, default=10_000, metavar="N", help="in each archive (10000)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each work (3)")
    parser.add_argument("--work", type=Path, help="a folder to keep archives and releases in")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        work = given.work.resolve() if given.work else Path(made)
        cost, folders = publishing(work, given.testimonies, given.rounds)
        costs = [cost, *answering(folders, work, given.rounds)]
    if not show(costs):
        sys.exit(1)


if __name__ == "__main__":
    main()
