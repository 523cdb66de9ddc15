"""docs/proof.md tells the truth: every command of it is run, in order, as a stranger does, and its output compared."""

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.depots.signatures import read_signer
from service.depots.verification import CheckName
from tests.archives import TEXT, archive, passage, record
from tests.conftest import PublishTo, Serve
from tests.depots.keys import allow, make_key
from tests.missing import skip_for

GUIDE = (Path(__file__).parent.parent / "docs" / "proof.md").read_text(encoding="utf-8")
ADDRESS = "https://archive.example.org"
#: What the guide leaves out: hashes, keys and times, which are others each time.
LEFT_OUT = "…"
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: Printed after each command, so that the output of one is told from that of the next.
MARK = "--- end of a command ---"


def commands() -> list[tuple[str, str]]:
    """Return each command of the guide, with the output that is shown below it."""
    found = []
    for block in BLOCK.findall(GUIDE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def require_tools() -> None:
    """Skip the test where a tool of the guide is missing, and say which; under CI that is a failure."""
    missing = [tool for tool in ("bash", "curl", "iconv", "sha256sum", "ssh-keygen") if shutil.which(tool) is None]
    if missing:
        skip_for(f"missing: {missing}")


@pytest.fixture
def desk(tmp_path: Path, publish_to: PublishTo, serve: Serve) -> tuple[Path, str]:
    """The folder of a stranger, who has the public key and the source; and the address of an archive of two releases."""
    require_tools()
    key = make_key(tmp_path / "key")
    source = record("src-001", text=record("src-1")["text"])
    cited = passage(5, 19, "src-001")
    for day, title in ((1, "First"), (2, "Second")):
        whole = archive(source, record("tes-001", title=title, citations=[cited]))
        # The source that `archive` adds is not wanted here: nothing cites it.
        whole["sources"] = [source]
        now = datetime(2026, 3, day, 12, tzinfo=UTC)
        publish_to(tmp_path / "data", whole, sign=read_signer(key), now=lambda now=now: now)
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "source.txt").write_text(TEXT)
    allow(folder / "allowed_signers", key)
    line = (folder / "allowed_signers").read_text().splitlines()[-1]
    (folder / "allowed_signers").write_text(" ".join(line.split()) + "\n")
    return folder, str(serve(tmp_path / "data").base_url)


def test_every_command_prints_what_the_guide_shows(desk: tuple[Path, str]) -> None:
    folder, address = desk
    script = "".join(f"{command}\necho; echo '{MARK}'\n" for command, _ in commands())
    program = f'testimony-archive() {{ "{sys.executable}" -m service "$@"; }}\n' + script.replace(ADDRESS, address)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parent.parent), "LC_ALL": "C.UTF-8"}
    run = subprocess.run(
        ["bash", "-c", program], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    printed = run.stdout.replace(address, ADDRESS).split(MARK + "\n")
    assert len(printed) == len(commands()) + 1, run.stderr
    for (command, shown), output in zip(commands(), printed, strict=False):
        pattern = ".+".join(re.escape(part) for part in shown.strip().split(LEFT_OUT))
        assert re.fullmatch(pattern, output.strip()), (command, output, run.stderr)
    assert (folder / "passage.txt").read_text() == TEXT[5:19]


def test_there_are_commands_and_comparisons() -> None:
    assert len(commands()) >= 20
    assert sum("&& echo the same" in command for command, _ in commands()) == 5


def test_every_check_is_explained() -> None:
    for name in CheckName.__args__:  # type: ignore[attr-defined]
        assert f"| `{name}` |" in GUIDE
