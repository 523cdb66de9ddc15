"""Whether answers are right, by a plain query over the same records. Nothing is timed before this has passed."""

from itertools import product
from urllib.parse import urlencode

import orjson

from tests.bench.generate import COMMON, RARE
from tests.bench.peers import Filtered, Peer
from tests.bench.plain import ORDERS, Plain
from tests.bench.processes import HOST, Get
from tests.bench.questions import COLLECTION, LIMIT, filtered

#: Pages of a list that are followed, and lists of each kind.
PAGES, LISTS = 3, 12


def check_server(get: Get, plain: Plain) -> int:
    """Compare lists, searches and records. Returns how many answers were looked at; raises AssertionError."""
    looked_at = 0
    for sort in ORDERS:
        looked_at += _check_list(get, plain, sort, {})
    for pair, sort in product(filtered(plain)[:LISTS], ORDERS):
        looked_at += _check_list(get, plain, sort, {"language": [pair.language], "reported_by": [pair.reported_by]})
    [topic], [place] = (
        plain.column("SELECT min(value) FROM found_by WHERE kind = ?", [kind]) for kind in ("topic", "place")
    )
    looked_at += _check_list(get, plain, "given", {"topic": [topic], "place": [place], "language": ["ru", "en"]})
    looked_at += sum(_check_search(get, plain, word) for word in (COMMON, RARE))
    records = plain.rows("SELECT collection, max(id), status FROM other GROUP BY collection, status")
    for collection, record_id, expected in [*records, ("testimonies", plain.ids("-id")[0], 200)]:
        status, _, body = get(f"/v1/{collection}/{record_id}")
        assert status == expected, (record_id, status)
        assert status != 200 or orjson.loads(body)["id"] == record_id
    return looked_at + len(records) + 1


def _check_search(get: Get, plain: Plain, word: str) -> int:
    """Compare how many testimonies have a word, and how many of them are in each language."""
    status, _, body = get(f"{COLLECTION}?q={word}&facets=language")
    assert status == 200, body
    answer = orjson.loads(body)
    languages = plain.languages_with(word)
    assert answer["meta"]["total"] == sum(languages.values()), word
    assert {one["value"]: one["count"] for one in answer["facets"]["language"] if one["count"]} == languages, word
    assert all(word in one["summary"] for one in answer["data"]), word
    return 1


def _check_list(get: Get, plain: Plain, sort: str, having: dict[str, list[str]]) -> int:
    """Follow a list for some pages, or to its end."""
    ids = plain.ids(sort, **having)
    target = f"{COLLECTION}?{urlencode({**having, 'sort': sort, 'limit': LIMIT}, doseq=True)}"
    for number in range(PAGES):
        status, _, body = get(target)
        assert status == 200, body
        answer = orjson.loads(body)
        found = [one["id"] for one in answer["data"]]
        assert found == ids[number * LIMIT : (number + 1) * LIMIT], target
        assert answer["meta"]["total"] == len(ids), target
        following = answer["links"]["next"]
        assert (following is None) == ((number + 1) * LIMIT >= len(ids)), target
        if following is None:
            return number + 1
        target = following.removeprefix(f"http://{HOST}")
    return PAGES


def check_cursors(get: Get, plain: Plain, targets: list[str]) -> int:
    """Compare pages anywhere in the list: each is a stretch of it, shorter at its ends only."""
    ids = plain.ids()
    places = {record_id: number for number, record_id in enumerate(ids)}
    for target in targets:
        status, _, body = get(target)
        assert status == 200, body
        found = [one["id"] for one in orjson.loads(body)["data"]]
        assert found, target
        start, end = places[found[0]], places[found[-1]] + 1
        assert found == ids[start:end], target
        assert len(found) == LIMIT or start == 0 or end == len(ids), target
    return len(targets)


def check_peer(get: Get, peer: Peer, plain: Plain, asked: list[Filtered]) -> None:
    """Compare a page in the middle, and filtered lists. Raises AssertionError."""
    ids = plain.ids()
    middle = len(ids) // 2
    found = peer.ids(get(peer.page(middle, ids[middle - 1]))[2])
    assert found == ids[middle : middle + LIMIT], (peer.name, found)
    for one in asked[:LISTS]:
        expected = plain.ids("-id" if one.descending else "id", language=[one.language], reported_by=[one.reported_by])
        found = peer.ids(get(peer.filtered(one))[2])
        assert found == expected[:LIMIT], (peer.name, one)
