"""`publish --sign`, `verify` and `export --bag`, as they are typed."""

import hashlib
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from service.release.opening import open_current
from tests.archives import TEXT, archive, passage, record, write
from tests.depots.keys import allow, make_key, ssh_keygen_verifies


@pytest.fixture
def published(command: Any, tmp_path: Path) -> Path:
    """A data folder with a signed release."""
    make_key(tmp_path / "key")
    path = write(tmp_path / "archive.json", archive(record("tes-1", citations=[passage()])))
    ran = command("publish", path, "--sign", tmp_path / "key")
    assert ran.code == 0, ran.err
    return tmp_path / "data"


def test_what_is_signed_is_verified(command: Any, published: Path, tmp_path: Path) -> None:
    allowed = allow(tmp_path / "allowed", tmp_path / "key")
    text = tmp_path / "source.txt"
    text.write_text(TEXT)
    ran = command("verify", published, "--allowed-signers", allowed, "--source", f"src-1={text}", "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["ok"], told["statement"]["number"]) == (0, True, 1)
    assert {each["outcome"] for each in told["checks"]} == {"passed"}
    folder = (published / "current").resolve()
    assert ssh_keygen_verifies(folder / "statement.json", folder / "statement.json.sig", allowed)


def test_the_report_is_read_by_people(command: Any, published: Path, tmp_path: Path) -> None:
    ran = command("verify", published, "--kept", (published / "current" / "statement.json").resolve())
    lines = ran.out.splitlines()
    assert ran.code == 0
    assert lines[0] == f"Verification of {published}"
    assert "Archive    arden" in lines
    assert any(line.startswith("passed       kept") for line in lines)
    assert any(line.startswith("not checked  signature") for line in lines)
    assert lines[-1] == "Result: no check failed; 2 could not be made."


def test_a_failure_is_told_with_an_exit_code(command: Any, published: Path, tmp_path: Path) -> None:
    other = allow(tmp_path / "allowed", make_key(tmp_path / "other"))
    ran = command("verify", published, "--allowed-signers", other)
    assert ran.code == 1
    assert "FAILED       signature  Release 1 is signed with another key" in ran.out
    assert ran.out.splitlines()[-1].startswith("Result: 1 check failed;")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", "missing"], "is no address, file or folder"),
        (["verify", "data", "--allowed-signers", "missing"], "cannot be read as a file of allowed signers"),
        (["verify", "data", "--kept", "missing"], "missing cannot be read"),
        (["publish", "archive.json", "--sign", "missing"], "missing cannot be read"),
        (["export", "x.json", "--bag", "bag"], "leave out FILE and --format"),
        (["export", "--bag", "data"], "is there already and is not an empty folder"),
    ],
)
def test_what_cannot_be_done_is_one_line(command: Any, published: Path, arguments: list[str], message: str) -> None:
    ran = command(*arguments)
    assert ran.code != 0
    assert message in ran.err
    assert ran.err.count("\n") == 1


def test_a_key_that_cannot_be_used_publishes_nothing(command: Any, tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    key.chmod(0o644)
    path = write(tmp_path / "archive.json", archive(record("tes-1")))
    ran = command("publish", path, "--sign", key)
    assert (ran.code, "can be read by others" in ran.err) == (1, True)
    assert not (tmp_path / "data").exists()


def test_the_key_may_stand_in_the_environment(command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTIMONY_ARCHIVE_SIGN", str(make_key(tmp_path / "key")))
    path = write(tmp_path / "archive.json", archive(record("tes-1")))
    assert command("publish", path).code == 0
    assert (tmp_path / "data" / "current" / "statement.json.sig").is_file()


def test_a_bag_is_verified_and_published(command: Any, published: Path, tmp_path: Path) -> None:
    assert command("export", "--bag", "bag").code == 0
    told = json.loads(command("verify", "bag", "--json").out)
    assert [each["outcome"] for each in told["checks"] if each["check"] == "files"] == ["passed"]
    assert command("publish", "bag", "--data", "other").code == 0
    path = tmp_path / "bag" / "data" / "archive.jsonl"
    path.write_bytes(path.read_bytes().replace(b"What was said", b"What was sold"))
    ran = command("verify", "bag")
    assert ran.code == 1
    assert "FAILED       files" in ran.out
    refused = command("publish", "bag", "--data", "other")
    assert (refused.code, "is not a bag as it was packed" in refused.err) == (1, True)


def test_published_again_a_bag_is_the_same_release_and_goes_on_with_the_chain(
    command: Any, published: Path, tmp_path: Path
) -> None:
    command("publish", write(tmp_path / "archive.json", archive(record("tes-1", title="Two"))), "--sign", "key")
    command("export", "--bag", "bag")
    assert command("check", "bag").code == 0
    assert command("publish", "bag", "--data", "restored").code == 0
    with closing(open_current(tmp_path / "restored")) as release:
        canonical = (tmp_path / "bag" / "data" / "archive.jsonl").read_bytes()
        assert release.id == "sha256:" + hashlib.sha256(canonical).hexdigest()
        chain = release.statements()
    assert [link.statement.number for link in chain] == [1, 2, 3]
    assert b"".join(link.line for link in chain[:2]) == (tmp_path / "bag" / "data" / "statements.jsonl").read_bytes()
    assert [link.signature is None for link in chain] == [False, False, True]
    assert command("publish", "bag", "--data", "restored").err.startswith("Unchanged")
