"""The parsers that strangers reach, with texts found by coverage: see `parsers`."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from service.catalogue.cursor import Cursor
from tests.missing import needs

SEED = os.environ.get("BREAKING_SEED", "20261125")
RUNS = int(os.environ.get("BREAKING_RUNS", "50000"))
#: Bytes of a text: none of the parsers looks at more without refusing it.
LENGTH = 600

#: Where the search begins: random letters hardly ever make a date or a cursor.
BEGINNINGS = {
    "dates": [
        "2021",
        "2021-05-09",
        "202X",
        "2021-XX-XX",
        "XXXX-05-09",
        "2020-06/2021-03",
        "../2020~",
        "2020-02-30?",
        "/",
    ],
    "cursors": [
        Cursor(backward=False, key="a", id="tes-1").encode("d12df6feeb69"),
        "WzFd",
        "W10",
        "bnVsbA",
        "====",
        "-_",
    ],
    "words": [
        "camera metro",
        '"metro station"',
        "camera -dog",
        "mosc*",
        '"',
        "-",
        '-"a b" c*',
        "ё ß ﬁ",
        "a" * 200,
        "a:b AND (c)",
    ],
}

pytestmark = needs(importlib.util.find_spec("atheris") is not None, "atheris is not installed")


@pytest.mark.parametrize("name", BEGINNINGS)
def test_a_parser_refuses_or_reads_whatever_it_is_given(tmp_path: Path, name: str) -> None:
    print(f"seed: {SEED}")
    for number, text in enumerate(BEGINNINGS[name]):
        (tmp_path / str(number)).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "tests.breaking.parsers", name, str(tmp_path)]
    options = [f"-runs={RUNS}", f"-seed={SEED}", f"-max_len={LENGTH}", f"-artifact_prefix={tmp_path}/"]
    run = subprocess.run([*command, *options], capture_output=True, timeout=600, check=False)
    said = run.stderr.decode("utf-8", "replace")
    assert run.returncode == 0, (run.stdout.decode("utf-8", "replace") + said)[-3000:]
    [done] = re.findall(r"Done (\d+) runs", said)
    print(f"{name}: {done} texts")
    assert int(done) >= RUNS
