"""Hostile archives in a real browser: every text and address of the format tries to run a script, to lead elsewhere, to turn the
direction of what stands around it. What the format gains is tried too: records are made of its declared fields.
"""

import copy
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Dialog

from service.archive.checks import check_archive
from service.archive.model import Head, Part
from service.release.publish import publish
from service.settings import Settings
from tests.archives import Fields, archive, record, write
from tests.browser.conftest import OpenPage
from tests.conftest import PublishTo, Serve, running
from tests.pages.kinds import KINDS, addresses
from tests.safety.canaries import OWN, Marks, one_of_each, unset_fields

IMAGE = "<img src=x onerror=\"document.title='hacked'\">"
SCRIPT = f"<script>document.title='hacked'</script>{IMAGE}\"' onmouseover=alert(1) {{{{ 7*7 }}}}"
#: Overrides the direction of what follows, and does not end that.
BIDI = "\u202e\u2066turned\u202d"
ELSEWHERE = "https://elsewhere.example/"
#: A text that ends whatever it may stand in, and goes on as markup of its own.
HOSTILE = f"</title></svg></textarea>{SCRIPT}{BIDI}"


class Hostile(Marks):
    """Makes values that try everything that their fields let in."""

    def text(self, where: str) -> str:
        number = next(self._next)
        # Names of files and labels of pages may hold no slash, and no character that is not printed.
        return self._plant(where, f"{number}{IMAGE if where in ('file name', 'page') else HOSTILE}")

    def address(self, where: str) -> str:
        return self._plant(where, f"{ELSEWHERE}{next(self._next)}\"><script>document.title='hacked'</script>")


class Running(Hostile):
    """Makes addresses that would run a script."""

    def address(self, where: str) -> str:
        return self._plant(where, "javascript:document.title='hacked'")


def hostile(kind: type[Marks] = Hostile) -> Marks:
    return kind("hostile", "враждебн", 2021, 482_955_163)


def head() -> Fields:
    """Return the head of an archive, every field set: its own vocabulary and fields too."""
    translated = {"ru": {"label": HOSTILE, "description": HOSTILE}}
    shown = {"label": HOSTILE, "description": HOSTILE, "translations": translated}
    made: Fields = copy.deepcopy(OWN)
    terms = [
        {"value": IMAGE, "exact_match": [f'{ELSEWHERE}"onclick=1'], **shown},
        {"value": f"{IMAGE}2", "broader": IMAGE, **shown},
    ]
    made["vocabularies"] = {"things": {"title": HOSTILE, "closed": False, "terms": terms}}
    for fields in made["fields"].values():
        for each in fields:
            each.update(shown)
            each.update({"number": {"unit": HOSTILE}, "reference": {"to": ["place", "topic"]}}.get(each["kind"], {}))
    return made | {
        "title": HOSTILE, "description": HOSTILE, "contact": f"{HOSTILE} a@b.example", "coverage": HOSTILE, "citation": HOSTILE,
        "publisher": {"name": HOSTILE, "url": f'{ELSEWHERE}"><script>'},
        "theme": {"title": IMAGE, "footer": HOSTILE, "accent": "#8a4b2f"},
    }  # fmt: skip


#: Fields of the head that hold no text of the archive's own: what they may be is closed.
CLOSED = {
    "Head.id", "Head.language", "Head.licence", "Theme.accent", "OwnField.name", "OwnField.kind", "OwnField.vocabulary", "OwnField.to",
}  # fmt: skip


def texts_in(part: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the texts of a part of the head, with the names of their fields; (name, "") for a field that is not set."""
    if isinstance(part, Part):
        for field in type(part).model_fields:
            value, called = getattr(part, field), f"{type(part).__name__}.{field}"
            yield from texts_in(value, called) if value not in (None, [], {}) else [(called, "")]
    elif isinstance(part, list | dict):
        for each in part.values() if isinstance(part, dict) else part:
            yield from texts_in(each, name)
    elif isinstance(part, str):
        yield name, part


def test_every_text_of_the_format_is_hostile() -> None:
    assert unset_fields(one_of_each(hostile(), visibility="embargoed", embargo_until="2030-01-01")) == set()
    whole = archive(**head())["archive"]
    tried: dict[str, bool] = {}
    for name, text in texts_in(Head.model_validate(whole)):
        tried[name] = tried.get(name, False) or "hacked" in text or ELSEWHERE in text
    assert {name for name, is_tried in tried.items() if not is_tried} == CLOSED


def test_an_address_that_would_run_a_script_is_refused_wherever_one_may_stand(tmp_path: Path) -> None:
    marks = hostile(Running)
    whole = archive(*one_of_each(marks), **head())
    report = check_archive(write(tmp_path / "archive.json", whole), today=date(2026, 3, 4))
    refused = [finding.pointer for finding in report.findings if "must be an http" in finding.detail]
    planted = sum(value.startswith("javascript:") for value in marks.texts.values())
    assert len(refused) == planted > 50
    assert {finding.pointer for finding in report.findings} == set(refused)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("hostile")
    publish(write(folder / "archive.json", archive(*one_of_each(hostile()), **head())), folder / "data")
    with running(Settings(data=folder / "data")) as client:
        yield client


#: What pages are asked for besides every address: what readers type, and what stands in links that strangers send.
ASKED = [
    "/search?q=turned",
    "/search?q=%3Cscript%3Ealert(1)%3C/script%3E",
    "/testimonies?q=%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
    "/events?act=%3Cscript%3E&type=killing",
    "/events?date_from=%22onfocus%3Dalert(1)",
    "/statistics?unit=%3Cimg%20src%3Dx%3E",
    "/timeline?date_from=2021",
    "/%3Cscript%3Ealert(1)%3C/script%3E",
    "/events?lang=%22%3E%3Cscript%3E",
]

#: Returns what a page holds that ours do not, and texts that turn the direction of others.
LOOK = """() => {
  const found = [];
  for (const element of document.querySelectorAll("*")) {
    for (const { name, value } of element.attributes) {
      if (name.startsWith("on") || name === "style" || /^\\s*(javascript|data|vbscript):/i.test(value) && name !== "value") {
        found.push(`${element.tagName} ${name}=${value.slice(0, 60)}`);
      }
    }
    if (["IMG", "IFRAME", "OBJECT", "EMBED", "BASE", "TEXTAREA"].includes(element.tagName)) found.push(element.outerHTML);
    if (element.tagName === "SCRIPT" && !["module", "application/ld+json"].includes(element.type)) found.push(element.outerHTML);
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    if (!/[\u202a-\u202e\u2066-\u2068]/.test(text.data) || text.parentElement.closest("script, option, title")) continue;
    let element = text.parentElement;
    const isInline = (each) => getComputedStyle(each).display === "inline";
    const isApart = (each) => /isolate|plaintext/.test(getComputedStyle(each).unicodeBidi);
    while (isInline(element) && !isApart(element)) element = element.parentElement;
    // Words that were looked for are marked: they are a part of the text around them.
    const isPart = (each) => each.nodeType === 3 || each.tagName === "MARK" || each.textContent.trim() === "";
    // What stands alone in its block turns nothing but itself.
    if (isInline(element) || element.textContent.trim() === text.data.trim()) continue;
    if (isApart(element) && [...element.childNodes].every(isPart)) continue;
    found.push(`turns others: ${text.parentElement.outerHTML.slice(0, 80)} in ${element.outerHTML.slice(0, 80)}`);
  }
  return found;
}"""


@pytest.mark.parametrize("language", ["en", "ru", "ar"])
def test_no_page_runs_a_script_asks_elsewhere_or_is_turned(
    served: httpx.Client, open_page: OpenPage, language: str
) -> None:
    base = str(served.base_url).rstrip("/")
    page: Any = open_page("about:blank", locale=language)
    dialogs: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    asked = [*addresses(served), *ASKED]
    assert len(asked) > len(KINDS) + len(ASKED)
    for path in asked:
        answer = page.goto(base + path)
        assert answer.status in (200, 404, 422), path
        page.evaluate("document.querySelectorAll('details').forEach(each => each.setAttribute('open', ''))")
        assert page.evaluate(LOOK) == [], path
        assert page.title() != "hacked", path
        # What the archive says is there, and is text.
        if answer.status == 200 and path not in ASKED:
            assert "onerror=" in page.locator("body").inner_text(), path
    assert [each for each in page.asked if not each.startswith((base, "about:"))] == []
    # The browser tells of scripts and styles that the policy kept from running: there was none to be kept.
    assert [each for each in page.errors if "status of 4" not in each] == []
    assert dialogs == []


def test_a_title_of_a_megabyte_does_not_fill_the_lists(
    publish_to: PublishTo, serve: Serve, open_page: OpenPage, tmp_path: Path
) -> None:
    long = "long " * 200_000
    named = {"src": "title", "agt": "name", "plc": "name", "top": "label", "evt": "title", "tes": "title", "sta": "title",
             "rsp": "subject"}  # fmt: skip
    publish_to(
        tmp_path / "data",
        archive(*(record(f"{prefix}-2", **{field: long}) for prefix, field in named.items()), title=long),
    )
    client = serve(tmp_path / "data")
    page: Any = open_page("about:blank")
    for path in [*addresses(client), "/search?q=long"]:
        page.goto(str(client.base_url).rstrip("/") + path)
        # What was asked of somebody is not only the title of the response: there it stands whole.
        if path != "/responses/rsp-2":
            assert len(page.content()) < 100_000, path
