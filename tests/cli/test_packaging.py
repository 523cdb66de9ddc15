"""What is installed is what is used: every import is declared, every declared package pinned, every room shipped."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DEPENDENCIES = {re.split(r"[^A-Za-z0-9_.-]", each)[0] for each in PROJECT["project"]["dependencies"]}
FOR_TESTS = {re.split(r"[^A-Za-z0-9_.-]", each)[0] for each in PROJECT["project"]["optional-dependencies"]["test"]}
FOR_BENCH = {re.split(r"[^A-Za-z0-9_.-]", each)[0] for each in PROJECT["project"]["optional-dependencies"]["bench"]}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(folder: Path) -> set[str]:
    """Return the top-level modules that a folder's code imports, the standard library's and ours left out."""
    modules: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules.update(each.name.partition(".")[0] for each in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module.partition(".")[0])
    # Named for the type checker only, or part of a declared package that re-exports it on purpose.
    return modules - sys.stdlib_module_names - {"service", "tests", "_typeshed", "pydantic_core"}


@pytest.mark.parametrize(("folder", "declared"), [("service", DEPENDENCIES), ("tests", DEPENDENCIES | FOR_TESTS)])
def test_every_import_is_declared(folder: str, declared: set[str]) -> None:
    distributions = packages_distributions()
    missing = {
        module
        for module in imported(ROOT / folder)
        if not {normal(each) for each in distributions.get(module, [module])} & {normal(each) for each in declared}
    }
    assert missing == set()


def test_every_room_is_shipped() -> None:
    rooms = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "service").rglob("__init__.py")}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == rooms | {"service.seed"}
