"""Content warnings travel with what they warn of, into every answer that shows words of it."""

from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest

from tests.archives import archive, record
from tests.conftest import PublishTo, Serve

WARNINGS = ["loud <doors>", "marker --> warning\n\nand more"]
KINDS = {"testimonies": "tes-1", "events": "evt-1", "statistics": "sta-1", "sources": "src-1"}


@pytest.fixture
def client(tmp_path: Path, publish_to: PublishTo, serve: Serve) -> httpx.Client:
    whole = archive(
        record("src-1", title="lantern film", verbatim=True, content_warnings=WARNINGS),
        record("evt-1", title="lantern event", content_warnings=WARNINGS),
        record("sta-1", title="lantern figure", content_warnings=WARNINGS),
        record("tes-1", title="lantern account", content_warnings=WARNINGS, transcript=[{"text": "A lantern."}]),
    )
    publish_to(tmp_path / "data", whole)
    return serve(tmp_path / "data")


@pytest.mark.parametrize(("collection", "record_id"), KINDS.items(), ids=KINDS)
def test_a_record_and_a_hit_bear_the_warnings(client: httpx.Client, collection: str, record_id: str) -> None:
    shown = client.get(f"/v1/{collection}/{record_id}").json()
    assert shown["content_warnings"] == WARNINGS
    assert shown["language_of"]["content_warnings"] == "en"
    [hit] = client.get("/v1/search", params={"q": "lantern", "collection": collection}).json()["data"]
    assert (hit["id"], hit["content_warnings"]) == (record_id, WARNINGS)
    [found] = client.get(f"/v1/{collection}", params={"q": "doors", "fields": "id"}).json()["data"]
    assert found == {"id": record_id}


@pytest.mark.parametrize("collection", KINDS)
def test_a_table_has_a_column_of_warnings(client: httpx.Client, collection: str) -> None:
    table = client.get(f"/v1/{collection}?format=csv").text
    assert "content_warnings" in table.splitlines()[0]
    assert "loud <doors>|marker" in table


def test_a_transcript_begins_with_them_in_every_format(client: httpx.Client) -> None:
    address = "/v1/testimonies/tes-1/transcript"
    assert client.get(address).json()["content_warnings"] == WARNINGS
    assert client.get(f"{address}?format=text").text.startswith("Content warnings: loud <doors>; marker")
    blocks = client.get(f"{address}?format=vtt").text.split("\n\n")
    assert blocks[0] == "WEBVTT"
    assert blocks[1] == "NOTE Content warnings: loud &lt;doors&gt;; marker --&gt; warning\nand more"
    assert blocks[2].startswith("NOTE tes-1-s1")


def test_the_feed_names_them(client: httpx.Client) -> None:
    feed = ET.fromstring(client.get("/v1/changes?format=atom").content)
    atom = "{http://www.w3.org/2005/Atom}"
    contents = {
        entry.findtext(f"{atom}title", ""): entry.findtext(f"{atom}content", "") for entry in feed.iter(f"{atom}entry")
    }
    warned = {title for title, content in contents.items() if "Content warnings: loud <doors>; " in content}
    assert warned == {
        "New testimony: lantern account",
        "New event: lantern event",
        "New statistic: lantern figure",
        "New source: lantern film",
    }
