"""README.md and docs/ tell the truth: commands are run and their output compared, tables are held against the code."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from service.archive.checks.rules import RULES
from service.errors import problems
from service.settings import PREFIX, Settings
from tests.archives import CRITERIA
from tests.reference import TABLES, with_tables

ROOT = Path(__file__).parent.parent
PAGES = {
    path.name: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}
ADDRESS = "http://127.0.0.1:8000"
#: The id of a request, another one each time.
DRAWN = re.compile(r'(?<="request_id": ")[0-9a-f]{16}(?=")')
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[str, str]]:
    """Return each command with the output printed below it."""
    found = []
    # What docs/proof.md shows needs a signed archive: tests/test_proof_guide.py runs it.
    pages = "\n".join(text for name, text in PAGES.items() if name != "proof.md")
    for block in BLOCK.findall(pages):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


@pytest.mark.parametrize(("command", "output"), examples(), ids=[command[9:90] for command, _ in examples()])
def test_a_command_prints_what_the_guides_show(client: httpx.Client, command: str, output: str) -> None:
    curl, *rest = shlex.split(command)
    assert curl == "curl"
    pipe = rest.index("|") if "|" in rest else len(rest)
    url = next(part for part in rest[:pipe] if part.startswith(ADDRESS))
    headers = {"Host": ADDRESS.removeprefix("http://"), "Accept-Encoding": "identity"}
    printed = client.get(url.removeprefix(ADDRESS), headers=headers).text
    if "|" in rest:
        assert rest[pipe + 1] == "python3"
        filtered = subprocess.run(
            [sys.executable, *rest[pipe + 2 :]], input=printed, capture_output=True, text=True, check=True, timeout=60
        )
        printed = filtered.stdout
    assert DRAWN.sub("", printed).replace("\r\n", "\n").strip() == DRAWN.sub("", output).strip()


def test_there_are_commands_to_run() -> None:
    assert len(examples()) >= 15


def test_the_readme_is_two_screens() -> None:
    assert len(PAGES["README.md"].splitlines()) <= 160


def test_every_filter_and_setting_is_documented() -> None:
    for criteria in CRITERIA.values():
        for name in criteria.model_fields:  # what excludes is documented as a kind: `NAME!`
            assert f"`{name.removesuffix('!')}`" in PAGES["api.md"]
    for name in Settings.model_fields:
        assert f"--{name.replace('_', '-')}`" in PAGES["operate.md"]
        assert f"{PREFIX}{name.upper()}" in PAGES["operate.md"] or f"_{name.upper()}`" in PAGES["operate.md"]


@pytest.mark.parametrize("name", PAGES)
def test_tables_made_from_the_code_are_as_the_code_is(name: str) -> None:
    # `python -m tests.reference` writes them anew.
    assert with_tables(PAGES[name]) == PAGES[name]


def test_every_address_problem_code_command_and_field_has_its_table() -> None:
    everything = "\n".join(PAGES.values())
    for table in TABLES:
        assert everything.count(f"<!-- table: {table} -->") == 1
    for name in (*(problem.slug for problem in problems()), *RULES, *(f"/v1/{each}" for each in CRITERIA)):
        assert f"`{name}`" in everything


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_leads_to_is_there(name: str) -> None:
    folder = ROOT if name == "README.md" else ROOT / "docs"
    for address in re.findall(r"\]\((?!http)([^)]+)\)", PAGES[name]):
        file, _, anchor = address.partition("#")
        assert (folder / file).exists(), address
        headings = {
            heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", PAGES[name], re.MULTILINE)
        }
        assert not anchor or file or anchor in headings, address


@pytest.mark.parametrize("name", PAGES)
def test_commands_of_the_guides_are_commands(name: str) -> None:
    known = set(
        re.findall(r"^\| `(\S+?)(?: \S+)?` \|", with_tables("<!-- table: commands -->\n<!-- end -->"), re.MULTILINE)
    )
    for command in re.findall(r"^(?:.venv/bin/)?testimony-archive ([a-z]+)", PAGES[name], re.MULTILINE):
        assert command in known


def test_the_schema_of_the_archive_file_is_the_one_that_ships() -> None:
    schema = json.loads((ROOT / "seed" / "archive.schema.json").read_text(encoding="utf-8"))
    assert schema["$schema"].endswith("2020-12/schema")
