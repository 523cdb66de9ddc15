"""Clients generated from the description of a release with fields of its own: they compile, and read it without a cast.

The generators are in environments of their own: `requirements/install clients` for Python, `npm install` in this folder for
TypeScript. Where they are not, the tests are skipped and say so; under CI that is a failure, unless `.ci/run` could not
have them.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.release.publish import publish
from service.settings import Settings
from tests.archives import archive, record, write
from tests.conftest import running
from tests.missing import skip_for

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
NODE_MODULES = HERE / "node_modules"
PYTHON = ROOT / ".venv-clients" / "bin"
#: What `.ci/run` could not install, and why.
UNOBTAINABLE = os.environ.get("UNOBTAINABLE", "")

HEAD: dict[str, Any] = {
    "vocabularies": {
        "weapons": {"terms": [{"value": "gun", "label": "Firearm"}, {"value": "gas", "label": "Tear gas"}]},
        "event_type": {"terms": [{"value": "kettling", "label": "Kettling", "broader": "protest"}]},
    },
    "fields": {
        "event": [
            {"name": "weapons", "label": "Weapons", "kind": "term", "vocabulary": "weapons", "many": True},
            {"name": "rounds", "label": "Rounds", "kind": "number"},
            {"name": "filmed", "label": "Filmed", "kind": "boolean"},
            {"name": "seen", "label": "Seen", "kind": "date"},
            {"name": "officer", "label": "Officer", "kind": "reference", "to": ["agent"]},
        ]
    },
}
EVENT = record("evt-1", type="kettling", custom={"weapons": ["gun", "gas"], "filmed": True})
#: What both programs read: a title of a list, the weapons of an event, the text of a problem.
READ = [EVENT["title"], "Firearm", "Tear gas", "There is no public record with this identifier among the events."]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("clients")
    publish(write(folder / "archive.json", archive(EVENT, **HEAD)), folder / "data")
    with running(Settings(data=folder / "data")) as served:
        yield served


def require(tool: Path, message: str) -> None:
    """Skip the test where a tool is missing, and say so; under CI that is a failure."""
    if not tool.exists():
        skip_for(f"{message} {UNOBTAINABLE}".strip())


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_typescript_client_compiles_and_reads(client: httpx.Client, tmp_path: Path) -> None:
    require(NODE_MODULES / ".bin" / "tsc", "TypeScript is not installed (Node, then npm install in tests/clients).")
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "read.ts").write_bytes((HERE / "read.ts").read_bytes())
    (tmp_path / "openapi.json").write_bytes(client.get("/openapi.json").content)
    # As `archive.ts` it is compiled; of an `archive.d.ts` nothing but what the program uses would be looked at.
    run(NODE_MODULES / ".bin" / "openapi-typescript", "openapi.json", "--output", "archive.ts", cwd=tmp_path)
    compiled = ("--strict", "--skipLibCheck", "--lib", "es2022,dom", "--target", "es2022")
    modules = ("--module", "esnext", "--moduleResolution", "bundler")
    run(NODE_MODULES / ".bin" / "tsc", *compiled, *modules, "read.ts", cwd=tmp_path)
    address = str(client.base_url)
    program = f'import {{ read }} from "./read.js"; console.log(JSON.stringify(await read("{address}")));'
    assert json.loads(run("node", "--input-type=module", "--eval", program, cwd=tmp_path)) == READ


def test_a_python_client_compiles_and_reads(client: httpx.Client, tmp_path: Path) -> None:
    generator = PYTHON / "openapi-python-client"
    require(generator, "openapi-python-client is not installed: requirements/install clients.")
    description = client.get("/openapi.json").json()
    # One collection of eight alike, and no files: each operation takes a third of a second.
    kept = ("/v1/events", "/v1/events/{id}", "/v1/events/query", "/v1/search")
    description["paths"] = {path: description["paths"][path] for path in kept}
    (tmp_path / "openapi.json").write_text(json.dumps(description))
    (tmp_path / "config.yaml").write_text("post_hooks: []\n")
    (tmp_path / "read.py").write_bytes((HERE / "read.py").read_bytes())
    made = ("--path", "openapi.json", "--output-path", "archive_client", "--meta", "none")
    run(generator, "generate", *made, "--config", "config.yaml", "--fail-on-warning", cwd=tmp_path)
    typed = (
        "--strict",
        "--config-file=",
        "--follow-imports=silent",
        "--no-error-summary",
        "--python-executable",
        PYTHON / "python",
    )
    cache = ROOT / ".mypy_cache" / "clients"
    run(sys.executable, "-m", "mypy", *typed, "--cache-dir", cache, "read.py", cwd=tmp_path)
    assert run(PYTHON / "python", "read.py", str(client.base_url), cwd=tmp_path).splitlines() == READ
