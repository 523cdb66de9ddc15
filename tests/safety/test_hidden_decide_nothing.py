"""Hidden records decide nothing that is public: what is found of public records, by every rule there is, is what would be
found without the hidden ones.

Each file of the corpus breaks a rule; beside it stand hidden records that would mend it, break it again or stand in its way
if they counted.
"""

import copy
import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import date
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from service.archive.checks import RULES, Report, check_archive
from service.archive.checks.rules import NOTES
from service.archive.identifiers import PLURALS, TYPE_OF_PREFIX
from service.archive.protected_names import private_names
from tests.archives import Fields, archive, file_of, passage, record, write

CORPUS = Path(__file__).parents[1] / "archive" / "corpus"
TODAY = date(2024, 6, 1)
KEPT = record("agt-2", kind="person", name_policy="withheld", name=None, label="Somebody")
FILE = file_of("media/one")
HIDDEN: dict[str, Fields] = {
    "restricted": {"visibility": "restricted"},
    "embargoed": {"visibility": "embargoed", "embargo_until": "2024-06-02"},
    "expired": {"consent_basis": "direct", "consent": {"expires": "2024-06-01"}},
    "not consented": {"consent_basis": "direct", "consent": {"scope": ["research", "translate"]}},
}
WHOLE = [
    path for path in sorted(CORPUS.rglob("*.json")) if not path.name.startswith(("invalid_json", "unsupported_format"))
]


def records_of(whole: Fields) -> Iterator[Fields]:
    for plural in PLURALS.values():
        listed = whole.get(plural)
        if isinstance(listed, list):
            yield from (each for each in listed if isinstance(each, dict) and isinstance(each.get("id"), str))


def hidden_beside(whole: Fields, access: Fields) -> list[Fields]:
    """Return hidden records beside an archive: a twin of each record, an answer of each kind of everybody accused of
    anything, and persons, public and protected, who are called what the archive's texts say.
    """
    twins = [
        {**copy.deepcopy(each), "id": f"{each['id'][:4]}hidden-{number}"}
        for number, each in enumerate(records_of(whole))
        if each["id"][:3] in TYPE_OF_PREFIX and each["id"][3:4] == "-"
    ]
    citations = [{"source": next((each["id"] for each in records_of(whole) if each["id"].startswith("src-")), "src-1")}]
    answers = [
        record(f"rsp-hidden-{kind[:5]}-{number}", kind=kind, party=actor, about=[event], citations=citations)
        for number, (event, actor) in enumerate(sorted(accused(whole)))
        for kind in ("admitted", "not_stated", "denied")
    ]
    words = sorted(
        {word for each in records_of(whole) for word in str(each.get("title", "")).split() if word.isalpha()}
    )
    called = " ".join(words[:3]) or "Nobody Here"
    persons = [
        record("agt-hidden-public", kind="person", name_policy="published", name=called),
        record("agt-hidden-kept", kind="person", name_policy="withheld", name=None, label="Somebody"),
    ]
    kept = [name for each in records_of(whole) for name in private_names(each.get("access"))]
    namesakes = [
        record(f"agt-hidden-namesake-{number}", kind="person", name_policy="published", name=name)
        for number, name in enumerate(kept)
    ]
    others = (*twins, *answers, *namesakes, *accounts_of_protected(whole), *children(whole))
    made = [{**each, "access": access} for each in (*others, *persons)]
    made[-1]["access"] = {**access, "private": {"name": called}}
    return made


def accounts_of_protected(whole: Fields) -> list[Fields]:
    """Return what everybody whose name is protected says of every event, from every source: it would make all of their
    passages and files unmask somebody.
    """
    by_type: dict[str, list[str]] = {"src": [], "evt": []}
    for each in records_of(whole):
        by_type.get(each["id"][:3], []).append(each["id"])
    kept = [each["id"] for each in records_of(whole) if each.get("name_policy") in ("withheld", "pseudonym")]
    return [
        record(
            f"tes-hidden-kept-{number}", witness=agent, events=by_type["evt"],
            citations=[{"source": source} for source in by_type["src"]] or [{"source": "src-1"}],
            relations=[{"type": "account_of", "to": event} for event in by_type["evt"]],
        )
        for number, agent in enumerate(kept)
    ]  # fmt: skip


def children(whole: Fields) -> list[Fields]:
    """Return a record below each record that has one above it: a walk upwards from there enters a circle at another place."""
    return [
        {**copy.deepcopy(each), "id": f"{each['id'][:4]}hidden-child-{number}", name: each["id"]}
        for number, each in enumerate(records_of(whole))
        for name in ("part_of", "broader", "relative_to")
        if isinstance(each.get(name), str) and each["id"][:3] in TYPE_OF_PREFIX and each["id"][3:4] == "-"
    ]


def accused(whole: Fields) -> set[tuple[str, str]]:
    return {
        (event["id"], str(act["actor"]))
        for event in records_of(whole)
        for act in event.get("acts") or []
        if isinstance(act, dict) and act.get("actor")
    }


def with_hidden(whole: Fields, hidden: list[Fields], seed: str) -> Fields:
    """Return the archive with hidden records anywhere between its own."""
    mixed = copy.deepcopy(whole)
    chance = random.Random(seed)
    for each in hidden:
        listed = mixed.setdefault(PLURALS[TYPE_OF_PREFIX[each["id"][:3]]], [])
        if isinstance(listed, list):
            is_child = "hidden-child" in each["id"]
            listed.insert(0 if is_child else chance.choice([0, chance.randint(0, len(listed))]), each)
    return mixed


def about_public(report: Report, whole: Fields) -> Counter[tuple[str, str, str]]:
    """Return what is found, errors and notes, but for hidden records; records are named by their identifier."""
    found: Counter[tuple[str, str, str]] = Counter()
    for finding in (*report.findings, *report.notes):
        plural, _, rest = finding.pointer.removeprefix("/").partition("/")
        number, _, inside = rest.partition("/")
        if number.isdecimal() and isinstance(whole.get(plural), list):
            shown: Any = whole[plural][int(number)]
            if isinstance(shown, dict) and "hidden-" in str(shown.get("id")):
                continue
            name = str(shown.get("id")) if isinstance(shown, dict) else "?"
            found[finding.code, f"{plural} {name} {inside}", finding.detail] += 1
        else:
            found[finding.code, finding.pointer, finding.detail] += 1
    return found


def checked(path: Path, whole: Fields) -> Report:
    path.write_text(json.dumps(whole))
    return check_archive(path, today=TODAY)


def test_what_is_found_of_public_records_is_found_without_the_hidden_ones(tmp_path: Path) -> None:
    told: set[str] = set()
    shutil.copytree(CORPUS / "media", tmp_path / "media")
    for path, (way, access) in zip(WHOLE, cycle(HIDDEN.items()), strict=False):
        whole = json.loads(path.read_bytes())
        mixed = with_hidden(whole, hidden_beside(whole, access), path.name)
        alone = about_public(checked(tmp_path / "a.json", whole), whole)
        assert about_public(checked(tmp_path / "b.json", mixed), mixed) == alone, (path.name, way)
        told |= {code for code, _, _ in alone}
    # Every rule that a file of the corpus can break was broken.
    assert {path.stem.split("-")[0] for path in WHOLE} & set(RULES) <= told


#: Archives in which nothing is wrong, or one thing, and in which hidden records would make more or something else of it.
ALONE: dict[str, tuple[Fields, set[str]]] = {
    "a passage of an event that she has no part in": (
        archive(KEPT, record("evt-1", citations=[passage()])), set(),
    ),
    "a file of a source that she has no part in": (
        archive(KEPT, record("src-1", text=None, files=[FILE]), record("evt-1")), set(),
    ),
    "a circle": (
        archive(*(record(f"plc-{n}", part_of=f"plc-{n % 3 + 1}") for n in (1, 2, 3))), {"reference_cycle"},
    ),
    "a name that two share": (
        archive(
            {**KEPT, "access": {"private": {"name": "Mara Ivanova"}}},
            record("agt-3", kind="person", name="Olga Petrova"),
            record("evt-1", title="Ivanova said so"),
        ),
        {"protected_name_present"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", HIDDEN)
@pytest.mark.parametrize("case", ALONE)
def test_what_hidden_records_would_make_of_it_is_not_found(tmp_path: Path, case: str, way: str) -> None:
    whole, codes = ALONE[case]
    whole = json.loads(json.dumps(whole))
    write(tmp_path / "files.json", whole)
    alone = about_public(checked(tmp_path / "a.json", whole), whole)
    assert {code for code, _, _ in alone} - NOTES == codes
    hidden = [*hidden_beside(whole, HIDDEN[way])]
    hidden.append(record("agt-hidden-same", kind="person", name="Olga Ivanova", access=HIDDEN[way]))
    mixed = with_hidden(whole, hidden, case)
    assert about_public(checked(tmp_path / "b.json", mixed), mixed) == alone
