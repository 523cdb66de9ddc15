"""Archive files that cannot be read, and what reading makes of those that can."""

import gzip
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from service.archive.reading import Finding, Item, join_pointer, json_lines, json_object, limits, locate, read_archive
from service.errors import ArchiveUnreadable

HEAD = {"format": "testimony-archive/1", "archive": {"id": "arden"}}
HEAD_LINE = json.dumps(HEAD).encode() + b"\n"


def pieces(tmp_path: Path, content: bytes, *, name: str = "archive.json") -> list[Item | Finding]:
    path = tmp_path / name
    path.write_bytes(content)
    return list(read_archive(path))


def findings(tmp_path: Path, content: bytes, *, name: str = "archive.json") -> list[tuple[str, str]]:
    found = pieces(tmp_path, content, name=name)
    return [(piece.code, piece.pointer) for piece in found if isinstance(piece, Finding)]


def archive(places: bytes = b"[]", more: bytes = b"") -> bytes:
    return b'{"format":"testimony-archive/1","archive":{},"places":' + places + more + b"}"


# --- Files that cannot be opened ----------------------------------------------------------------------------


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda _: None, "No such file", id="missing"),
        pytest.param(Path.mkdir, "not a regular file", id="folder"),
        pytest.param(make_fifo, "not a regular file", id="pipe"),
        pytest.param(lambda path: path.symlink_to("/dev/zero"), "not a regular file", id="device"),
        pytest.param(make_loop, "cannot be read", id="link to itself"),
    ],
)
def test_what_is_not_a_file_is_refused(tmp_path: Path, make: Callable[[Path], None], message: str) -> None:
    path = tmp_path / "archive.json"
    make(path)
    with pytest.raises(ArchiveUnreadable, match=message):
        list(read_archive(path))


def test_a_name_no_file_can_have_is_refused() -> None:
    with pytest.raises(ArchiveUnreadable, match="cannot be the name of a file"):
        list(read_archive(Path("a\0.json")))


@pytest.mark.parametrize("name", ["archive", "archive.xml", "archive.json.zip", "archive.gz"])
def test_a_name_that_says_no_format_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArchiveUnreadable, match=r"ends in \.json, \.json\.gz, \.jsonl or \.jsonl\.gz"):
        pieces(tmp_path, archive(), name=name)


def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "archive.json"
    path.write_bytes(archive())
    path.chmod(0)
    # Permissions do not hold for root, who becomes nobody in a process of its own. Its working folder is set
    # before: the folders above may be closed to nobody.
    script = """
import os, sys
from pathlib import Path
from service.archive.reading import read_archive
from service.errors import ArchiveUnreadable
os.chdir(sys.argv[1])
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    list(read_archive(Path("archive.json")))
except ArchiveUnreadable as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True)
    assert run.stdout == "archive.json cannot be read: Permission denied.\n"


# --- Bytes that are not JSON --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["archive.json", "archive.jsonl"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"\xef\xbb\xbf" + archive(), "byte order mark", id="byte order mark"),
        pytest.param(archive().decode().encode("utf-16"), "UTF-16", id="UTF-16"),
        pytest.param(archive().decode().encode("utf-16-le"), "UTF-16", id="UTF-16 without mark"),
        pytest.param(b"\0" * 100, "not text", id="zeros"),
    ],
)
def test_a_foreign_encoding_is_named(tmp_path: Path, content: bytes, message: str, name: str) -> None:
    (found,) = pieces(tmp_path, content, name=name)
    assert isinstance(found, Finding)
    assert (found.code, found.pointer) == ("invalid_json", "")
    assert message in found.detail


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        pytest.param(b"Dear archive,", "", id="not JSON"),
        pytest.param(b"   \n", "", id="blank"),
        pytest.param(archive()[:-1], "", id="last bracket missing"),
        pytest.param(archive(b'[{"id":"plc-a"},{"id'), "/places/1", id="half a record"),
        pytest.param(archive() + b"x", "", id="more after the end"),
        pytest.param(archive() + archive(), "", id="two archives"),
        pytest.param(archive(b'[{"a":"\xe9"}]'), "/places/0", id="Latin-1"),
        pytest.param(archive(b'[{"a":"\xed\xa0\x80"}]'), "/places/0", id="surrogate in UTF-8"),
        pytest.param(archive(rb'[{"a":"\ud800"}]'), "", id="lone high surrogate"),
        pytest.param(archive(rb'[{"a":"\\\udc00\ud800"}]'), "", id="surrogates in the wrong order"),
        pytest.param(archive(b'[{"a":NaN}]'), "/places/0", id="NaN"),
        pytest.param(archive(b'[{"a":-Infinity}]'), "/places/0", id="infinity"),
        pytest.param(archive(b'[{"a":1e400}]'), "/places/0", id="float too large"),
        pytest.param(archive(b'[{"a":1' + b"0" * 400 + b"}]"), "/places/0", id="10^400"),
        pytest.param(archive(b'[{"a":' + b"9" * 10_000 + b"}]"), "/places/0", id="10,000 digits"),
        pytest.param(archive(b'[{"a":01}]'), "/places/0", id="leading zero"),
        pytest.param(archive(b'[{"a":"\n"}]'), "/places/0", id="raw line feed in a text"),
        pytest.param(archive(b"[//\n]"), "/places/0", id="comment"),
        pytest.param(archive(b"[1,]"), "/places/1", id="comma too many"),
        pytest.param(archive(b"[" * 100_000), "/places/0", id="100,000 brackets"),
        pytest.param(archive(b"[" + b"[" * 65 + b"]" * 65 + b"]"), "/places/0", id="65 deep"),
        pytest.param(archive(b'[{"a":1,"a":1}]'), "/places/0", id="key twice in a record"),
        pytest.param(archive(b'[{"b":[0,{"a":1,"a":2}]}]'), "/places/0/b/1", id="key twice in a part"),
        pytest.param(archive(b'[{"private":{"x":{"a":1,"a":2}}}]'), "/places/0/private", id="key twice, private"),
        pytest.param(archive(b'[{"a":{"b":1,"b":1},"a":2}]'), "/places/0", id="key twice in a part that is lost"),
        pytest.param(archive(more=b',"places":[]'), "", id="list twice"),
        pytest.param(archive(more=b',"archive":{}'), "", id="head twice"),
    ],
)
def test_what_is_not_json_is_one_finding(tmp_path: Path, content: bytes, pointer: str) -> None:
    assert findings(tmp_path, content) == [("invalid_json", pointer)]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"Dear archive,", id="not JSON"),
        pytest.param(b'{"record":"place","id', id="half a record"),
        pytest.param(b'{"record":"place"}{}', id="two records"),
        pytest.param(b'{"a":"\xe9"}', id="Latin-1"),
        pytest.param(rb'{"a":"\ud800"}', id="lone high surrogate"),
        pytest.param(rb'{"a":"\udfff"}', id="lone low surrogate"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":-Infinity}', id="infinity"),
        pytest.param(b'{"a":1e400}', id="float too large"),
        pytest.param(b'{"a":' + b"9" * 10_000 + b"}", id="10,000 digits"),
        pytest.param(b"[" * 100_000, id="100,000 brackets"),
        pytest.param(b"[" * 65 + b"]" * 65, id="65 deep"),
        pytest.param(b'{"a":1,"a":1}', id="key twice in a record"),
        pytest.param(b'{"b":[0,{"a":1,"a":2}]}', id="key twice in a part"),
        pytest.param(b"\0", id="zero"),
    ],
)
def test_a_broken_line_does_not_end_the_reading(tmp_path: Path, line: bytes) -> None:
    content = HEAD_LINE + line + b'\n{"record":"place","id":"plc-a"}'
    *_, broken, last = pieces(tmp_path, content, name="archive.jsonl")
    assert isinstance(broken, Finding)
    assert (broken.code, broken.pointer) == ("invalid_json", "line 2")
    assert last == Item("place", "line 3", {"id": "plc-a"})


@pytest.mark.parametrize("deep", [b"[" * 64 + b"]" * 64, b"[" * 63 + b'{"[":"[[["}' + b"]" * 63])
def test_64_deep_is_not_too_deep(tmp_path: Path, deep: bytes) -> None:
    assert findings(tmp_path, archive(b"[" + deep + b"]")) == []
    assert findings(tmp_path, HEAD_LINE + deep, name="a.jsonl") == [("invalid_type", "line 2")]


@pytest.mark.parametrize("text", [rb'"\ud83d\ude00"', rb'"\\ud800"', rb'"\\\\udc00 \u0430"', rb'"\u0000"'])
def test_whole_escapes_are_read_as_they_are(tmp_path: Path, text: bytes) -> None:
    (*_, last) = pieces(tmp_path, archive(b'[{"a":' + text + b"}]"))
    assert last == Item("place", "/places/0", {"a": json.loads(text)})


def test_an_escape_between_two_chunks_stays_whole(tmp_path: Path) -> None:
    # One of these begins at every place that a chunk of 64 KiB can end at.
    for shift in range(13):
        text = b"x" * (2**16 - 80 + shift) + rb"\ud83d\ude00" * 20 + rb"\\" * 2**15 + b'"'
        (*_, last) = pieces(tmp_path, archive(b'[{"a":"' + text + b"}]"))
        assert isinstance(last, Item), last
        assert last.value == {"a": json.loads(b'"' + text)}


def test_the_line_of_the_damage_is_told_and_no_text(tmp_path: Path) -> None:
    content = json.dumps({**HEAD, "places": [{"id": "plc-a"}, {"name": "Arden"}]}, indent=1)
    *before, found = pieces(tmp_path, content.replace('"name":', '"name"').encode())
    assert found == Finding(
        "invalid_json",
        "/places/1",
        "Line 11 is not valid JSON: object key and value must be separated by a colon (':').",
    )
    assert before[-1] == Item("place", "/places/0", {"id": "plc-a"})


def test_records_before_the_damage_are_given_on(tmp_path: Path) -> None:
    *_, last, found = pieces(tmp_path, archive(b'[{"id":"plc-a"},{]'))
    assert last == Item("place", "/places/0", {"id": "plc-a"})
    assert isinstance(found, Finding)


@pytest.mark.parametrize("name", ["archive.json.gz", "archive.jsonl.gz"])
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: data[: len(data) // 2], id="cut off"),
        pytest.param(lambda data: data[:-6] + bytes(6), id="wrong checksum"),
        pytest.param(lambda data: data[:12] + b"\xff" * 20 + data[32:], id="overwritten"),
        pytest.param(lambda _: archive(), id="not compressed"),
    ],
)
def test_a_damaged_compressed_file_is_one_finding(tmp_path: Path, name: str, damage: Callable[[bytes], bytes]) -> None:
    is_lines = name.startswith("archive.jsonl")
    content = HEAD_LINE + b'{"record":"place"}\n' * 50 if is_lines else archive(b"[{}" + b",{}" * 50 + b"]")
    *_, found = pieces(tmp_path, damage(gzip.compress(content)), name=name)
    assert isinstance(found, Finding)
    assert (found.code, found.detail) == ("invalid_json", "The compressed file is damaged or cut off here.")


# --- JSON that is not an archive ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"[]", [("invalid_type", "")], id="a list"),
        pytest.param(b"7", [("invalid_type", "")], id="a number"),
        pytest.param(b"{}", [("missing_field", ""), ("missing_field", "")], id="nothing"),
        pytest.param(archive(more=b',"a/b~":[{"c":[]}]'), [("unknown_field", "/a~1b~0")], id="unknown field"),
        pytest.param(archive(b'{"plc-a":{}}'), [("invalid_type", "/places")], id="object for a list"),
        pytest.param(archive(b"null"), [("invalid_type", "/places")], id="null for a list"),
        pytest.param(
            archive(b"[]", b',"x":1,"topics":7').replace(b'"archive":{},', b""),
            [("unknown_field", "/x"), ("invalid_type", "/topics"), ("missing_field", "")],
            id="several",
        ),
    ],
)
def test_json_that_is_no_archive(tmp_path: Path, content: bytes, expected: list[tuple[str, str]]) -> None:
    assert findings(tmp_path, content) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"\n\n", [("missing_field", ""), ("missing_field", "")], id="blank"),
        pytest.param(b"[]\n" + HEAD_LINE, [("invalid_type", "line 1"), ("missing_field", "line 2")], id="a list"),
        pytest.param(HEAD_LINE + b"{}", [("missing_field", "line 2")], id="no record key"),
        pytest.param(HEAD_LINE + HEAD_LINE, [("missing_field", "line 2")], id="head twice"),
        pytest.param(HEAD_LINE + b'{"record":"rumour"}', [("invalid_value", "line 2 /record")], id="unknown"),
        pytest.param(HEAD_LINE + b'{"record":["place"]}', [("invalid_value", "line 2 /record")], id="list"),
        pytest.param(HEAD_LINE[:-2] + b',"x":1}', [("unknown_field", "line 1 /x")], id="more in the head"),
        pytest.param(b'{"format":"testimony-archive/1"}', [("missing_field", "")], id="half a head"),
        pytest.param(b'{"format', [("invalid_json", "line 1")], id="broken head"),
    ],
)
def test_lines_that_are_no_archive(tmp_path: Path, content: bytes, expected: list[tuple[str, str]]) -> None:
    found = findings(tmp_path, content, name="archive.jsonl")
    # A head that was not read where it is due is missing as well.
    assert found[: len(expected)] == expected


@pytest.mark.parametrize("format_", [b'"testimony-archive/2"', b"1", b"null", b"[]", b'""'])
def test_another_format_is_all_that_is_said(tmp_path: Path, format_: bytes) -> None:
    content = b'{"places":[{"id":"plc-a"}],"format":' + format_ + b',"quilts":[],"archive":{'
    first, found = pieces(tmp_path, content)
    assert isinstance(first, Item)
    assert isinstance(found, Finding)
    assert (found.code, found.pointer) == ("unsupported_format", "/format")
    lines = b'{"format":' + format_ + b',"archive":{}}\n{broken'
    assert findings(tmp_path, lines, name="a.jsonl") == [("unsupported_format", "line 1 /format")]


# --- Archives -----------------------------------------------------------------------------------------------


def test_pieces_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    content = b'{"withdrawn":[{}],"archive":{"id":"a"},"places":[1,[2.5]],"format":"testimony-archive/1"}'
    assert pieces(tmp_path, content) == [
        Item("withdrawn", "/withdrawn/0", {}),
        Item("archive", "/archive", {"id": "a"}),
        Item("place", "/places/0", 1),
        Item("place", "/places/1", [2.5]),
        Item("format", "/format", "testimony-archive/1"),
    ]


def test_lines_come_with_their_numbers(tmp_path: Path) -> None:
    content = b"\r\n" + HEAD_LINE + b' \n{"id":"plc-a","record":"place"}\r\n\n{"record":"withdrawn"}'
    assert pieces(tmp_path, content, name="archive.jsonl") == [
        Item("format", "line 2 /format", "testimony-archive/1"),
        Item("archive", "line 2 /archive", {"id": "arden"}),
        Item("place", "line 4", {"id": "plc-a"}),
        Item("withdrawn", "line 6", {}),
    ]


@pytest.mark.parametrize("name", ["archive.json", "archive.jsonl"])
def test_a_compressed_file_reads_as_the_file(tmp_path: Path, name: str) -> None:
    content = HEAD_LINE if name.endswith("l") else archive(b'[{"id":"plc-a"}]')
    plain = pieces(tmp_path, content, name=name)
    assert pieces(tmp_path, gzip.compress(content), name=f"{name}.GZ") == plain


@pytest.mark.parametrize(
    ("place", "inner", "pointer"),
    [
        ("/places/3", "", "/places/3"),
        ("/places/3", "/name", "/places/3/name"),
        ("line 7", "", "line 7"),
        ("line 7", "/name", "line 7 /name"),
        ("line 1 /archive", "/title", "line 1 /archive/title"),
        ("", "/format", "/format"),
    ],
)
def test_locate(place: str, inner: str, pointer: str) -> None:
    assert locate(place, inner) == pointer


def test_join_pointer_escapes_and_cuts() -> None:
    assert join_pointer(["a/b", 0, "~", ""]) == "/a~1b/0/~0/"
    assert len(join_pointer(["x" * 1000])) < 100


def test_progress_counts_the_bytes_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "archive.jsonl.gz"
    path.write_bytes(gzip.compress(HEAD_LINE + b'{"record":"place"}\n' * 10_000))
    told: list[int] = []
    for _ in read_archive(path, progress=told.append):
        pass
    assert told == sorted(told)
    assert told[-1] == path.stat().st_size


# --- Memory -------------------------------------------------------------------------------------------------


def peak_memory(path: Path) -> int:
    tracemalloc.start()
    try:
        for _ in read_archive(path):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["archive.json", "archive.jsonl"])
def test_a_file_of_zeros_takes_no_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        file.truncate(200 * 2**20)  # sparse: takes no room on the disk
    assert peak_memory(path) < 2**20


def test_a_text_without_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (json_lines, json_object, limits):
        monkeypatch.setattr(module, "MAX_RECORD", 2**20)
    endless = archive(b'[{"id":"plc-a"},"' + b"x" * 2**21)
    assert findings(tmp_path, endless) == [("invalid_json", "/places/1")]
    escapes = archive(b'[{"id":"plc-a"},"' + b"\\" * 2**21)
    assert findings(tmp_path, escapes) == [("invalid_json", "/places/1")]
    line = HEAD_LINE + b'"' + b"x" * 2**21 + b'"\n{}'
    assert findings(tmp_path, line, name="a.jsonl") == [
        ("invalid_json", "line 2"),
        ("missing_field", "line 3"),
    ]


@pytest.mark.parametrize("name", ["archive.json", "archive.jsonl", "archive.jsonl.gz"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, name: str) -> None:
    def write(count: int) -> Path:
        record = b'{"record":"place","id":"plc-a","name":"' + b"x" * 500 + b'"}'
        lines = HEAD_LINE + (record + b"\n") * count
        content = lines if "jsonl" in name else archive(b"[" + b",".join([record] * count) + b"]")
        path = tmp_path / f"{count}-{name}"
        path.write_bytes(gzip.compress(content, 1) if name.endswith("gz") else content)
        return path

    assert peak_memory(write(20_000)) < 1.5 * peak_memory(write(2_000))
