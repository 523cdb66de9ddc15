"""Evidence unmasks nobody: every role that an agent can have, times every policy, times every kind of evidence.

A role that a new field of the format brings has to come into the table, or a test fails.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from service.archive.checks import Report, check_archive
from service.archive.checks.references import references_of
from service.archive.identifiers import TYPE_OF_PREFIX
from service.archive.model import RECORD_MODELS
from tests.archives import TEXT, Fields, archive, passage, record, write

TODAY = date(2026, 3, 4)
CITED = [{"source": "src-1"}]
MASKED = [{"source": "src-1", "masked": True}]
SOURCE = record("src-1", verbatim=True, text={**record("src-1")["text"], "content": TEXT}, duration_s=60)

#: What leads to the very words of a source, and what does not.
UNMASKING: dict[str, Fields] = {
    "passage": passage(),
    "passage with quote": passage() | {"quote": TEXT[:19]},
    "quote": {"source": "src-1", "quote": "They came at night."},
    "page with quote": {"source": "src-1", "page": 3, "quote": "They came at night."},
    "time with quote": {"source": "src-1", "time": [1, 2], "quote": "They came at night."},
}
HARMLESS: dict[str, Fields] = {
    "source alone": {"source": "src-1"},
    "page": {"source": "src-1", "page": 3},
    "time": {"source": "src-1", "time": [1, 2]},
    **{f"masked {name}": citation | {"masked": True} for name, citation in UNMASKING.items()},
}

Citations = list[Fields]


def act(**fields: Any) -> Fields:
    return {"type": "beating", "status": "alleged", "asserted_by": "agt-1", "citations": CITED, **fields}


def claim(**fields: Any) -> Fields:
    return {"field": "date", "value": "2021", "asserted_by": "agt-1", "citations": CITED, **fields}


def relation(to: str, **fields: Any) -> Fields:
    return {"type": "translation_of", "to": to, **fields}


def happening(**fields: Any) -> Fields:
    return record("evt-1", participants=[], **fields)


#: How an agent comes into a record, given the record's citations. `agt-2` is who is protected.
ROLES: dict[str, Callable[[Citations], list[Fields]]] = {
    "herself": lambda cited: [],
    "testimony.witness": lambda cited: [record("tes-1", witness="agt-2", citations=cited)],
    "testimony.hearsay": lambda cited: [record("tes-1", hearsay=["agt-1", "agt-2"], citations=cited)],
    "testimony.reported_by": lambda cited: [record("tes-1", reported_by="agt-2", citations=cited)],
    "testimony.contributors": lambda cited: [
        record("tes-1", contributors=[{"agent": "agt-2", "role": "interpreter"}], citations=cited)
    ],
    "session of an interview in which she speaks": lambda cited: [
        record("tes-1", transcript=[{"speaker_agent": "agt-2", "text": "I was there."}], citations=MASKED),
        record("tes-2", part_of="tes-1", citations=cited),
    ],
    "interview that she has given in a session": lambda cited: [
        record("tes-1", witness="agt-2", part_of="tes-2"),
        record("tes-2", citations=cited),
    ],
    "session beside hers": lambda cited: [
        record("tes-1", witness="agt-2", part_of="tes-3"),
        record("tes-2", part_of="tes-3", citations=cited),
        record("tes-3"),
    ],
    "event.participants": lambda cited: [
        record("evt-1", participants=[{"agent": "agt-2", "role": "person affected"}], citations=cited)
    ],
    "event.acts.victim": lambda cited: [record("evt-1", acts=[act(victim="agt-2", citations=cited)])],
    "event.acts.actor": lambda cited: [record("evt-1", acts=[act(actor="agt-2")], citations=cited), *answer("evt-1")],
    "event.acts.asserted_by": lambda cited: [record("evt-1", acts=[act(asserted_by="agt-2")], citations=cited)],
    "event.acts, another act": lambda cited: [
        record("evt-1", acts=[act(victim="agt-2"), act(victim="agt-1", citations=cited)])
    ],
    "act.findings, body": lambda cited: [
        record(
            "evt-1",
            acts=[
                act(status="rejected", findings=[{"body": "agt-2", "outcome": "not_established", "citations": CITED}])
            ],
            citations=cited,
        )
    ],
    "statistic.asserted_by": lambda cited: [record("sta-1", asserted_by="agt-2", citations=cited)],
    "statistic.reported_by": lambda cited: [record("sta-1", reported_by="agt-2", citations=cited)],
    "response.party": lambda cited: [record("rsp-1", party="agt-2", citations=cited)],
    "response.referred_to": lambda cited: [record("rsp-1", kind="referred", referred_to="agt-2", citations=cited)],
    "response.via": lambda cited: [record("rsp-1", via="agt-2", citations=cited)],
    "response.asked_by": lambda cited: [record("rsp-1", asked_by="agt-2", citations=cited)],
    "response.about": lambda cited: [record("rsp-1", about=["agt-2"], citations=cited)],
    "agent.member_of": lambda cited: [
        record("agt-3", kind="group", member_of=["agt-2"], citations=cited) | {"name": "Neighbours"}
    ],
    "agent.status.asserted_by": lambda cited: [
        record("agt-3", status=[{"status": "missing", "asserted_by": "agt-2", "citations": cited}])
    ],
    "testimony.events, participant": lambda cited: [
        record("evt-1", participants=[{"agent": "agt-2", "role": "person affected"}]),
        record("tes-1", events=["evt-1"], citations=cited),
    ],
    "testimony.events, victim": lambda cited: [
        record("evt-1", acts=[act(victim="agt-2")]),
        record("tes-1", events=["evt-1"], citations=cited),
    ],
    "response.about, her event": lambda cited: [
        record("evt-1", acts=[act(victim="agt-2")]),
        record("rsp-1", about=["evt-1"], citations=cited),
    ],
    "response.about, her testimony": lambda cited: [
        record("tes-1", witness="agt-2"),
        record("rsp-1", about=["tes-1"], citations=cited),
    ],
    "event.claims.asserted_by": lambda cited: [record("evt-1", claims=[claim(asserted_by="agt-2")], citations=cited)],
    "event.claims, their citations": lambda cited: [
        record("evt-1", acts=[act(victim="agt-2")], claims=[claim(citations=cited)])
    ],
    "statistic.events, victim": lambda cited: [
        record("evt-1", acts=[act(victim="agt-2")]),
        record("sta-1", events=["evt-1"], citations=cited),
    ],
    "event.relations.asserted_by": lambda cited: [
        record("evt-2"), record("evt-1", relations=[relation("evt-2", asserted_by="agt-2")], citations=cited)
    ],
    "testimony.relations.asserted_by": lambda cited: [
        record("tes-2"), record("tes-1", relations=[relation("tes-2", asserted_by="agt-2")], citations=cited)
    ],
    "statistic.relations.asserted_by": lambda cited: [
        record("sta-2"), record("sta-1", relations=[relation("sta-2", asserted_by="agt-2")], citations=cited)
    ],
    "source.relations.asserted_by": lambda cited: [
        record("src-2", text=None, relations=[relation("src-1", asserted_by="agt-2", citations=cited)], masked=True),
    ],
    "testimony.relations, to her account": lambda cited: [
        record("tes-2", witness="agt-2"), record("tes-1", relations=[relation("tes-2")], citations=cited)
    ],
    "testimony.relations, from her account": lambda cited: [
        record("tes-2", witness="agt-2", relations=[relation("tes-1")]), record("tes-1", citations=cited)
    ],
}  # fmt: skip

POLICIES = {"pseudonym": True, "withheld": True, "unknown": False, "published": False}


def answer(about: str) -> list[Fields]:
    return [record("rsp-9", party="agt-2", kind="not_stated", about=[about])]


def agent(policy: str, citations: Citations) -> Fields:
    named = {"name": "Mara Ivanova"} if policy == "published" else {"name": None, "label": "A resident"}
    return record("agt-2", kind="person", name_policy=policy, citations=citations, **named)


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., Report]:
    def check_records(*records: Fields) -> Report:
        return check_archive(write(tmp_path / "archive.json", archive(*records)), today=TODAY)

    return check_records


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("role", ROLES)
def test_no_evidence_unmasks_in_any_role(check: Callable[..., Report], role: str, policy: str) -> None:
    for name, citation in {**UNMASKING, **HARMLESS}.items():
        cited = [{"source": "src-1"}, citation]
        own = cited if role == "herself" else []
        somebody = agent(policy, own) | ({"kind": "group"} if role == "agent.member_of" else {})
        found = codes(check(SOURCE, somebody, *ROLES[role](cited)))
        is_unmasking = POLICIES[policy] and name in UNMASKING
        assert found == ({"deanonymising_anchor"} if is_unmasking else set()), (role, policy, name)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("role", [role for role in ROLES if role.startswith("testimony")])
def test_no_transcript_unmasks(check: Callable[..., Report], role: str, policy: str) -> None:
    for is_masked in (True, False):
        *others, testimony = ROLES[role]([{"source": "src-1", "masked": is_masked}])
        told = testimony | {"transcript": [{"text": "My name is what it is."}]}
        found = [(each.code, each.pointer) for each in check(SOURCE, agent(policy, []), *others, told).findings]
        is_unmasking = POLICIES[policy] and not is_masked
        at = sum(each["id"].startswith("tes-") for each in others)
        assert found == ([("deanonymising_anchor", f"/testimonies/{at}/transcript")] if is_unmasking else []), is_masked


def test_a_hidden_session_decides_nothing_about_a_public_one(check: Callable[..., Report]) -> None:
    hidden = record("tes-1", witness="agt-2", part_of="tes-2", access={"visibility": "restricted"})
    cited = [{"source": "src-1"}, passage()]
    assert codes(check(SOURCE, agent("withheld", []), hidden, record("tes-2", citations=cited))) == set()


#: How an agent comes into a source.
MAKERS: dict[str, Fields] = {
    "creators": {"creators": ["agt-2"]},
    "publisher": {"publisher": "agt-2"},
    "custody": {"custody": [{"on": "2021-05-09", "agent": "agt-2", "action": "received"}]},
}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("role", ["creators", "publisher", "custody"])
@pytest.mark.parametrize(
    ("fields", "leads"),
    [
        ({}, "/text"),
        ({"text": None, "url": "https://example.org/a"}, "/url"),
        ({"text": None, "archived_url": "https://example.org/b"}, "/archived_url"),
        ({"text": None}, None),
        ({"text": None, "identifiers": [{"scheme": "doi", "value": "10.5555/1"}]}, "/identifiers"),
        ({"masked": True}, None),
    ],
)
def test_no_source_unmasks_its_maker(
    check: Callable[..., Report], role: str, policy: str, fields: Fields, leads: str | None
) -> None:
    source = SOURCE | fields | MAKERS[role]
    found = [(each.code, each.pointer) for each in check(source, agent(policy, [])).findings]
    expected = [("deanonymising_anchor", f"/sources/0{leads}")] if POLICIES[policy] and leads else []
    assert found == expected


def test_the_table_has_every_role_of_the_format() -> None:
    """Every field that may name an agent is in a record of the table, with the protected agent in it."""
    names = set()
    sources = [SOURCE | fields for fields in MAKERS.values()]
    for each in [*sources, *(each for make in ROLES.values() for each in make(CITED))]:
        kind = TYPE_OF_PREFIX[each["id"][:3]]
        for at, target, _ in references_of(RECORD_MODELS[kind].model_validate(each)):
            if target == "agt-2":
                names.add((kind, without_numbers(at)))
    assert names == {(kind, field) for kind in RECORD_MODELS for field in agent_fields(RECORD_MODELS[kind])}


def without_numbers(pointer: str) -> str:
    return "/".join(step for step in pointer.split("/") if not step.isdigit())


def agent_fields(model: Any) -> set[str]:
    from service.archive.checks.references import _links

    def walk(links: Any, at: str) -> set[str]:
        found = set()
        for link in links:
            if "agent" in link.types:
                found.add(f"{at}/{link.name}")
            found |= walk(link.inner, f"{at}/{link.name}")
        return found

    return walk(_links(model), "")


def test_a_hidden_happening_decides_nothing(check: Callable[..., Report]) -> None:
    """A restricted event in which she has a part says nothing of a public testimony, which may not name it anyway."""
    hidden = record("evt-1", acts=[act(victim="agt-2")], access={"visibility": "restricted"})
    told = record("tes-1", events=["evt-1"], citations=[passage()])
    assert codes(check(SOURCE, agent("withheld", []), hidden, told)) == {"visibility_conflict"}
