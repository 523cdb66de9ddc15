"""docs/bring.md tells the truth: its files are written as they stand there, and its commands run in order."""

import re
import shlex
from pathlib import Path
from typing import Any

GUIDE = (Path(__file__).parents[2] / "docs" / "bring.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\S+)(?: (\S+))?\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_guide_run(command: Any, tmp_path: Path) -> None:
    ran = 0
    for kind, name, text in BLOCK.findall(GUIDE):
        if name:
            (tmp_path / name).write_text(text)
        elif kind == "sh":
            for line in text.splitlines():
                program, *arguments = shlex.split(line)
                assert program == "testimony-archive"
                into = arguments[arguments.index(">") + 1] if ">" in arguments else None
                done = command(*(arguments[: arguments.index(">")] if into else arguments))
                assert done.code == 0, (line, done.out, done.err)
                if into:
                    (tmp_path / into).write_text(done.out)
                ran += 1
    assert ran >= 9
