"""Bars that tell how far long work is: in a terminal, and nowhere else."""

import os
import pty
import subprocess
import sys
from pathlib import Path

ARDEN = Path(__file__).parents[2] / "examples" / "arden.json"


def in_a_terminal(*arguments: object) -> str:
    """Run the command with its errors in a terminal, and return what that was given."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    command = [sys.executable, "-m", "service", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, stdin=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:  # how a terminal ends whose last process has
            pass
        process.communicate()
    os.close(ours)
    assert process.returncode == 0
    return shown.decode()


def test_long_work_is_told_in_a_terminal_alone(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("title,city\n" + "".join(f"march {number},Arden\n" for number in range(1200)))
    how = tmp_path / "m.toml"
    how.write_text(
        'key = ["title"]\nconstants = { type = "other" }\n[columns.title]\nfield = "title"\n[columns.city]\nleave = "no"\n'
    )
    bring = ("bring", "table", table, "--into", tmp_path / "mine", "--map", how)
    shown = in_a_terminal(*bring)
    assert "Reading a.csv" in shown
    assert "Writing tables" in shown
    assert "Reading tables" in in_a_terminal(*bring)
    shown = in_a_terminal("check", tmp_path / "mine")
    assert "Reading tables" in shown
    assert "Checking" in shown
    shown = in_a_terminal("publish", tmp_path / "mine", "--data", tmp_path / "data")
    assert "Reading tables" in shown
    assert "Rendering" in shown
    command = [sys.executable, "-m", "service", *map(str, bring)]
    quiet = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Writing" not in quiet.stderr
