"""What is installed is what was written down: pins, hashes, and the list of what the image holds."""

import json
import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

from tests.cli.test_packaging import DEPENDENCIES, FOR_BENCH, FOR_TESTS, PROJECT, ROOT, normal

#: What is pinned, by the part that needs it. Each file is whole: the others need not be installed before it.
PARTS = {
    part: (ROOT / "requirements" / f"{part}.txt").read_text(encoding="utf-8")
    for part in ("run", "test", "bench", "audit", "clients")
}
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
INSTALL = (ROOT / "requirements" / "install").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
#: One package: an exact version, perhaps the systems that need it, and the hashes of its files, each on a line.
PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9_.-]+)==(?P<version>[0-9][A-Za-z0-9.]*)(?: ; (?P<marks>[a-z0-9A-Z_.()' =!<>-]+))?"
    r"(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n",
    re.MULTILINE,
)


def pins(part: str = "run") -> dict[str, tuple[str, frozenset[str]]]:
    """Return version and hashes of each package of a part."""
    return {
        normal(each["name"]): (each["version"], frozenset(each["hashes"].split("--hash=")[1:]))
        for each in PIN.finditer(PARTS[part])
    }


@pytest.mark.parametrize("part", PARTS)
def test_every_package_is_pinned_once_with_hashes(part: str) -> None:
    # Nothing but pins and comments: no address of a registry, no package without hashes.
    assert re.sub(r"^ *#.*\n", "", PIN.sub("", PARTS[part]), flags=re.MULTILINE) == ""
    assert "://" not in PARTS[part]
    names = [normal(each["name"]) for each in PIN.finditer(PARTS[part])]
    assert len(names) == len(set(names)) > 20


def test_parts_can_be_installed_over_each_other() -> None:
    # `clients` is installed beside the others.
    for part in PARTS.keys() - {"clients"}:
        common = pins().keys() & pins(part).keys()
        assert all(pins()[name] == pins(part)[name] for name in common)
    assert pins().keys() <= pins("test").keys()
    assert pins().keys() <= pins("bench").keys()


def test_hashes_cover_every_platform() -> None:
    # Compiled packages have a file for each platform; one hash would be that of one machine.
    for name in ("orjson", "tantivy", "uvloop", "httptools"):
        assert len(pins()[name][1]) >= 6


def test_what_is_declared_is_pinned() -> None:
    build = {re.split(r"[=<>]", each)[0] for each in PROJECT["dependency-groups"]["build"]}
    groups = [(part, set(PROJECT["dependency-groups"][part])) for part in ("audit", "clients")]
    for part, declared in (("run", DEPENDENCIES | build), ("test", FOR_TESTS), ("bench", FOR_BENCH), *groups):
        assert {normal(each) for each in declared} <= set(pins(part))
    assert not pins().keys() & {normal(each) for each in FOR_TESTS - DEPENDENCIES}


def test_what_is_leaned_on_from_inside_has_an_upper_bound() -> None:
    """`http/fast_path.py` names the parts of uvicorn, and `http/application.py` those of the two frameworks."""
    bounds = {re.split(r"[=<>]", each)[0]: each for each in PROJECT["project"]["dependencies"]}
    for name in ("uvicorn", "starlette", "fastapi"):
        assert re.fullmatch(name + r"<[0-9.]+", bounds[name])


def test_what_builds_is_pinned_once() -> None:
    assert PROJECT["build-system"]["requires"] == PROJECT["dependency-groups"]["build"]
    [setuptools] = PROJECT["build-system"]["requires"]
    assert setuptools == f"setuptools=={pins()['setuptools'][0]}"


def test_what_is_installed_here_is_what_is_pinned() -> None:
    installed = {normal(each.name): each.version for each in distributions()}
    for name, (version, _) in pins("test").items():
        # Those for other platforms are not here.
        assert installed.get(name, version) == version


def installations(text: str) -> list[list[str]]:
    """Return what each `pip install` of a text is given."""
    return [shlex.split(found) for found in re.findall(r"pip install ([^&\n]*)", text.replace("\\\n", " "))]


@pytest.mark.parametrize(("text", "number"), [(INSTALL, 1), (DOCKERFILE, 3)], ids=["install", "Dockerfile"])
def test_nothing_is_installed_without_hashes(text: str, number: int) -> None:
    # In `install` one function runs pip, and is called as `pip`.
    given = installations(text.replace("\npip --", "\npip install --").replace("|| pip --", "|| pip install --"))
    given = [arguments for arguments in given if "$@" not in arguments]
    assert len(given) >= number
    for arguments in given:
        from_registry = {"--require-hashes", "--only-binary", ":all:", "-r"} <= set(arguments)
        # The project itself comes from this folder and may bring and build with nothing else.
        itself = {"--no-deps", "--no-build-isolation", "."} <= set(arguments)
        assert from_registry != itself, arguments


def test_an_older_python_is_told_so_in_a_line(tmp_path: Path) -> None:
    old = tmp_path / "python-of-old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    command = [str(ROOT / "requirements" / "install"), "run"]
    environment = {**os.environ, "PYTHON": str(old)}
    refused = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=20)
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: Python 3.11 or later is needed")
    assert refused.stderr.count("\n") == 1


def test_the_list_of_what_is_inside_is_complete(tmp_path: Path) -> None:
    [command] = re.findall(r"^RUN /opt/audit/bin/cyclonedx-py (.*)$", DOCKERFILE, re.MULTILINE)
    assert "COPY --from=build /opt/archive /opt/archive" in DOCKERFILE
    target = tmp_path / "sbom.json"
    arguments = command.replace("/opt/archive/sbom.json", str(target)).replace(
        "/opt/archive/bin/python3", sys.executable
    )
    subprocess.run(
        [sys.executable, "-m", "cyclonedx_py", *shlex.split(arguments), "--no-validate"],
        check=True,
        timeout=120,
        capture_output=True,
    )
    listed = json.loads(target.read_text(encoding="utf-8"))
    assert listed["bomFormat"] == "CycloneDX"
    components = {(normal(each["name"]), each["version"]) for each in listed["components"]}
    installed = {(normal(each.name), each.version) for each in distributions()}
    assert len(installed) > 50
    assert installed <= components
    assert all(each["purl"].startswith("pkg:pypi/") for each in listed["components"] if each["name"] == "fastapi")


def test_known_vulnerabilities_are_looked_for() -> None:
    assert {"cyclonedx-bom", "pip-audit"} <= set(pins("audit"))
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "docs/operate.md '## Known vulnerabilities'" in run
    assert "## Known vulnerabilities\n" in GUIDE
    for part in PARTS:
        assert f"pip-audit --disable-pip --require-hashes -r requirements/{part}.txt" in GUIDE
