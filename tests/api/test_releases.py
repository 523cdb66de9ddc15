"""Releases: statements and signatures as they were published, to be checked with ssh-keygen."""

import base64
import hashlib
from pathlib import Path

import httpx
import pytest

from service.depots.signatures import read_signer
from service.release.data_folder import prune
from tests.archives import archive, record
from tests.conftest import PublishTo, Serve
from tests.depots.keys import allow, make_key, ssh_keygen_verifies


@pytest.fixture
def signed(tmp_path: Path, publish_to: PublishTo, serve: Serve) -> httpx.Client:
    """Three releases, of which only the last is kept; the first is not signed."""
    data, key = tmp_path / "data", make_key(tmp_path / "key")
    for n in range(1, 4):
        publish_to(data, archive(record("tes-1", title=f"{n}")), sign=None if n == 1 else read_signer(key))
    prune(data, keep=1)
    return serve(data)


def test_every_release_is_listed_newest_first_also_those_that_are_gone(signed: httpx.Client) -> None:
    page = signed.get("/v1/releases").json()
    assert [(each["number"], each["served"]) for each in page["data"]] == [(3, True), (2, False), (1, False)]
    assert page["meta"]["total"] == 3
    assert page["links"]["next"] is None
    for newer, older in zip(page["data"], page["data"][1:], strict=False):
        assert newer["previous"] == older["statement"]
    assert page["data"][2]["previous"] is None
    first = page["data"][0]
    assert first["id"] == signed.get("/v1").json()["release"]["id"]
    assert signed.get(first["links"]["self"]).json() == first
    assert signed.get("/v1").json()["links"]["releases"] == f"{signed.base_url}/v1/releases"


def test_pages_are_followed_to_the_first_release(signed: httpx.Client) -> None:
    address, numbers = "/v1/releases?limit=1", []
    while address:
        page = signed.get(address).json()
        numbers += [each["number"] for each in page["data"]]
        address = page["links"]["next"]
    assert numbers == [3, 2, 1]
    assert 'rel="next"' in signed.get("/v1/releases?limit=2").headers["link"]
    assert signed.get("/v1/releases?cursor=WyJ4IiwxXQ").status_code == 422


def test_all_statements_are_one_file_whose_lines_are_the_statements(signed: httpx.Client) -> None:
    lines = signed.get("/v1/releases?format=ndjson").content.splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        answer = signed.get(f"/v1/releases/{number}/statement")
        assert answer.content == line
        digest = hashlib.sha256(line)
        assert answer.headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
        assert signed.get(f"/v1/releases/{number}").json()["statement"] == f"sha256:{digest.hexdigest()}"
    assert len(lines) == 3


def test_ssh_keygen_verifies_what_is_served(signed: httpx.Client, tmp_path: Path) -> None:
    allowed = allow(tmp_path / "allowed", tmp_path / "key")
    for number in (2, 3):
        for name in ("statement", "signature"):
            (tmp_path / name).write_bytes(signed.get(f"/v1/releases/{number}/{name}").content)
        assert ssh_keygen_verifies(tmp_path / "statement", tmp_path / "signature", allowed)


def test_what_was_not_signed_says_so(signed: httpx.Client) -> None:
    assert signed.get("/v1/releases/1").json()["links"]["signature"] is None
    answer = signed.get("/v1/releases/1/signature")
    assert (answer.status_code, answer.json()["detail"]) == (404, "The statement of release 1 was not signed.")


@pytest.mark.parametrize("number", ["0", "4", "01", "x", "-1", "1" * 400])
def test_no_other_number_leads_anywhere(signed: httpx.Client, number: str) -> None:
    for suffix in ("", "/statement", "/signature"):
        assert signed.get(f"/v1/releases/{number}{suffix}").status_code == 404


def test_what_it_does_not_take_is_refused(signed: httpx.Client) -> None:
    assert signed.get("/v1/releases/1?format=xml").status_code == 422
    assert signed.get("/v1/releases?format=csv").status_code == 422
    assert signed.get("/v1/releases/1/statement", headers={"Accept": "text/csv"}).status_code == 406
