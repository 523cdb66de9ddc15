"""A name that is protected is found wherever an archive can keep a text: in every field of the format, in own fields of every
kind that holds words, in translations, in what the head declares.
"""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from service.archive.checks import check_archive
from service.archive.identifiers import PLURALS
from tests.archives import Fields, archive, record, write
from tests.safety.canaries import OWN, one_of_each, visible

NAME = "Mara Ivanova"
KEPT = record(
    "agt-9", kind="person", name_policy="withheld", name=None, label="Somebody", access={"private": {"name": NAME}}
)


def leaves(value: object, steps: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*steps, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, (*steps, number))
    elif isinstance(value, str):
        yield steps, value


def put(whole: Any, steps: tuple[Any, ...], text: str) -> None:
    for step in steps[:-1]:
        whole = whole[step]
    whole[steps[-1]] = text


def found_with(path: Path, whole: Fields) -> set[str]:
    report = check_archive(write(path, whole), today=date(2026, 3, 4))
    assert not report.more
    assert "Ivanova" not in json.dumps([[each.pointer, each.detail] for each in report.findings])
    return {each.pointer for each in report.findings if each.code == "protected_name_present"}


def test_it_is_found_in_every_text_of_every_record(tmp_path: Path) -> None:
    mark = visible()
    texts = json.loads(json.dumps(archive(*one_of_each(mark), KEPT, **OWN)))
    tried = 0
    for plural in PLURALS.values():
        whole = json.loads(json.dumps(texts))
        places = [
            (plural, *steps)
            for steps, text in leaves(whole[plural])
            # What is marked as a text, or as an address: identifiers, languages and days cannot hold a name.
            if steps[1] != "access" and text.lower().startswith((mark.stem, f"https://{mark.stem}"))
        ]
        # A file that is not public may bear the name that is protected.
        places = [each for each in places if each[2:4] != ("files", 1)]
        for each in places:
            text = next(text for steps, text in leaves(whole) if steps == each)
            put(whole, each, f"{text}/mara-ivanova" if text.startswith("https:") else f"{text} {NAME}")
        expected = {"/" + "/".join(map(str, each)) for each in places}
        found = found_with(tmp_path / "a.json", whole)
        assert expected - found == set()
        tried += len(places)
    assert tried > 300


def test_it_is_found_in_what_the_head_declares(tmp_path: Path) -> None:
    term = {"value": "plain", "label": NAME, "description": NAME, "translations": {"ru": {"label": NAME}}}
    field = {
        "name": "mara_ivanova", "label": NAME, "kind": "text", "description": NAME,
        "translations": {"ru": {"label": NAME}},
    }  # fmt: skip
    declared: Fields = {
        "vocabularies": {"mara_ivanova": {"title": NAME, "terms": [term, {"value": "mara-ivanova", "label": "x"}]}},
        "fields": {"event": [field]},
    }
    whole = archive(
        KEPT, title=NAME, description=NAME, coverage=NAME, citation=NAME, contact="ivanova@e.example", **declared
    )
    found = found_with(tmp_path / "a.json", whole)
    at = "/archive/vocabularies/mara_ivanova"
    assert {f"/archive/{name}" for name in ("title", "description", "coverage", "citation", "contact")} <= found
    assert {
        "/archive/fields/event/0/" + name for name in ("name", "label", "description", "translations/ru/label")
    } <= found
    assert {at + end for end in ("/title", "/terms/0/label", "/terms/0/description", "/terms/1/value")} <= found
