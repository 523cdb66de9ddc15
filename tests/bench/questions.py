"""What is asked of the server over HTTP. Cursors are those that it gave out: gathered by following links, at another worker."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain, combinations, permutations, product
from random import Random
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson

from tests.bench.generate import COMMON, RARE, SEED
from tests.bench.peers import Filtered
from tests.bench.plain import ORDERS, Plain
from tests.bench.processes import Get

COLLECTION = "/v1/testimonies"
WARM_PAGE, COLD_PAGE = "page of 20, asked before", "page of 20, never asked"
WARM_RECORD, COLD_RECORD = "record, asked before", "record, never asked"
#: The same as browsers ask: never the same addresses, so that no row profits from another.
WARM_GZIP, COLD_GZIP = f"{WARM_PAGE}, gzip", f"{COLD_PAGE}, gzip"
WARM_ZSTD, COLD_ZSTD = f"{WARM_PAGE}, zstd", f"{COLD_PAGE}, zstd"
COLD_RECORD_GZIP = f"{COLD_RECORD}, gzip"
#: Pages for people, as browsers ask for them.
READ_RECORD, FRESH_RECORD = "a record to read (HTML, gzip), asked before", "a record to read (HTML, gzip), never asked"
READ_LIST, FRESH_LIST = "a list to read (HTML, gzip), asked before", "a list to read (HTML, gzip), never asked"
UNCHANGED, COLD_LIST = "304", "two filters and a sort, never asked"
COLD_QUESTION = "changed since a moment, never asked"
BEST, FACETED, RARELY = "best 20 of a word in half", "four facets over it, one record shown", "a rare word"
SUGGEST = "suggest"
SORTS = ("id", "-id", "title", "-title", "given", "-given", "updated_at", "-updated_at")
#: Records on the pages that are measured, and at most on any.
LIMIT, MOST = 20, 200
#: Pages that a walk looks at in each order, and records on them at most: each gives two cursors.
STEPS, STEP = 4000, 50
#: Targets of one work: more than are asked.
ENOUGH = 60_000
#: Cursors around one place of a list.
AROUND = 3000
FACETS = ("topic", "place", "language", "attribution")
#: Times that one question to the text index is asked, each time in another way.
TIMES = 200


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of question that many connections ask at once. With `once`, what is measured was never asked before."""

    name: str
    targets: list[str]
    once: bool = True
    headers: list[str] = field(default_factory=list)
    status: int = 200
    #: What peers are asked instead, by their names.
    peers: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything that is asked of lists and records."""

    warm: list[Work]
    pages: Work
    zipped: list[Work]
    lists: Work
    moments: Work
    records: Work
    #: Pages for people.
    read: list[Work]
    #: Pages at the beginning of the list and at its end.
    first: list[str]
    last: list[str]

    @property
    def works(self) -> list[Work]:
        return [*self.warm, self.pages, *self.zipped, self.lists, self.moments, self.records, *self.read]


# --- Lists and records ------------------------------------------------------------------------------------------------


def cursors(get: Get, sort: str, *, step: int, steps: int, start: str | None = None) -> Iterator[str]:
    """Follow the links of a list, `step` records a page, and yield each new cursor."""
    query = {"sort": sort, "limit": str(step)} | ({} if start is None else {"cursor": start})
    for _ in range(steps):
        status, _, body = get(f"{COLLECTION}?{urlencode(query)}")
        assert status == 200, body
        links = orjson.loads(body)["links"]
        for link in ("prev", "next"):
            cursor = parse_qs(urlsplit(links[link] or "").query).get("cursor")
            if cursor:
                yield cursor[0]
        if links["next"] is None:
            return
        query["cursor"] = parse_qs(urlsplit(links["next"]).query)["cursor"][0]


def page_at(sort: str, cursor: str) -> str:
    return f"{COLLECTION}?{urlencode({'sort': sort, 'limit': LIMIT, 'cursor': cursor})}"


def asked(get: Get, plain: Plain, testimonies: int) -> Asked:
    """Choose what is asked. `get` asks a worker that is not measured."""
    first, last = _first_and_last(get, testimonies)
    page = f"{COLLECTION}?limit={LIMIT}"
    etag = get(page)[1]["etag"]
    ids = plain.ids()
    pages, records, lists = _cold_pages(get, testimonies), _cold_records(plain), _cold_lists(plain)
    return Asked(
        warm=[
            Work(WARM_PAGE, [page], once=False),
            Work(WARM_RECORD, [f"{COLLECTION}/{ids[len(ids) // 2]}"], once=False),
            _zipped(Work(WARM_GZIP, [page], once=False), "gzip"),
            _zipped(Work(WARM_ZSTD, [page], once=False), "zstd"),
            Work(UNCHANGED, [page], once=False, headers=[f"If-None-Match: {etag}"], status=304),
        ],
        pages=pages,
        zipped=[
            _zipped(Work(COLD_GZIP, pages.targets), "gzip"),
            _zipped(Work(COLD_ZSTD, pages.targets), "zstd"),
            _zipped(Work(COLD_RECORD_GZIP, records.targets), "gzip"),
        ],
        lists=lists,
        moments=_moments(),
        records=records,
        read=[
            _read(READ_LIST, [COLLECTION], once=False),
            _read(READ_RECORD, [f"{COLLECTION}/{ids[len(ids) // 2]}"], once=False),
            _read(FRESH_LIST, lists.targets, once=True),
            _read(FRESH_RECORD, records.targets, once=True),
        ],
        first=first,
        last=last,
    )


def _zipped(work: Work, coding: str) -> Work:
    """Return the same work, asked with a coding, at addresses that differ: `&` after a query changes nothing."""
    end = "&" if coding == "gzip" else "&&"
    targets = [target + (end if "?" in target else "?" + end) for target in work.targets]
    return Work(work.name, targets, once=work.once, headers=[f"Accept-Encoding: {coding}"])


def _read(name: str, targets: list[str], *, once: bool) -> Work:
    """Return the pages that show what these addresses of the API give, asked for by a browser."""
    headers = ["Accept: text/html", "Accept-Encoding: gzip"]
    return Work(name, [target.removeprefix("/v1") for target in targets], once=once, headers=headers)


def _cold_records(plain: Plain) -> Work:
    ids = [f"{COLLECTION}/{one}" for one in plain.column("SELECT id FROM testimony")]
    others = plain.rows("SELECT collection, id FROM other WHERE status = 200")
    return Work(COLD_RECORD, shuffled([*ids, *(f"/v1/{collection}/{one}" for collection, one in others)]))


def _cold_pages(get: Get, testimonies: int) -> Work:
    """Pages in every order, forward and backward: all over a short list, and far into a long one from either end."""
    step = min(STEP, max(1, testimonies // STEPS))
    return Work(
        COLD_PAGE,
        shuffled([page_at(sort, cursor) for sort in SORTS for cursor in cursors(get, sort, step=step, steps=STEPS)]),
    )


def _cold_lists(plain: Plain) -> Work:
    """Lists by language and who reported, sorted: half of the testimonies are reported by one of 40."""
    languages = plain.column("SELECT DISTINCT language FROM testimony")
    reporters = plain.column("SELECT DISTINCT reported_by FROM testimony WHERE reported_by IS NOT NULL")
    some = chain.from_iterable(combinations(languages, size) for size in (1, 2, 3, 4))
    queries = (
        {"language": chosen, "reported_by": reporter, "sort": sort, "limit": LIMIT}
        for chosen, reporter, sort in product(some, reporters, ORDERS)
    )
    return Work(
        COLD_LIST,
        shuffled([f"{COLLECTION}?{urlencode(query, doseq=True)}" for query in queries]),
    )


def _moments() -> Work:
    """The first page of what changed since each of many moments: nothing that is kept of one list helps with the next."""
    first = datetime(2026, 1, 1, tzinfo=UTC)
    moments = (first + timedelta(seconds=number) for number in range(ENOUGH))
    targets = [f"{COLLECTION}?limit={LIMIT}&updated_since={each:%Y-%m-%dT%H:%M:%SZ}" for each in moments]
    return Work(COLD_QUESTION, targets)


def filtered(plain: Plain) -> list[Filtered]:
    """Return what peers are asked instead of `cold_lists`: they keep no answers, so it may be fewer."""
    pairs = plain.rows("SELECT DISTINCT language, reported_by FROM testimony WHERE reported_by IS NOT NULL")
    asked = [Filtered(language, reporter, down) for (language, reporter), down in product(pairs, (False, True))]
    Random(SEED).shuffle(asked)
    return asked


def _first_and_last(get: Get, testimonies: int) -> tuple[list[str], list[str]]:
    """Return pages at the beginning of the list and at its end, neither asked before."""
    around = min(AROUND, testimonies // 3)
    far = max(1, (testimonies - around - LIMIT) // MOST)
    *_, deep = cursors(get, "id", step=MOST, steps=far)
    found = [list(cursors(get, "id", step=1, steps=around, start=start)) for start in (None, deep)]
    first, last = (shuffled([page_at("id", cursor) for cursor in some]) for some in found)
    return first, last


def shuffled(targets: list[str]) -> list[str]:
    """Return some of the targets, each once, in any order that is the same each time."""
    unique = list(dict.fromkeys(targets))
    return Random(SEED).sample(unique, min(ENOUGH, len(unique)))


# --- The text index ---------------------------------------------------------------------------------------------------


def spellings(word: str) -> list[str]:
    """Return a word in capitals here and there: other questions with the same answer."""
    choices = product(*((letter, letter.upper()) for letter in word))
    return shuffled(["".join(letters) for letters in choices])[:TIMES]


def findings(plain: Plain) -> dict[str, list[str]]:
    """Return questions to the text index by what they are, none of them twice."""
    facets = ",".join(FACETS)
    orders = [",".join(order) for order in permutations(FACETS)]
    return {
        BEST: [f"{COLLECTION}?q={word}" for word in spellings(COMMON)],
        FACETED: [f"{COLLECTION}?q={word}&facets={facets}&limit=1" for word in spellings(COMMON)],
        RARELY: [f"{COLLECTION}?q={word}" for word in spellings(RARE)],
        "search with excerpts": [f"/v1/search?q={word}" for word in spellings(COMMON)],
        "four facets over everything": [
            f"{COLLECTION}?facets={order}&limit={limit}" for order, limit in product(orders, range(1, 10))
        ][:TIMES],
        SUGGEST: [f"/v1/suggest?{urlencode({'q': typed})}" for typed in _typed(plain)],
    }


def _typed(plain: Plain) -> list[str]:
    """Return what people type into a search box, letter by letter, until the word is there."""
    words = [word for title in plain.column("SELECT title FROM testimony LIMIT 400") for word in title.split()]
    return shuffled([word[: length + 1] for word in words for length in range(len(word))])[: 5 * TIMES]
