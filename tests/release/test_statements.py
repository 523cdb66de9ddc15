"""Statements: what each release says of itself, and the chain that nothing is ever left out of."""

import hashlib
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.errors import ReleaseDamaged
from service.release.data_folder import chain_of, current_folder, erase, prune, roll_back
from service.release.statements import Link, read_chain
from tests.archives import archive, record
from tests.conftest import PublishTo


def at(day: int) -> Callable[[], datetime]:
    return lambda: datetime(2026, 3, day, 12, tzinfo=UTC)


def served(data: Path) -> list[Link]:
    folder = current_folder(data)
    assert folder is not None
    return read_chain(folder)


def numbers(data: Path) -> list[int]:
    return [link.statement.number for link in served(data)]


def test_a_release_states_what_it_is(tmp_path: Path, publish_to: PublishTo) -> None:
    published = publish_to(tmp_path / "data", archive(record("tes-1")), now=at(1))
    line = (published.folder / "statement.json").read_bytes()
    stated = json.loads(line)
    manifest = published.manifest
    assert stated == {
        "format": "testimony-archive-statement/1",
        "archive": "arden",
        "release": manifest.id,
        "number": 1,
        "published_at": "2026-03-01T12:00:00Z",
        "counts": manifest.counts,
        "engine": manifest.engine,
        "previous": None,
    }
    canonical = json.dumps(stated, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    assert line == canonical.encode()
    assert (published.folder / "statements.jsonl").read_bytes() == line
    assert {"statement.json", "statements.jsonl", "signatures.jsonl"} < set(manifest.files)
    assert not (published.folder / "statement.json.sig").exists()


def test_each_statement_names_the_one_before(tmp_path: Path, publish_to: PublishTo) -> None:
    data = tmp_path / "data"
    lines = [
        (publish_to(data, archive(record("tes-1", title=f"{n}"))).folder / "statement.json").read_bytes()
        for n in range(6)
    ]
    folder = current_folder(data)
    assert folder is not None
    # Releases are pruned, their statements stay.
    assert len(list((data / "releases").iterdir())) == 3
    assert (folder / "statements.jsonl").read_bytes().splitlines(keepends=True) == lines
    for before, line in itertools.pairwise(lines):
        assert json.loads(line)["previous"] == "sha256:" + hashlib.sha256(before).hexdigest()


def test_what_was_gone_back_from_stays_in_the_chain(tmp_path: Path, publish_to: PublishTo) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1")))
    publish_to(data, archive(record("tes-1"), record("tes-2")))
    roll_back(data)
    assert numbers(data) == [1]
    publish_to(data, archive(record("tes-1"), record("tes-3")))
    assert numbers(data) == [1, 2, 3]


@pytest.mark.parametrize("remove", [erase, lambda data: prune(data, keep=1)], ids=["erase", "prune"])
def test_erasing_what_was_gone_back_from_leaves_its_statement(
    tmp_path: Path, publish_to: PublishTo, remove: Callable[[Path], Any]
) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1", title="One")))
    second = publish_to(data, archive(record("tes-1", title="Two")))
    publish_to(data, archive(record("tes-1", title="Three")), sign=lambda line: f"signed {len(line)}")
    roll_back(data, 1)
    remove(data)
    assert not second.folder.exists()
    assert [link.statement.number for link in chain_of(data)] == [1, 2, 3]
    assert chain_of(data)[2].signature is not None
    # Once a release has the chain, the data folder is as it always is.
    assert publish_to(data, archive(record("tes-1", title="Four"))).manifest.number == 4
    assert numbers(data) == [1, 2, 3, 4]
    assert {path.name for path in data.iterdir()} == {"releases", "current", ".lock"}


def test_a_clock_that_runs_back_does_not_show(tmp_path: Path, publish_to: PublishTo) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1")), now=at(1))
    publish_to(data, archive(record("tes-1"), record("tes-2")), now=at(5))
    roll_back(data)
    publish_to(data, archive(record("tes-1"), record("tes-3")), now=at(2))
    assert [link.statement.published_at[8:10] for link in served(data)] == ["01", "05", "05"]


def test_the_same_content_is_published_again_only_to_be_signed(tmp_path: Path, publish_to: PublishTo) -> None:
    data = tmp_path / "data"
    whole = archive(record("tes-1"))

    def one(line: bytes) -> str:
        return f"one {line.hex()}"

    def two(line: bytes) -> str:
        return f"two {line.hex()}"

    outcomes = [
        (publish_to(data, whole, sign=sign).changed, len(served(data)), (served(data)[-1].signature or "none")[:3])
        for sign in (None, None, one, one, None, two)
    ]
    assert outcomes == [
        (True, 1, "non"),
        (False, 1, "non"),
        (True, 2, "one"),
        (False, 2, "one"),
        (False, 2, "one"),
        (True, 3, "two"),
    ]
    assert [link.signature and link.signature[:3] for link in served(data)] == [None, "one", "two"]
    folder = current_folder(data)
    assert folder is not None
    assert (folder / "statement.json.sig").read_text() == served(data)[-1].signature


@pytest.mark.parametrize("how", ["line gone", "line changed", "not canonical", "no statement"])
def test_a_chain_that_is_broken_is_refused(tmp_path: Path, publish_to: PublishTo, how: str) -> None:
    data = tmp_path / "data"
    for n in range(3):
        publish_to(data, archive(record("tes-1", title=f"{n}")), now=at(n + 1))
    folder = tmp_path / "copy"
    folder.mkdir()
    source = current_folder(data)
    assert source is not None
    lines = (source / "statements.jsonl").read_bytes().splitlines(keepends=True)
    match how:
        case "line gone":
            lines.pop(1)
        case "line changed":
            lines[0] = lines[0].replace(b"2026-03-01", b"2026-02-01")
        case "not canonical":
            lines[2] = lines[2].replace(b'","', b'", "')
        case "no statement":
            lines[1] = b"{}\n"
    (folder / "statements.jsonl").write_bytes(b"".join(lines))
    (folder / "signatures.jsonl").write_bytes(b"")
    with pytest.raises(ReleaseDamaged):
        read_chain(folder)
