"""The commands and programs of the guide for those who build front ends: run as they stand there, but for the addresses."""

import json
import re
import shlex
from pathlib import Path

import httpx

from tests.clients.test_clients import HERE, NODE_MODULES, PYTHON, ROOT, require, run
from tests.web_server import given_out

GUIDE = (ROOT / "docs" / "front-end.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8000"


def blocks(language: str) -> list[str]:
    """Return the blocks of the guide in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    return [shlex.split(line) for block in blocks("sh") for line in block.splitlines()]


def test_every_command_of_the_guide_is_run_here() -> None:
    assert [command[:2] for command in commands()] == [
        ["npm", "install"],
        ["npx", "openapi-typescript"],
        ["pip", "install"],
        ["openapi-python-client", "generate"],
    ]
    assert [len(blocks(language)) for language in ("ts", "python")] == [1, 1]


def test_what_the_guide_installs_is_what_is_tried() -> None:
    npm, _, pip, _ = commands()
    stated = json.loads((HERE / "package.json").read_text(encoding="utf-8"))
    assert set(npm[2:]) == {*stated["dependencies"], *stated["devDependencies"]}
    pinned = (ROOT / "requirements" / "clients.txt").read_text(encoding="utf-8")
    assert all(re.search(rf"^{re.escape(name)}==", pinned, re.MULTILINE) for name in pip[2:])


def test_the_typescript_of_the_guide_compiles_and_reads(client: httpx.Client, tmp_path: Path) -> None:
    require(NODE_MODULES / ".bin" / "tsc", "TypeScript is not installed (Node, then npm install in tests/clients).")
    address = str(client.base_url).rstrip("/")
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    _, (_, name, *rest), *_ = commands()
    run(NODE_MODULES / ".bin" / name, *(part.replace(ADDRESS, address) for part in rest), cwd=tmp_path)
    (tmp_path / "read.ts").write_text(blocks("ts")[0].replace(ADDRESS, address))
    compiled = ("--strict", "--skipLibCheck", "--lib", "es2022,dom", "--target", "es2022")
    modules = ("--module", "esnext", "--moduleResolution", "bundler")
    run(NODE_MODULES / ".bin" / "tsc", *compiled, *modules, "read.ts", cwd=tmp_path)
    shown = client.get("/v1/events?type!=policy&limit=1").json()["data"][0]["title"]
    assert run("node", "read.js", cwd=tmp_path).strip() == shown


def test_the_python_of_the_guide_reads(client: httpx.Client, tmp_path: Path) -> None:
    require(PYTHON / "openapi-python-client", "openapi-python-client is not installed: requirements/install clients.")
    description = client.get("/openapi.json").json()
    # One collection of eight alike: each operation takes a third of a second.
    description["paths"] = {path: description["paths"][path] for path in ("/v1/events", "/v1/events/{id}")}
    (tmp_path / "openapi.json").write_text(json.dumps(description))
    with given_out(tmp_path) as address:
        *_, (name, *rest) = commands()
        run(PYTHON / name, *(part.replace(ADDRESS, address) for part in rest), cwd=tmp_path)
    (tmp_path / "read.py").write_text(blocks("python")[0].replace(ADDRESS, str(client.base_url).rstrip("/")))
    shown = client.get("/v1/events?limit=1").json()["data"][0]["title"]
    assert run(PYTHON / "python", "read.py", cwd=tmp_path).strip() == shown
