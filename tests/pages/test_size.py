"""How much a reader has to load: little, whatever an archive holds, so that a page comes to a phone in one breath."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from justhtml import JustHTML

from service.release.publish import publish
from service.settings import Settings
from tests.archives import archive, record, write
from tests.bench.generate import write_archive
from tests.conftest import running
from tests.pages.kinds import addresses
from tests.pages.test_pages import BROWSER, LARGEST, Links

#: What a page may load besides itself. Scripts are loaded where a copy can be checked or a recording played.
LOADED = {"style.css", "icon.svg"}
SCRIPTS = {"check.js", "player.js"}
#: Pages that hold the words of others, which are as long as they are.
_WORDS = re.compile(r'class="(source-text|transcript)"')


def look_at(client: httpx.Client) -> int:
    """Look at every page; return how many there are."""
    asked = addresses(client)
    for address in asked:
        page = client.get(address, headers={**BROWSER, "Accept-Language": "ar", "Accept-Encoding": "gzip"})
        assert page.status_code == 200, address
        JustHTML(page.text, strict=True, sanitize=False)
        if not _WORDS.search(page.text):
            assert int(page.headers["content-length"]) < LARGEST, address
        loads = [each.partition("?")[0].removeprefix("/assets/") for each in Links(page.text).loads]
        scripts = {each for each in loads if each in SCRIPTS}
        # What is seen or heard is served by the API, where the archive has it.
        assert {each for each in loads if not each.startswith("/v1/sources/")} - scripts == LOADED, address
        assert len(loads) == len(set(loads)), address
    return len(asked)


def test_every_page_of_the_seed_archive_is_small(client: httpx.Client) -> None:
    assert look_at(client) > 76


def test_every_page_of_the_invented_archive_is_small(invented: httpx.Client) -> None:
    assert look_at(invented) > 65


@pytest.fixture
def large(tmp_path: Path) -> Iterator[httpx.Client]:
    """The archive that speed is measured with: own fields, claims, relations, files, many languages."""
    write_archive(tmp_path / "archive.jsonl", 60)
    publish(tmp_path / "archive.jsonl", tmp_path / "data")
    with running(Settings(data=tmp_path / "data")) as client:
        yield client


def test_every_page_of_a_large_archive_is_small(large: httpx.Client) -> None:
    assert look_at(large) > 500


def many(tmp_path: Path) -> Path:
    """Publish an archive with 300 values of every facet and a testimony of 10,000 words, titles as long as they may be."""
    sizes = range(300)
    topics = [record(f"top-{n}", label=f"Topic {n} {n * 7919 % 1000:x} " + "of many words " * 20) for n in sizes]
    places = [record(f"plc-{n}", name=f"Place {n} {n * 7919 % 1000:x} " + "at the far end " * 20) for n in sizes]
    agents = [record(f"agt-{n}", name=f"Person {n * 7919 % 1000:x}") for n in range(1, 300)]
    events = [
        record(f"evt-{n}", title=f"Event {n} " + "which took long " * 20, topics=[f"top-{n}"], place=f"plc-{n}")
        for n in sizes
    ]
    words = " ".join(f"word{n * 7919 % 10_007}" for n in range(10_000))
    told = [
        record(
            f"tes-{n}",
            title=f"Testimony {n} " + "as it was told " * 20,
            summary=words if n == 0 else f"Summary {n}. " + "What was said. " * 100,
            topics=[each["id"] for each in topics] if n == 0 else [f"top-{n}"],
            place=f"plc-{n}",
            witness=f"agt-{max(n, 1)}",
            content_warnings=["Violence of a kind that takes many words to tell"],
        )
        for n in sizes
    ]
    publish(write(tmp_path / "archive.json", archive(*topics, *places, *agents, *events, *told)), tmp_path / "data")
    return tmp_path / "data"


def test_lists_stay_small_with_300_values_of_a_facet_and_long_titles(tmp_path: Path) -> None:
    with running(Settings(data=many(tmp_path))) as client:
        for address in ("/", "/map", "/timeline", "/search?q=word1", "/testimonies", "/events", "/topics", "/places?limit=50",
                        "/testimonies?limit=50", "/events?limit=50", "/search?q=told&limit=50", "/topics/top-7", "/places/plc-7"):  # fmt: skip
            page = client.get(address, headers={**BROWSER, "Accept-Encoding": "gzip"})
            assert page.status_code == 200, address
            assert int(page.headers["content-length"]) < LARGEST, address
        # 10,000 words are the account itself: it is not cut, and the page is not much more than it.
        page = client.get("/testimonies/tes-0", headers={**BROWSER, "Accept-Encoding": "gzip"})
        assert page.text.count("word") >= 10_000
        assert int(page.headers["content-length"]) < 2 * LARGEST


@pytest.mark.parametrize("path", ["/testimonies?limit=51", "/search?q=the&limit=51"])
def test_a_page_lists_no_more_than_can_be_read_at_once(client: httpx.Client, path: str) -> None:
    page = client.get(path, headers={**BROWSER, "Accept-Language": "en"})
    assert page.status_code == 422
    assert "limit" in page.text
    assert client.get(path.replace("51", "50"), headers=BROWSER).status_code == 200
