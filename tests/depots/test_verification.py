"""Verifying: what is whole passes, and of what is not it is told which part, in words."""

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.depots.copies import open_copy
from service.depots.signatures import Signer, read_allowed_signers, read_signer
from service.depots.verification import Known, Verification, verify_copy
from service.errors import CopyUnreadable
from service.release.data_folder import current_folder
from service.release.publish import publish
from service.release.statements import Statement, statement_line
from tests.archives import TEXT, archive, passage, record, write
from tests.conftest import PublishTo, Serve
from tests.depots.keys import allow, make_key

NOW = datetime(2026, 4, 1, tzinfo=UTC)


def at(day: int) -> Callable[[], datetime]:
    return lambda: datetime(2026, 3, day, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key and a data folder of three releases signed with it; shared, so never written to."""
    shared = tmp_path_factory.mktemp("published")
    signer = read_signer(make_key(shared / "key"))
    for n in range(1, 4):
        whole = archive(
            record("tes-1", title=f"{n}", citations=[passage()]), record("evt-1", citations=[passage(5, 9)])
        )
        publish(write(shared / "archive.json", whole), shared / "data", now=at(n), sign=signer)
    return shared


@pytest.fixture
def key(published: Path) -> Path:
    return published / "key"


@pytest.fixture
def folder(tmp_path: Path, published: Path) -> Path:
    """The files of the third release that are verified, copied so that a test may change them; beside it, its data folder."""
    shutil.copytree(published / "data", tmp_path / "data", symlinks=True)
    source = current_folder(tmp_path / "data")
    assert source is not None
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("archive.jsonl", "statement.json", "statement.json.sig", "statements.jsonl", "signatures.jsonl"):
        (copy / name).write_bytes((source / name).read_bytes())
    return copy


def verify(target: Path | str, **known: Any) -> Verification:
    if isinstance(target, Path) and (target / "archive.jsonl").exists() and not (target / "manifest.json").exists():
        target = target / "archive.jsonl"
    with open_copy(str(target)) as copy:
        return verify_copy(copy, Known(**known), now=NOW)


def failures(verification: Verification) -> list[tuple[str, str]]:
    return [(check.name, check.detail) for check in verification.checks if check.outcome == "failed"]


def outcomes(verification: Verification) -> dict[str, str]:
    return {check.name: check.outcome for check in verification.checks}


def lines_of(folder: Path) -> list[bytes]:
    return (folder / "statements.jsonl").read_bytes().splitlines(keepends=True)


def signed_anew(folder: Path, statements: Sequence[dict[str, Any]], signer: Signer, *, link: bool = True) -> None:
    """Write a chain of these statements, each signed, as somebody does who has the key and wants to hide something."""
    lines, signatures, previous = [], [], None
    for stated in statements:
        statement = Statement.model_validate({**stated, "previous": previous if link else stated["previous"]})
        lines.append(statement_line(statement))
        previous = "sha256:" + hashlib.sha256(lines[-1]).hexdigest()
        signatures.append(json.dumps({"number": statement.number, "signature": signer(lines[-1])}))
    (folder / "statements.jsonl").write_bytes(b"".join(lines))
    (folder / "statement.json").write_bytes(lines[-1])
    (folder / "statement.json.sig").write_text(signer(lines[-1]))
    (folder / "signatures.jsonl").write_text("\n".join(signatures) + "\n")


# --- What is whole ------------------------------------------------------------------------------------------------------


def test_a_copy_that_is_whole_passes(folder: Path, key: Path, tmp_path: Path) -> None:
    text = tmp_path / "source.txt"
    text.write_text(TEXT)
    verification = verify(
        folder,
        signers=read_allowed_signers(allow(tmp_path / "allowed", key)),
        statements=lines_of(folder)[:2],
        sources={"src-1": text},
    )
    assert set(outcomes(verification).values()) == {"passed"}
    assert set(outcomes(verification)) == {
        *("id", "form", "chain", "numbers", "clock", "signature", "kept", "sources", "passages")
    }
    assert verification.ok
    assert verification.statement is not None
    assert verification.release == verification.statement.release
    assert "2 cited passages" in verification.checks[-1].detail


@pytest.mark.parametrize("where", ["data", "release", "address", "address of the API"])
def test_it_is_the_same_wherever_it_lies(tmp_path: Path, folder: Path, key: Path, serve: Serve, where: str) -> None:
    data = tmp_path / "data"
    target: Path | str | None = data
    if where == "release":
        target = current_folder(data)
    elif where.startswith("address"):
        base = str(serve(data).base_url)
        target = base if where == "address" else f"{base}/v1/"
    assert target is not None
    verification = verify(target, signers=read_allowed_signers(allow(tmp_path / "allowed", key)))
    assert failures(verification) == []
    assert verification.digest == verify(folder).digest
    assert outcomes(verification)["signature"] == "passed"
    assert outcomes(verification).get("files") == (None if where.startswith("address") else "passed")


def test_without_keys_and_sources_it_says_what_it_could_not_check(folder: Path) -> None:
    told = outcomes(verify(folder))
    assert {name for name, outcome in told.items() if outcome == "not checked"} == {"signature", "passages"}
    (folder / "statements.jsonl").unlink()
    alone = outcomes(verify(folder))
    assert {name for name, outcome in alone.items() if outcome == "not checked"} == {
        *("signature", "passages", "chain", "numbers")
    }
    (folder / "statement.json").unlink()
    assert outcomes(verify(folder)) == {
        "id": "not checked",
        "form": "passed",
        "statement": "not checked",
        "passages": "not checked",
    }


def test_passages_are_checked_against_texts_that_the_archive_holds(tmp_path: Path, publish_to: PublishTo) -> None:
    source = record("src-1", verbatim=True)
    source["text"] = source["text"] | {"content": TEXT}
    published = publish_to(tmp_path / "data", archive(source, record("tes-1", citations=[passage()])), now=at(1))
    assert outcomes(verify(published.folder))["passages"] == "passed"


# --- What is not --------------------------------------------------------------------------------------------------------


def test_a_changed_archive_is_found(folder: Path) -> None:
    path = folder / "archive.jsonl"
    path.write_bytes(path.read_bytes().replace(b"A night", b"A knight"))
    [(name, detail)] = failures(verify(folder))
    assert name == "id"
    assert "and not sha256:" in detail


def test_a_changed_line_breaks_the_chain_where_it_is(folder: Path) -> None:
    lines = lines_of(folder)
    lines[0] = lines[0].replace(b'"testimonies":1', b'"testimonies":2')
    (folder / "statements.jsonl").write_bytes(b"".join(lines))
    found = dict(failures(verify(folder)))
    assert set(found) == {"chain", "signature"}
    assert "The chain is broken: the statement of release 2 names sha256:" in found["chain"]
    assert "The signature of release 1 is not good: it does not fit what was signed." in found["signature"]


def test_an_omitted_release_is_named(folder: Path) -> None:
    lines = lines_of(folder)
    (folder / "statements.jsonl").write_bytes(lines[0] + lines[2])
    found = dict(failures(verify(folder)))
    assert set(found) == {"chain", "numbers"}
    assert found["numbers"] == "Release 2 is omitted."


def test_a_chain_made_anew_with_the_key_is_found_by_what_was_kept(folder: Path, key: Path, tmp_path: Path) -> None:
    kept = lines_of(folder)
    first, _, third = map(json.loads, kept)
    signed_anew(folder, [first, third], read_signer(key))
    allowed = read_allowed_signers(allow(tmp_path / "allowed", key))
    assert failures(verify(folder, signers=allowed)) == [("numbers", "Release 2 is omitted.")]
    signed_anew(folder, [first, third | {"number": 2}], read_signer(key))
    assert failures(verify(folder, signers=allowed)) == []
    found = failures(verify(folder, signers=allowed, statements=kept))
    assert [name for name, _ in found] == ["kept", "kept"]
    assert found[0][1].startswith("Another statement has taken the place of the one of release 2")
    assert found[1][1].startswith("The statement of release 3 that was kept is not here")


def test_a_clock_that_ran_back_is_told(folder: Path, key: Path) -> None:
    stated = [json.loads(line) for line in lines_of(folder)]
    stated[1]["published_at"] = "2026-02-01T00:00:00Z"
    signed_anew(folder, stated, read_signer(key))
    [(name, detail)] = failures(verify(folder))
    assert (name, detail[:35]) == ("clock", "The clock ran back: release 2 is da")
    stated[1]["published_at"] = f"{NOW - timedelta(days=20):%Y-%m-%dT%H:%M:%SZ}"
    stated[2]["published_at"] = f"{NOW + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    signed_anew(folder, stated, read_signer(key))
    [(name, detail)] = failures(verify(folder))
    assert name == "clock"
    assert "after now" in detail


def test_another_key_is_told(folder: Path, key: Path, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other")
    allowed = read_allowed_signers(allow(tmp_path / "allowed", other))
    found = failures(verify(folder, signers=allowed))
    assert {name for name, _ in found} == {"signature"}
    assert read_signer(key).fingerprint in found[-1][1]
    assert "another key" in found[-1][1]


def test_a_key_is_not_believed_before_its_time(folder: Path, key: Path, tmp_path: Path) -> None:
    allowed = read_allowed_signers(allow(tmp_path / "allowed", key, options='valid-before="202603031200Z"'))
    [(name, detail)] = failures(verify(folder, signers=allowed))
    assert name == "signature"
    assert "Release 3, dated 2026-03-03T12:00:00Z" in detail


def test_a_signature_of_something_else_is_not_good(folder: Path, key: Path, tmp_path: Path) -> None:
    (folder / "statement.json.sig").write_text(read_signer(key)(b"something else"))
    [(name, detail)] = failures(verify(folder))
    assert (name, detail[:39]) == ("signature", "The signature of release 3 is not good:")


def test_no_signature_fails_where_one_is_demanded(folder: Path, key: Path, tmp_path: Path) -> None:
    (folder / "statement.json.sig").unlink()
    (folder / "signatures.jsonl").write_bytes(b"")
    assert outcomes(verify(folder))["signature"] == "not checked"
    allowed = read_allowed_signers(allow(tmp_path / "allowed", key))
    assert failures(verify(folder, signers=allowed)) == [("signature", "The statement of release 3 is not signed.")]


def test_a_passage_that_is_not_what_its_hash_says_is_named(tmp_path: Path, publish_to: PublishTo) -> None:
    wrong = passage() | {"sha256": "0" * 64}
    whole = archive(record("tes-1", citations=[passage(), wrong]), record("evt-1", citations=[passage(0, 5)]))
    published = publish_to(tmp_path / "data", whole, now=at(1))
    text = tmp_path / "source.txt"
    text.write_text(TEXT)
    [(name, detail)] = failures(verify(published.folder, sources={"src-1": text}))
    assert name == "passages"
    assert detail == "1 of 3 cited passages are not what their hash says: tes-1: src-1 from 0 to 19."


def test_another_text_than_the_source_is_told(folder: Path, tmp_path: Path) -> None:
    text = tmp_path / "source.txt"
    text.write_text(TEXT + " ")
    found = failures(verify(folder, sources={"src-1": text, "src-9": text}))
    assert found == [
        ("sources", "source.txt is not the text of src-1 that the archive cites."),
        ("sources", "The archive has no source src-9."),
    ]


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (lambda lines: [lines[0], *reversed(lines[1:])], "out of order"),
        (lambda lines: [*lines, lines[-1]], "out of order"),
        (lambda lines: [lines[0].replace(b":", b": ", 1), *lines[1:]], "line 1 is not in canonical form"),
        (lambda lines: [*lines, b"not JSON\n"], "is not in canonical form"),
        (lambda lines: [*lines[:-1], lines[-1].rstrip()], "is not in canonical form"),
    ],
)
def test_an_archive_in_another_form_is_told(
    folder: Path, change: Callable[[list[bytes]], list[bytes]], detail: str
) -> None:
    path = folder / "archive.jsonl"
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    assert detail in dict(failures(verify(folder)))["form"]


def test_a_damaged_release_is_told(tmp_path: Path, folder: Path) -> None:
    release = current_folder(tmp_path / "data")
    assert release is not None
    path = release / "archive.keys"
    path.chmod(0o644)
    path.write_bytes(b"x" * path.stat().st_size)
    [(name, detail)] = failures(verify(release))
    assert name == "files"
    assert "archive.keys was changed" in detail


def test_statements_that_are_none_are_told(folder: Path) -> None:
    lines = lines_of(folder)
    (folder / "statements.jsonl").write_bytes(lines[0] + b'{"number": 2}\n' + lines[2])
    assert failures(verify(folder)) == [("statement", "Line 2 of the statements is not a statement in canonical form.")]


# --- What cannot be read ------------------------------------------------------------------------------------------------


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    for target in (tmp_path / "missing", tmp_path):
        with pytest.raises(CopyUnreadable), open_copy(str(target)):
            pass


def test_a_server_that_is_none_is_named(client: httpx.Client) -> None:
    for address, message in {
        "http://127.0.0.1:1": "cannot be read",
        f"{client.base_url}/healthz": "answers 404",
        "http://": "cannot be read",
    }.items():
        with pytest.raises(CopyUnreadable, match=message), open_copy(address):
            pass


# --- Strangers' files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"[]\n",
        b"null\n",
        b"\xff\xfe\n",
        b'{"id":"\\ud800"}\n',
        b'{"start":1' + b',"a":[' * 600 + b"]" * 600 + b"}\n",
        b'{"start":' + b'{"start":' * 300 + b"1" + b"}" * 301 + b"\n",
        b'{"a":' + b"9" * 400 + b',"start":1}\n',
        b'{"citations":[{"end":1e9,"sha256":"","source":"src-1","start":-5}]}\n',
        b'{"citations":[{"end":-1,"sha256":"x","source":"src-1","start":-5}],"id":[],"record":{}}\n',
        b'{"id":null,"record":"source","text":"x"}\n',
        b'{"id":"src-1","record":"source","text":{"content":5,"sha256":7}}\n',
    ],
)
def test_whatever_stands_in_an_archive_or_a_statement_is_told_not_raised(tmp_path: Path, line: bytes) -> None:
    text = tmp_path / "source.txt"
    text.write_text(TEXT)
    (tmp_path / "archive.jsonl").write_bytes(line * 2)
    assert not verify(tmp_path, sources={"src-1": text}).ok
    (tmp_path / "statements.jsonl").write_bytes(line)
    assert "statement" in outcomes(verify(tmp_path, statements=[line]))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", 0),
        ("number", 1 << 70),
        ("number", "1"),
        ("counts", {"events": 1 << 70}),
        ("counts", {"events": -1}),
        ("counts", []),
        ("previous", "sha256:x"),
        ("release", None),
        ("published_at", "yesterday"),
        ("engine", "\ud800"),
        ("more", 1),
    ],
)
def test_a_statement_of_another_shape_is_none(folder: Path, field: str, value: object) -> None:
    stated = json.loads(lines_of(folder)[0]) | {field: value}
    line = json.dumps(stated, sort_keys=True, separators=(",", ":")) + "\n"
    (folder / "statements.jsonl").write_text(line)
    assert [name for name, _ in failures(verify(folder))] == ["statement"]
