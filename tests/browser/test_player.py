"""Recordings on pages, in a real browser: played with the transcript, by a stranger's rules and without scripts."""

import io
import re
import wave
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from service.release.publish import publish
from tests.archives import TEXT, archive, record, write
from tests.browser.conftest import OpenPage, faults_of
from tests.conftest import Serve
from tests.web_server import given_out

SPOKEN = [
    {"start_s": 0, "end_s": 2, "text": "They came at night."},
    {"start_s": 2, "end_s": 4, "speaker": "A neighbour", "text": "We were told to leave."},
    {"start_s": 4, "text": "Nobody said where to."},
]
CUES = b"WEBVTT\n\n00:00.000 --> 00:02.000\nThey came at night.\n"


def silence(seconds: int) -> bytes:
    """Return a recording without a sound, as WAVE."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(b"\x80" * 8000 * seconds)
    return file.getvalue()


@pytest.fixture
def heard(tmp_path: Path, serve: Serve) -> httpx.Client:
    """A testimony with a transcript, from a source whose recording is public."""
    stated = []
    for name, content, kind, role in (
        ("gate.wav", silence(6), "audio/wav", "access_copy"),
        ("gate.vtt", CUES, "text/vtt", "subtitles"),
    ):
        (tmp_path / name).write_bytes(content)
        digest = sha256(content).hexdigest()
        file = {"name": name, "path": name, "media_type": kind, "role": role, "sha256": digest, "public": True}
        stated.append(file | {"bytes": len(content), "language": "en"})
    steps = [{"on": "2021-05-10", "agent": "agt-1", "action": "received", "note": "In a sealed envelope."}]
    source = record("src-1", verbatim=True, files=stated, custody=steps, text=None)
    testimony = record("tes-1", transcript=SPOKEN, access={"consent_basis": "direct"})
    publish(write(tmp_path / "archive.json", archive(source, testimony)), tmp_path / "data")
    return serve(tmp_path / "data")


def address(client: httpx.Client, path: str) -> str:
    return str(client.base_url).rstrip("/") + path


@pytest.mark.parametrize("path", ["/testimonies/tes-1", "/sources/src-1"])
def test_axe_finds_nothing_wrong(heard: httpx.Client, open_page: OpenPage, path: str) -> None:
    page = open_page(address(heard, path))
    assert faults_of(page) == []
    assert page.errors == []  # type: ignore[attr-defined] # put there by the fixture


def test_a_line_of_the_transcript_plays_and_is_marked(heard: httpx.Client, open_page: OpenPage) -> None:
    page: Any = open_page(address(heard, "/testimonies/tes-1"))
    page.wait_for_function("document.querySelector('audio').readyState >= 1")
    page.locator("a.play").nth(1).click()
    page.wait_for_function("document.querySelector('audio').currentTime >= 2")
    expect(page.locator(".transcript [aria-current]")).to_contain_text("We were told to leave")
    page.evaluate("document.querySelector('audio').pause()")
    page.evaluate("document.querySelector('audio').currentTime = 5")
    expect(page.locator(".transcript [aria-current]")).to_contain_text("Nobody said where to")
    expect(page.locator(".transcript [aria-current]")).to_have_count(1)
    assert page.url == address(heard, "/testimonies/tes-1")
    assert page.errors == []


def test_without_scripts_the_recording_is_there_and_each_line_leads_to_its_second(
    heard: httpx.Client, open_page: OpenPage
) -> None:
    page = open_page(address(heard, "/testimonies/tes-1"), scripts=False)
    assert page.locator("audio[controls]").is_visible()
    assert page.locator("a.play").nth(1).get_attribute("href") == "/v1/sources/src-1/files/gate.wav#t=2"
    assert page.locator("audio track").get_attribute("srclang") == "en"


def test_a_front_end_elsewhere_plays_a_recording_with_its_subtitles(
    heard: httpx.Client, open_page: OpenPage, tmp_path: Path
) -> None:
    """As docs/front-end.md has it: from another origin, with `crossorigin`."""
    guide = Path("docs/front-end.md").read_text(encoding="utf-8")
    [element] = re.findall(r"```html\n(<audio.*?</audio>)\n", guide, re.DOTALL)
    files = {file["role"]: file["href"] for file in heard.get("/v1/sources/src-1").json()["files"]}
    element = element.replace("HREF OF THE RECORDING", files["access_copy"])
    element = element.replace("HREF OF THE SUBTITLES", files["subtitles"]).replace("#t=12", "#t=3")
    (tmp_path / "front").mkdir()
    (tmp_path / "front" / "index.html").write_text(f"<!doctype html><title>Elsewhere</title>{element}")
    with given_out(tmp_path / "front") as front:
        page: Any = open_page(f"{front}/index.html")
        page.wait_for_function("document.querySelector('audio').currentTime >= 3")
        page.evaluate("document.querySelector('track').track.mode = 'showing'")
        page.wait_for_function("document.querySelector('track').readyState === 2")
        assert page.evaluate("document.querySelector('track').track.cues[0].text") == "They came at night."


def test_a_source_shows_its_files_and_how_it_came(heard: httpx.Client) -> None:
    page = heard.get("/sources/src-1", headers={"Accept": "text/html"}).text
    assert '<a href="/v1/sources/src-1/files/gate.vtt">' in page
    assert "In a sealed envelope." in page
    assert "How it came to the archive" in page
    assert TEXT not in page
