"""Taking a name back: what moves, what stays as it was, and which places are told."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from service.archive.checks import check_archive
from service.archive.unnaming import Unnaming, unname
from service.errors import EditRefused
from tests.archives import Fields, archive, record, write

TODAY = date(2026, 3, 4)
SEED = Path(__file__).parents[2] / "seed" / "archive.json"
PERSON = record("agt-2", kind="person", name="Mara Ivanova", label="A resident", translations={"ru": {"name": "Мара"}})


def taken_back(path: Path, **options: Any) -> Unnaming:
    return unname(path, "agt-2", **{"policy": "withheld", "label": None, "today": TODAY, **options})


def agent_in(path: Path) -> Fields:
    text = path.read_text()
    whole = json.loads(text) if path.suffix == ".json" else {"agents": map(json.loads, text.splitlines())}
    return next(each for each in whole["agents"] if each.get("id") == "agt-2")


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
@pytest.mark.parametrize("private", [None, "in the safe", {"names": ["M. I."], "telephone": "7"}])
def test_the_name_moves_and_nothing_else_does(tmp_path: Path, name: str, private: object) -> None:
    others = [record("tes-1", summary="Somebody—said so."), record("agt-3")]
    whole = archive(PERSON | {"access": {"consent_basis": "direct", "private": private}}, *others)
    path = write(tmp_path / name, whole)
    before = path.read_text()
    assert taken_back(path) == Unnaming([], more=False)
    agent = agent_in(path)
    assert agent["name_policy"] == "withheld"
    assert "name" not in agent
    assert "translations" not in agent
    kept = agent["access"]["private"]
    assert kept["names"][-2:] == ["Mara Ivanova", "Мара"]
    if private is not None:
        assert ("M. I." in kept["names"] and kept["telephone"] == "7") or kept["note"] == private
    for each in others:
        assert json.dumps(each)[1:] in before
        assert json.dumps(each)[1:] in path.read_text()
    assert check_archive(path, today=TODAY).findings == []


def test_a_file_is_laid_out_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for indent in (1, 2, "\t"):
        path.write_text(json.dumps(archive(PERSON), indent=indent, ensure_ascii=False))
        taken_back(path)
        assert path.read_text() == json.dumps(json.loads(path.read_text()), indent=indent, ensure_ascii=False)


def test_each_place_where_it_stands_is_told_and_the_name_is_not(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        archive(
            PERSON,
            record("tes-1", summary="Ivanova says so.", content_warnings=["Ivanova’s death"]),
            record("tes-2", summary="Ivanova says so.", access={"visibility": "restricted"}),
            record("src-2", url="https://example.org/mara-ivanova"),
            record("evt-ivanova"),
        ),
    )
    places = taken_back(path).places
    assert [each.pointer.split(" /")[1] for each in places] == ["url", "id", "summary", "content_warnings/0"]
    assert {each.code for each in places} == {"protected_name_present"}
    assert not any("ivanova" in each.detail.lower() for each in places)
    assert check_archive(path, today=TODAY).findings == places


@pytest.mark.parametrize(("agent", "message"), [("agt-9", "no agent"), ("tes-1", "no agent"), ("agt-3", "no `label`")])
def test_what_cannot_be_taken_back_is_refused_and_the_file_is_as_it_was(
    tmp_path: Path, agent: str, message: str
) -> None:
    path = write(tmp_path / "a.json", archive(record("agt-3", name="Ana"), record("tes-1")))
    before = path.read_bytes()
    with pytest.raises(EditRefused, match=message):
        unname(path, agent, policy="withheld", label=None, today=TODAY)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


def test_a_witness_of_the_seed_is_found_in_every_record_that_names_him(tmp_path: Path) -> None:
    whole = json.loads(SEED.read_text())
    path = tmp_path / "a.json"
    path.write_text(SEED.read_text())
    places = unname(path, "agt-p01", policy="pseudonym", label="A witness", today=TODAY).places
    records = {each.detail.split("in `")[1].split("`")[0] for each in places}
    naming = {
        each["id"]
        for records in whole.values() if isinstance(records, list)
        for each in records
        if "Zharov" in json.dumps({key: value for key, value in each.items() if key != "access"})
    } - {"agt-p01"}  # fmt: skip
    assert len(naming) >= 8
    assert records == naming
    assert {"evt-001", "evt-007", "sta-009", "sta-011", "agt-g03", "tes-001", "tes-002", "tes-003"} <= records
