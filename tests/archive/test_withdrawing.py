"""Withdrawing from an archive file: what goes, what stays byte for byte, what is reported, and that nothing is ever lost."""

import fcntl
import gzip
import json
import signal
import stat
import subprocess
import sys
import time
import tracemalloc
from datetime import date
from pathlib import Path

import pytest

from service.archive.checks import check_archive
from service.archive.withdrawing import Mention, withdraw
from service.errors import ArchiveUnreadable, EditRefused
from tests.archives import Fields, archive, record, write
from tests.conftest import SEED

TODAY = date(2026, 3, 4)
CORPUS = Path(__file__).parent / "corpus"
FORMS = (".json", ".json.gz", ".jsonl", ".jsonl.gz")


def save(folder: Path, suffix: str, whole: Fields) -> Path:
    """Write an archive in any of the forms that are read."""
    plain = write(folder / f"plain{suffix.removesuffix('.gz')}", whole)
    path = folder / f"a{suffix}"
    path.write_bytes(gzip.compress(plain.read_bytes()) if suffix.endswith(".gz") else plain.read_bytes())
    plain.unlink()
    return path


def content(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


def codes(path: Path) -> set[str]:
    return {finding.code for finding in check_archive(path, today=TODAY).findings}


def mentions(path: Path, *ids: str) -> list[tuple[str, str, str, str]]:
    found = withdraw(path, ids, today=TODAY).mentions
    return [(each.kind, each.pointer, each.record, each.about) for each in found]


# --- What goes and what stays -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", FORMS)
def test_the_record_goes_and_is_listed_and_all_else_stays(tmp_path: Path, suffix: str) -> None:
    before = archive(record("tes-1"), record("tes-2"), record("tes-3"), withdrawn=[{"id": "tes-9", "on": "2025-01-01"}])
    path = save(tmp_path, suffix, before)
    outcome = withdraw(path, ["tes-3", "tes-1"], today=TODAY)
    assert (outcome.listed, outcome.unlisted, outcome.more) == (["tes-1", "tes-3"], [], False)
    gone = [{"id": "tes-9", "on": "2025-01-01"}, *({"id": name, "on": "2026-03-04"} for name in ("tes-1", "tes-3"))]
    expected = save(tmp_path / "..", suffix, archive(record("tes-2"), withdrawn=gone))
    assert content(path) == content(expected)
    expected.unlink()
    assert codes(path) == set()
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # The first, one in the middle, the last, all of a list; on lines, on one line, without spaces.
        ('[\n  {"id": "tes-1"},\n  {"id": "tes-2"}\n]', '[\n  {"id": "tes-2"}\n]'),
        ('[\n  {"id": "tes-2"},\n  {"id": "tes-1"},\n  {"id": "tes-3"}\n]', '[\n  {"id": "tes-2"},\n  {"id": "tes-3"}\n]'),
        ('[\n  {"id": "tes-2"},\n  {"id": "tes-1"}\n]', '[\n  {"id": "tes-2"}\n]'),
        ('[{"id":"tes-1"}]', "[]"),
        ('[ {"id":"tes-1"} , {"id":"tes-1"} , {"id":"tes-2"} ]', '[ {"id":"tes-2"} ]'),
        ('[{"id":"tes-2"},{"id":"tes-1"},{"id":"tes-1"},{"id":"tes-3"}]', '[{"id":"tes-2"},{"id":"tes-3"}]'),
        ('[{"a":[{"id":"tes-1"}],"id":"tes-2"},{"id":"\\u0074es-1"}]', '[{"a":[{"id":"tes-1"}],"id":"tes-2"}]'),
    ],
)  # fmt: skip
def test_a_list_keeps_its_layout(tmp_path: Path, before: str, after: str) -> None:
    frame = (
        '{"format": "testimony-archive/1", "archive": {"title": "{\\"[,]ж"}, "testimonies": %s, "withdrawn": [%s]}\n'
    )
    path = tmp_path / "a.json"
    path.write_text(frame % (before, ""))
    withdraw(path, ["tes-1"], today=TODAY)
    assert path.read_text() == frame % (after, '{"id": "tes-1", "on": "2026-03-04"}')


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{\n  "withdrawn": []\n}', '{\n  "withdrawn": [\n    {E}\n  ]\n}'),
        (
            '{\n\t"withdrawn": [\n\t\t{"id": "src-9"}\n\t]\n}',
            '{\n\t"withdrawn": [\n\t\t{"id": "src-9"},\n\t\t{E}\n\t]\n}',
        ),
        ('{"withdrawn":[{"id":"src-9"}]}', '{"withdrawn":[{"id":"src-9"}, {E}]}'),
        ('{\n  "topics": []\n}\n', '{\n  "topics": [],\n  "withdrawn": [\n    {E}\n  ]\n}\n'),
        ('{"topics":[] }', '{"topics":[],"withdrawn": [{E}] }'),
    ],
)
def test_the_withdrawal_is_laid_out_as_what_is_there(tmp_path: Path, before: str, after: str) -> None:
    head = '"format": "testimony-archive/1", "archive": {}, "agents": [{"id": "agt-1"}],'
    path = tmp_path / "a.json"
    path.write_text(before.replace("{", "{" + head, 1))
    withdraw(path, ["agt-1"], today=TODAY)
    entry = '{"id": "agt-1", "on": "2026-03-04"}'
    assert path.read_text() == after.replace("{E}", entry).replace("{", "{" + head.replace('{"id": "agt-1"}', ""), 1)


def test_a_line_that_does_not_end_is_ended_before_the_withdrawal(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(write(path, archive(record("tes-1"))).read_text().rstrip("\n"))
    withdraw(path, ["tes-1"], today=TODAY)
    assert path.read_text().endswith('\n{"record": "withdrawn", "id": "tes-1", "on": "2026-03-04"}\n')
    assert codes(path) == set()


def test_what_was_not_public_is_not_listed(tmp_path: Path) -> None:
    whole = archive(
        record("tes-1", access={"visibility": "restricted"}),
        record("tes-2", access={"visibility": "embargoed", "embargo_until": "2026-03-05"}),
        record("tes-3", access={"visibility": "embargoed", "embargo_until": "2026-03-04"}),
    )
    path = write(tmp_path / "a.json", whole)
    outcome = withdraw(path, ["tes-1", "tes-2", "tes-3"], today=TODAY)
    assert (outcome.listed, outcome.unlisted) == (["tes-3"], ["tes-1", "tes-2"])
    assert json.loads(path.read_text())["withdrawn"] == [{"id": "tes-3", "on": "2026-03-04"}]


def test_the_owners_rights_and_a_link_to_the_file_stay(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", archive(record("tes-1")))
    path.chmod(0o640)
    link = tmp_path / "link.json"
    link.symlink_to(path)
    withdraw(link, ["tes-1"], today=TODAY)
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert json.loads(path.read_text())["testimonies"] == []


def test_the_seed_without_a_record_can_be_read_as_before(tmp_path: Path) -> None:
    path = tmp_path / "seed.json"
    path.write_bytes(SEED.read_bytes())
    withdraw(path, ["tes-010"], today=TODAY)
    before, after = json.loads(SEED.read_text()), json.loads(path.read_text())
    before["testimonies"] = [each for each in before["testimonies"] if each["id"] != "tes-010"]
    before["withdrawn"] = [{"id": "tes-010", "on": "2026-03-04"}]
    assert after == before
    was, now = SEED.read_text().splitlines(), path.read_text().splitlines()
    kept = was[: was.index('      "id": "tes-010",') - 2]
    assert now[: len(kept)] == kept
    assert now[-4:] == ['  "withdrawn": [', '    {"id": "tes-010", "on": "2026-03-04"}', "  ]", "}"]


# --- What still leads to it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_every_reference_is_pointed_to(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"good{suffix}"
    path.write_bytes((CORPUS / f"good{suffix}").read_bytes())
    outcome = withdraw(path, ["agt-trams"], today=TODAY)
    refers = [each.pointer for each in outcome.mentions if each.kind == "refers"]
    dangling = [each.pointer for each in check_archive(path, today=TODAY).findings if each.code == "dangling_reference"]
    assert sorted(refers) == sorted(dangling)
    assert len(refers) >= 3


def test_every_place_that_names_the_person_is_pointed_to(tmp_path: Path) -> None:
    person = record("agt-2", kind="person", name_policy="published", name="Mara Ivanova", access={"private": "+7 999"})
    whole = archive(
        person,
        record("tes-1", witness="agt-2", summary="Mara recalls the night."),
        record("tes-2", title="What MARA said", summary="Nothing else."),
        record("tes-3", summary="With Ivanovas’s neighbour."),
        record("tes-4", translations={"ru": {"title": "Рассказ"}}, content_warnings=["márá"]),
        record("tes-5", summary="A marathon, and the tarama of Marakesh."),
        record("evt-1", participants=[{"agent": "agt-2", "role": "present"}], access={"private": {"see": ["tes-1."]}}),
        coverage="Nothing on Mara-Ivanova.",
    )
    assert mentions(write(tmp_path / "a.json", whole), "tes-1") == [
        ("names", "/archive/coverage", "archive", "tes-1"),
        ("names", "/agents/1/id", "agt-2", "tes-1"),
        ("names", "/agents/1/name", "agt-2", "tes-1"),
        ("names", "/events/0/participants/0/agent", "evt-1", "tes-1"),
        ("names", "/events/0/access/private", "evt-1", "tes-1"),
        ("names", "/testimonies/0/title", "tes-2", "tes-1"),
        ("names", "/testimonies/1/summary", "tes-3", "tes-1"),
        ("names", "/testimonies/2/content_warnings/0", "tes-4", "tes-1"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "is_found"),
    [
        ("Мара Иванова", "Рассказ Марой Ивановой", True),
        ("Мара Иванова", "со слов Ивановой", True),
        ("مارا", "قالت لمارا", True),
        ("王小明", "据王小明说", True),
        ("Đặng Thị", "ĐANG thi", True),
        ("Zoë Ødegård", "zoe odegard", False),
        ("Zoë Lindqvist", "ZOE", False),
        ("Zoë Lindqvist", "LINDQVIST’s", True),
        ("Li Bo", "Li Bo says", True),
        ("Li Bo", "Lithium and boats", False),
    ],
)
def test_names_are_found_without_case_accents_and_endings(tmp_path: Path, name: str, text: str, is_found: bool) -> None:
    whole = archive(record("agt-2", kind="person", name_policy="published", name=name), record("tes-1", summary=text))
    assert bool(mentions(write(tmp_path / "a.json", whole), "agt-2")) == is_found


def test_a_pseudonym_and_the_real_name_beside_it_are_looked_for(tmp_path: Path) -> None:
    known = {
        "real": {"name": "Ilse Vogt"},
        "notes": ["The whole story of how she came to us is told in this long text."],
    }
    person = record(
        "agt-2", kind="person", name_policy="pseudonym", name=None, label="The Baker", access={"private": known}
    )
    whole = archive(
        person,
        record("tes-1", summary="The baker had left."),
        record("tes-2", summary="A baker."),
        record("tes-3", access={"private": {"who": {"told us": "Ilse Vogt, by telephone"}}}),
    )
    assert [found[1] for found in mentions(write(tmp_path / "a.json", whole), "agt-2")] == [
        "/testimonies/0/summary",
        "/testimonies/2/access/private",
    ]


def test_an_organisation_behind_a_testimony_is_nobody_to_look_for(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", archive(record("tes-1"), record("tes-2", summary="The council met.")))
    assert mentions(path, "tes-1") == []


def test_what_only_the_withdrawn_record_led_to_is_named(tmp_path: Path) -> None:
    interview = record("src-2", type="interview", title="A conversation")
    whole = archive(interview, record("top-1"), record("tes-1", citations=[{"source": "src-2"}], topics=["top-1"]))
    assert mentions(write(tmp_path / "a.json", whole), "tes-1") == [
        ("alone", "/agents/0", "agt-1", "tes-1"),
        ("alone", "/sources/1", "src-2", "tes-1"),
        ("alone", "/topics/0", "top-1", "tes-1"),
    ]


def test_mentions_are_kept_up_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.archive.withdrawing.MAX_FINDINGS", 2)
    path = write(tmp_path / "a.json", archive(*(record(f"tes-{n}") for n in range(4))))
    outcome = withdraw(path, ["agt-1"], today=TODAY)
    assert (len(outcome.mentions), outcome.more) == (2, True)
    assert outcome.mentions[0] == Mention("refers", "/testimonies/0/witness", "tes-0", "agt-1")


# --- What cannot be done, and nothing lost ----------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", FORMS)
@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["tes-7"], "tes-7 is no record of this archive"),
        (["tes-1", "tes-9"], "tes-9 was withdrawn already"),
        (["arden"], "arden is no record"),
    ],
)
def test_a_record_that_is_not_there_changes_nothing(tmp_path: Path, suffix: str, ids: list[str], message: str) -> None:
    path = save(tmp_path, suffix, archive(record("tes-1"), withdrawn=[{"id": "tes-9", "on": "2025-01-01"}]))
    before = path.read_bytes()
    with pytest.raises(EditRefused, match=message):
        withdraw(path, ids, today=TODAY)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("broken", ["invalid_json.json", "invalid_json-line.jsonl", "unsupported_format.json"])
def test_a_file_that_is_not_sound_is_left_alone(tmp_path: Path, broken: str) -> None:
    path = tmp_path / broken
    path.write_bytes((CORPUS / broken).read_bytes())
    with pytest.raises(EditRefused, match="not a sound archive"):
        withdraw(path, ["tes-1"], today=TODAY)
    assert path.read_bytes() == (CORPUS / broken).read_bytes()


@pytest.mark.parametrize("name", ["none.json", "a.txt", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.txt").write_text("{}")
    with pytest.raises(ArchiveUnreadable):
        withdraw(tmp_path / name, ["tes-1"], today=TODAY)


def test_a_file_in_use_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", archive(record("tes-1")))
    with path.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(EditRefused, match="in use"):
            withdraw(path, ["tes-1"], today=TODAY)
    assert withdraw(path, ["tes-1"], today=TODAY).listed == ["tes-1"]


def test_what_an_editor_saves_meanwhile_is_not_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.json", archive(record("tes-1")))

    def save_meanwhile(source: object) -> object:
        write(path, archive(record("tes-1"), record("tes-2", title="New")))
        return source

    monkeypatch.setattr("service.archive.withdrawing._mentions", lambda *_: save_meanwhile([]))
    with pytest.raises(EditRefused, match="changed by something else"):
        withdraw(path, ["tes-1"], today=TODAY)
    assert [each["title"] for each in json.loads(path.read_text())["testimonies"]][1:] == ["New"]
    assert list(tmp_path.iterdir()) == [path]


PROGRAM = """
import sys
from datetime import date
from pathlib import Path
from service.archive.withdrawing import withdraw
withdraw(Path(sys.argv[1]), ["tes-5"], today=date(2026, 3, 4))
"""


def test_killed_at_any_moment_the_file_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", archive(*(record(f"tes-{n}", summary="a " * 200) for n in range(5000))))
    old = path.read_bytes()
    halves = 0
    for wait in (0.0, 0.02, 0.1, 0.2, 0.3):
        run = subprocess.Popen([sys.executable, "-c", PROGRAM, str(path)])
        while run.poll() is None and len(list(tmp_path.iterdir())) == 1:
            time.sleep(0.001)
        time.sleep(wait)
        run.send_signal(signal.SIGKILL)
        run.wait()
        halves += len(list(tmp_path.iterdir())) > 1
        if path.read_bytes() != old:
            assert path.read_bytes().endswith(b'{"record": "withdrawn", "id": "tes-5", "on": "2026-03-04"}\n')
            path.write_bytes(old)
        for left in tmp_path.glob(".a.*.jsonl"):
            left.unlink()
        assert list(tmp_path.iterdir()) == [path]
    assert halves, "no run was killed while it wrote"


def peak_memory(path: Path) -> int:
    tracemalloc.start()
    try:
        withdraw(path, ["tes-5"], today=TODAY)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_a_file_of_lines(tmp_path: Path) -> None:
    def lines(number: int) -> Path:
        return write(tmp_path / f"{number}.jsonl", archive(*(record(f"tes-{n}") for n in range(number))))

    assert peak_memory(lines(3000)) < 1.5 * peak_memory(lines(300))
