"""Withdrawing, embargoes that end, and erasing old releases, as operators meet them: what is printed and what is not."""

import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from service.cli import due, withdraw
from service.release.data_folder import kept_releases
from service.release.publish import publish
from tests.archives import archive, record, write
from tests.conftest import PublishTo

PERSON = record("agt-2", kind="person", name_policy="published", name="Mara Ivanova")


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    for command in (withdraw, due):
        monkeypatch.setattr(command, "today", lambda: date(2026, 3, 4))


# --- withdraw ---------------------------------------------------------------------------------------------------------


def test_what_is_left_to_judge_is_a_line_each_and_the_code_is_1(command: Any, tmp_path: Path) -> None:
    whole = archive(PERSON, record("tes-1", witness="agt-2"), record("tes-2", summary="As Mara said."))
    ran = command("withdraw", write(tmp_path / "a.json", whole), "agt-2")
    assert ran.code == 1
    assert ran.out.splitlines() == [
        "refers\t/testimonies/0/witness\ttes-1\tagt-2",
        "names\t/testimonies/1/summary\ttes-2\tagt-2",
    ]
    assert "Withdrew agt-2" in ran.err
    assert "cannot be published" in ran.err
    assert command("check", tmp_path / "a.json").out.startswith("dangling_reference\t/testimonies/0/witness\t")


def test_with_nothing_left_to_judge_the_code_is_0(command: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", archive(PERSON, record("tes-1")))
    ran = command("withdraw", path, "agt-2")
    assert (ran.code, ran.out) == (0, "")
    assert "releases prune --erase" in ran.err
    assert command("publish", path).code == 0


def test_a_name_is_never_printed(command: Any, tmp_path: Path) -> None:
    whole = archive(
        record("agt-2", kind="person", name_policy="pseudonym", name=None, label="Mara", access={"private": "Vera K."}),
        record("tes-1", title="Mara", witness="agt-2", access={"private": {"Vera K.": ["Vera K."]}}),
        title="Mara",
    )
    for arguments in (["withdraw", "a.json", "agt-2"], ["withdraw", "a.json", "tes-1", "--json"]):
        ran = command(*arguments[:1], write(tmp_path / "a.json", whole), *arguments[2:])
        assert ran.code == 1
        assert "/access/private" in ran.out or arguments[2] == "tes-1"
        for name in ("Mara", "Vera"):
            assert name not in ran.out + ran.err


def test_as_json(command: Any, tmp_path: Path) -> None:
    whole = archive(
        record("tes-1", access={"visibility": "restricted"}), record("tes-2"), record("rsp-1", about=["tes-2"])
    )
    ran = command("withdraw", write(tmp_path / "a.json", whole), "tes-1", "tes-2", "--json")
    assert json.loads(ran.out) == {
        "listed": ["tes-2"],
        "unlisted": ["tes-1"],
        "mentions": [{"kind": "refers", "pointer": "/responses/0/about/0", "record": "rsp-1", "about": "tes-2"}],
        "more": False,
    }
    assert "not listed" in ran.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["a.json", "tes-7"], "tes-7 is no record of this archive"),
        (["a.json", "tes-9"], "tes-9 was withdrawn already"),
        (["none.json", "tes-1"], "none.json cannot be read"),
        (["data", "tes-1"], "not a regular file"),
    ],
)
def test_what_cannot_be_done_is_one_line(command: Any, tmp_path: Path, arguments: list[str], told: str) -> None:
    (tmp_path / "data").mkdir()
    write(tmp_path / "a.json", archive(record("tes-1"), withdrawn=[{"id": "tes-9", "on": "2026-01-01"}]))
    ran = command("withdraw", *arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert told in ran.err


# --- due ----------------------------------------------------------------------------------------------------------------


def embargoed(record_id: str, until: str) -> dict[str, Any]:
    return record(record_id, access={"visibility": "embargoed", "embargo_until": until, "private": "why"})


def test_embargoes_that_have_ended_are_listed_until_they_are_published(command: Any, tmp_path: Path) -> None:
    whole = archive(
        embargoed("tes-1", "2026-03-04"),
        embargoed("tes-2", "2026-03-05"),
        embargoed("tes-3", "2026-03-01"),
        embargoed("tes-4", "2027-01-01"),
        record("tes-5"),
    )
    path = write(tmp_path / "a.json", whole)
    assert command("due", path).out.splitlines() == [
        "2026-03-01\ttes-3\tdue\tembargo ends",
        "2026-03-04\ttes-1\tdue\tembargo ends",
    ]
    assert command("due", path, "--by", "2026-03-31").out.splitlines()[2:] == [
        "2026-03-05\ttes-2\tin 1 day\tembargo ends"
    ]
    shown = json.loads(command("due", path, "--by", "2028-01-01", "--json").out)
    assert shown[-1] == {"id": "tes-4", "what": "embargo", "until": "2027-01-01", "due": False, "published": False}
    publish(path, tmp_path / "data", now=lambda: datetime(2026, 3, 4, tzinfo=UTC))
    ran = command("due", path)
    assert (ran.code, ran.out.partition(": ")[2]) == (
        0,
        "by 2026-03-04, no embargo ends that is not published already, and no consent expires or is to be reviewed\n",
    )
    assert len(command("due", path, "--data", "elsewhere").out.splitlines()) == 2


def consented(record_id: str, **consent: Any) -> dict[str, Any]:
    return record(record_id, access={"consent_basis": "direct", "consent": {"scope": ["publish"], **consent}})


def test_consents_that_expire_or_are_to_be_reviewed_are_listed(command: Any, tmp_path: Path) -> None:
    whole = archive(
        consented("tes-1", expires="2026-03-04", reference="The form is in the safe."),
        consented("tes-2", expires="2026-03-06", review="2026-03-01"),
        consented("tes-3", review="2026-03-05"),
        consented("tes-4"),
    )
    path = write(tmp_path / "a.json", whole)
    publish(path, tmp_path / "data", now=lambda: datetime(2026, 3, 3, tzinfo=UTC))
    assert command("due", path).out.splitlines() == [
        "2026-03-01\ttes-2\tdue\tconsent to be reviewed",
        "2026-03-04\ttes-1\tdue\tconsent expires: the current release still shows the record",
    ]
    publish(path, tmp_path / "data", now=lambda: datetime(2026, 3, 4, tzinfo=UTC))
    ran = command("due", path, "--by", "2026-03-31")
    assert ran.out.splitlines()[1:] == [
        "2026-03-04\ttes-1\tdue\tconsent expires",
        "2026-03-05\ttes-3\tin 1 day\tconsent to be reviewed",
        "2026-03-06\ttes-2\tin 2 days\tconsent expires",
    ]
    assert "safe" not in ran.out + ran.err


@pytest.mark.parametrize("access", [{"visibility": "secret"}, {"visibility": "embargoed", "embargo_until": "soon"}])
def test_a_file_that_is_not_sound_is_one_line(command: Any, tmp_path: Path, access: dict[str, str]) -> None:
    (tmp_path / "b.json").write_text("{")
    for path in (write(tmp_path / "a.json", archive(record("tes-1", access=access))), tmp_path / "b.json"):
        ran = command("due", path)
        assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
        assert "testimony-archive check" in ran.err


# --- releases prune --erase ---------------------------------------------------------------------------------------------


def test_erasing_leaves_the_current_release_alone_and_says_what_else_to_purge(
    command: Any, tmp_path: Path, publish_to: PublishTo
) -> None:
    for n in range(3):
        publish_to(tmp_path / "data", archive(record("tes-1", title=f"{n}")))
    left = tmp_path / "data" / "releases" / ".staging-killed"
    shutil.copytree(tmp_path / "data" / "current", left)
    ran = command("releases", "prune", "--erase")
    assert (ran.code, ran.out) == (0, "")
    assert "Removed 2 releases" in ran.err
    assert "Kept: release 3" in ran.err
    for word in ("caches", "CDN", "mirrors", "backups", "history", "disks"):
        assert word in ran.err
    assert [release.number for release in kept_releases(tmp_path / "data")] == [3]
    assert [path.name for path in (tmp_path / "data" / "releases").iterdir()] == [
        (tmp_path / "data" / "current").readlink().name
    ]


def test_erasing_nothing_says_so(command: Any) -> None:
    ran = command("releases", "prune", "--erase")
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert "holds no release" in ran.err


def test_what_could_not_be_erased_is_an_error(
    command: Any, tmp_path: Path, publish_to: PublishTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(2):
        publish_to(tmp_path / "data", archive(record("tes-1", title=f"{n}")))
    monkeypatch.setattr("service.release.data_folder.shutil.rmtree", lambda *_, **__: None)
    ran = command("releases", "prune", "--erase")
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert ".staging-removed-1-" in ran.err
