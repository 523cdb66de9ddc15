"""Files of a folder changed together: a run that is killed at any of its steps leaves all of the old or all of the new."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from service.archive.tables import compiled, edited_archive, write_tables
from service.archive.tables.transaction import transaction
from service.archive.tables.writing import head_of, pieces_of
from service.archive.withdrawing import withdraw
from service.errors import ArchiveUnreadable, EditRefused, TestimonyArchiveError

TODAY = date(2026, 3, 4)
ARDEN = Path(__file__).parents[2] / "examples" / "arden.json"

#: Withdraws a testimony from copies of a folder, each in a process of its own that ends itself at the next step that
#: changes the disk: the first at the first, and so on, until one lives. Prints how each ended.
KILLED = """
import os, shutil, sys
from datetime import date
from pathlib import Path
from typing import Any
from service.archive.tables import edited_archive
from service.archive.withdrawing import withdraw

def counted(name, left):
    real = getattr(os, name)
    def step(*arguments, **options):
        left[0] -= 1
        if left[0] < 0:
            os._exit(9)
        return real(*arguments, **options)
    setattr(os, name, step)

def change(folder, step):
    left = [step]
    with edited_archive(folder) as (file, _):
        withdraw(file, ["tes-mira"], today=date(2026, 3, 4))
        for name in ("rename", "replace", "unlink"):
            counted(name, left)
    os._exit(0)

given = Path(sys.argv[1])
for step in range(200):
    folder = given.with_name(str(step))
    shutil.copytree(given, folder)
    if not (child := os.fork()):
        change(folder, step)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(step, code)
    if code == 0:
        break
"""


def tables(folder: Path) -> Path:
    write_tables(head_of(ARDEN), lambda: pieces_of(ARDEN), folder)
    return folder


def records_of(folder: Path) -> list[dict[str, Any]]:
    with compiled(folder) as made:
        assert made.findings == []
        return sorted((record for _, record in pieces_of(made.path)), key=lambda each: str(each["id"]))


def test_a_run_that_is_killed_at_any_step_leaves_all_of_the_old_or_all_of_the_new(tmp_path: Path) -> None:
    before = records_of(tables(tmp_path / "before"))
    with edited_archive(tables(tmp_path / "after")) as (file, _):
        withdraw(file, ["tes-mira"], today=TODAY)
    after = records_of(tmp_path / "after")
    # Who is killed leaves what it worked in: with the rest of the test it goes.
    (tmp_path / "temporary").mkdir()
    ran = subprocess.run(
        [sys.executable, "-c", KILLED, str(tables(tmp_path / "given"))],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
    )
    ended = [line.split() for line in ran.stdout.splitlines()]
    assert [code for _, code in ended] == ["9"] * (len(ended) - 1) + ["0"]
    seen = []
    for step, _ in ended:
        folder = tmp_path / step
        seen.append(records_of(folder))
        assert seen[-1] in (before, after), step
        # The next change takes away what was made ready and never used: copies of what may be private.
        with transaction(folder) as change:
            change.remove("nothing.csv")
        assert not list(folder.glob(".*"))
    assert before in seen
    assert after in seen[:-1]


def test_a_block_that_raises_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("old")

    def change_and_fail() -> None:
        with transaction(tmp_path) as change:
            with change.file("a.csv") as file:
                file.write(b"new")
            change.remove("b.csv")
            raise EditRefused("no")

    (tmp_path / "b.csv").write_text("stays")
    with pytest.raises(EditRefused):
        change_and_fail()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.csv": "old", "b.csv": "stays"}


def test_a_file_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("old")
    (tmp_path / "a.csv").chmod(0o640)
    with transaction(tmp_path) as change, change.file("a.csv") as file:
        file.write(b"new")
    assert (tmp_path / "a.csv").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "a.csv").read_text() == "new"


@pytest.mark.parametrize("name", ["../a.csv", "/etc/hosts", "a/b/c", "a/../../b", ".hidden", 7])
def test_an_interrupted_change_that_came_from_elsewhere_reaches_nothing_outside(tmp_path: Path, name: object) -> None:
    (tmp_path / "a.csv").write_text("stays")
    folder = tables(tmp_path / "t")
    decided = folder / ".testimony-archive-change"
    (decided / "files").mkdir(parents=True)
    (decided / "gone.json").write_text(json.dumps([name]))
    with pytest.raises(ArchiveUnreadable, match="interrupted"), compiled(folder):
        pass
    assert (tmp_path / "a.csv").exists()


def test_a_link_to_a_folder_elsewhere_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder = tables(tmp_path / "t")
    (folder / "transcripts").symlink_to(tmp_path / "elsewhere")
    with (
        pytest.raises(TestimonyArchiveError, match="a link to another folder"),
        transaction(folder) as change,
        change.file("transcripts/tes-1.vtt") as file,
    ):
        file.write(b"WEBVTT")
    assert not list(folder.glob(".*"))
    assert not list((tmp_path / "elsewhere").iterdir())
