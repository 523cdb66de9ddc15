"""The README tells the truth: its commands are run and their output compared, its tables are held against the code."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from service.settings import PREFIX, Settings
from tests.archives import CRITERIA

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8000"
#: The id of a request, another one each time.
DRAWN = re.compile(r'(?<="request_id": ")[0-9a-f]{16}(?=")')
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[str, str]]:
    """Return each command of the README with the output printed below it."""
    found = []
    for block in BLOCK.findall(README):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


@pytest.mark.parametrize(("command", "output"), examples(), ids=[command[9:90] for command, _ in examples()])
def test_a_command_prints_what_the_readme_shows(client: httpx.Client, command: str, output: str) -> None:
    curl, *rest = shlex.split(command)
    assert curl == "curl"
    pipe = rest.index("|") if "|" in rest else len(rest)
    url = next(part for part in rest[:pipe] if part.startswith(ADDRESS))
    headers = {"Host": ADDRESS.removeprefix("http://"), "Accept-Encoding": "identity"}
    printed = client.get(url.removeprefix(ADDRESS), headers=headers).text
    if "|" in rest:
        assert rest[pipe + 1] == "python3"
        filtered = subprocess.run(
            [sys.executable, *rest[pipe + 2 :]], input=printed, capture_output=True, text=True, check=True, timeout=20
        )
        printed = filtered.stdout
    assert DRAWN.sub("", printed).replace("\r\n", "\n").strip() == DRAWN.sub("", output).strip()


def test_there_are_commands_to_run() -> None:
    assert len(examples()) >= 9


def test_every_filter_and_setting_is_documented() -> None:
    for criteria in CRITERIA.values():
        for name in criteria.model_fields:
            assert f"`{name}`" in README
    for name in Settings.model_fields:
        assert f"--{name.replace('_', '-')}`" in README
        assert f"{PREFIX}{name.upper()}" in README or f"_{name.upper()}`" in README


def test_every_file_that_the_readme_names_is_there() -> None:
    root = Path(__file__).parent.parent
    for name in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (root / name).exists(), name


def test_the_schema_of_the_archive_file_is_the_one_that_ships() -> None:
    schema = json.loads((Path(__file__).parent.parent / "seed" / "archive.schema.json").read_text(encoding="utf-8"))
    assert schema["$schema"].endswith("2020-12/schema")
