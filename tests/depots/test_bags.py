"""Bags: valid to the bagit library, described as RO-Crate, and the same release when they are published again."""

import hashlib
import json
from pathlib import Path

import bagit
import pytest
from rocrate.rocrate import ROCrate

from service.archive.model import archive_schema
from service.depots.bags import open_bag, write_bag
from service.depots.signatures import read_signer
from service.errors import BagInvalid, TestimonyArchiveError
from service.release.opening import open_current
from tests.archives import TEXT, archive, passage, record
from tests.conftest import PublishTo
from tests.depots.keys import allow, make_key, ssh_keygen_verifies


@pytest.fixture
def bag(tmp_path: Path, publish_to: PublishTo) -> Path:
    """A bag of the second release of an archive that holds the text of a source, signed."""
    source = record("src-1", verbatim=True)
    source["text"] = source["text"] | {"content": TEXT}
    key = read_signer(make_key(tmp_path / "key"))
    for title in ("One", "Two"):
        hidden = record("tes-9", title="marker-hidden", access={"visibility": "restricted"})
        whole = archive(source, record("tes-1", title=title, citations=[passage()]), hidden)
        publish_to(tmp_path / "data", whole, sign=key)
    release = open_current(tmp_path / "data")
    write_bag(release, tmp_path / "bag")
    release.close()
    return tmp_path / "bag"


def test_the_bagit_library_finds_it_valid(bag: Path) -> None:
    packed = bagit.Bag(str(bag))
    packed.validate()
    assert packed.info["External-Identifier"] == "sha256:" + sha256(bag / "data" / "archive.jsonl")
    assert packed.info["Source-Organization"] == "Arden Society"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_everything_public_is_in_it_and_nothing_else(bag: Path, tmp_path: Path) -> None:
    names = {path.relative_to(bag / "data").as_posix() for path in (bag / "data").rglob("*") if path.is_file()}
    assert names == {
        "archive.jsonl",
        "archive.schema.json",
        "ro-crate-metadata.json",
        "signatures.jsonl",
        "statement.json",
        "statement.json.sig",
        "statements.jsonl",
        "texts/src-1.txt",
    }
    assert (bag / "data" / "texts" / "src-1.txt").read_text() == TEXT
    assert json.loads((bag / "data" / "archive.schema.json").read_bytes()) == archive_schema()
    assert b"marker" not in b"".join(path.read_bytes() for path in bag.rglob("*") if path.is_file())
    allowed = allow(tmp_path / "allowed", tmp_path / "key")
    assert ssh_keygen_verifies(bag / "data" / "statement.json", bag / "data" / "statement.json.sig", allowed)


def test_the_rocrate_library_reads_what_is_in_it(bag: Path) -> None:
    crate = ROCrate(str(bag / "data"))
    root = crate.root_dataset
    assert root["name"] == "Arden"
    assert root["identifier"] == "sha256:" + sha256(bag / "data" / "archive.jsonl")
    assert root["license"].id == "https://spdx.org/licenses/CC-BY-4.0"
    assert root["publisher"]["name"] == "Arden Society"
    described = {part.id: part for part in root["hasPart"]}
    assert set(described) == {
        path.relative_to(bag / "data").as_posix()
        for path in (bag / "data").rglob("*")
        if path.is_file() and path.name != "ro-crate-metadata.json"
    }
    for name, part in described.items():
        assert part["contentSize"] == str((bag / "data" / name).stat().st_size)
        assert part["description"]


def test_the_same_release_gives_the_same_bag(bag: Path, tmp_path: Path) -> None:
    release = open_current(tmp_path / "data")
    write_bag(release, tmp_path / "again")
    release.close()
    first, again = (
        {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (bag, tmp_path / "again")
    )
    assert first == again


@pytest.mark.parametrize("how", ["changed", "missing", "added", "no archive", "no manifest", "empty"])
def test_a_bag_that_is_not_as_it_was_packed_is_refused(bag: Path, tmp_path: Path, how: str) -> None:
    canonical = bag / "data" / "archive.jsonl"
    match how:
        case "changed":
            canonical.write_bytes(canonical.read_bytes().replace(b"Two", b"Owt"))
        case "missing":
            (bag / "data" / "statement.json").unlink()
        case "added":
            (bag / "data" / "more.txt").write_text("more")
        case "no archive":
            canonical.unlink()
            (bag / "manifest-sha256.txt").write_text("")
        case "no manifest":
            (bag / "manifest-sha256.txt").unlink()
        case "empty":
            (bag / "bagit.txt").write_text("")
    with pytest.raises(BagInvalid):
        open_bag(bag)


def test_a_manifest_that_leads_out_of_the_bag_is_refused(bag: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    manifest = bag / "manifest-sha256.txt"
    manifest.write_text(manifest.read_text() + f"{sha256(tmp_path / 'secret')}  data/../../secret\n")
    with pytest.raises(BagInvalid):
        open_bag(bag)


def test_a_folder_that_holds_something_is_left_alone(bag: Path, tmp_path: Path) -> None:
    release = open_current(tmp_path / "data")
    before = sorted(path.name for path in tmp_path.iterdir())
    for target in (bag, tmp_path / "key", tmp_path / "none" / "deeper"):
        with pytest.raises(TestimonyArchiveError):
            write_bag(release, target)
    (tmp_path / "empty").mkdir()
    write_bag(release, tmp_path / "empty")
    release.close()
    open_bag(tmp_path / "empty")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*before, "empty"])
