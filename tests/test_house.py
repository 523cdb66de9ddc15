"""The shape of the house: imports point left only, and what is promised of every part holds."""

import ast
from pathlib import Path

import pytest

SERVICE = Path(__file__).parent.parent / "service"
#: The rooms from left to right: each may import those to its left. The last two stand side by side.
ROOMS = ("archive", "bringing", "release", "depots", "catalogue", "http", "api", "pages")
#: Doors in: they may import every room, and no room imports them.
DOORS = {"app", "cli", "__main__"}
#: Rooms that answer requests, and know nothing of each other.
ANSWERING = {"api", "pages"}
#: Rooms that read the settings of the server.
SET_UP = {"http", "api", "pages"}
#: What stands outside the rooms and imports none of them.
OUTSIDE = {"errors", "settings"}

MODULES = sorted(SERVICE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Return the first part below `service` of everything a module imports of ours."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "service":
            parts = (node.module or "").split(".")[1:]
            names |= {parts[0]} if parts else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("service.")}
    return names - {"__version__"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SERVICE)))
def test_imports_point_left(path: Path) -> None:
    room = path.relative_to(SERVICE).parts[0].removesuffix(".py")
    if room in OUTSIDE:
        allowed = {"errors"}
    elif room in ROOMS:
        allowed = {"errors", *ROOMS[: ROOMS.index(room) + 1]} | ({"settings"} if room in SET_UP else set())
        if room in ANSWERING:
            allowed -= ANSWERING - {room}
    else:
        allowed = {*ROOMS, *OUTSIDE, *DOORS}
    assert imported(path) <= allowed


def test_only_publishing_knows_how_a_release_is_built() -> None:
    building = "service.release.building"
    publishing = {SERVICE / "release" / "publish.py", *(SERVICE / "release" / "building").glob("*.py")}
    importing = {
        path
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{building}.")
    }
    assert importing
    assert importing <= publishing


@pytest.mark.parametrize("room", sorted(ANSWERING))
def test_whoever_answers_asks_the_catalogue_and_no_release(room: str) -> None:
    paths = [*(SERVICE / room).rglob("*.py")]
    assert len(paths) > 1
    for path in paths:
        tree = ast.parse(path.read_text())
        nodes = list(ast.walk(tree))
        # What documents and statements look like, and nothing that reads them.
        named = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
        reading = {each for each in named if f"{each}.".startswith("service.release.")}
        assert reading <= {
            f"service.release.{name}" for name in ("document_parts", "documents", "labels", "statements")
        }, path
        reached = [
            ast.unparse(node)
            for node in nodes
            if isinstance(node, ast.Attribute)
            and node.attr == "release"
            and ast.unparse(node.value).endswith("catalogue")
        ]
        assert not reached, path


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SERVICE)))
def test_a_module_opens_with_what_it_is(path: Path) -> None:
    text = path.read_text()
    assert not text or ast.get_docstring(ast.parse(text))


def test_rooms_know_nothing_of_what_lies_to_their_right() -> None:
    for room, strangers in {
        "archive": {"fastapi", "starlette", "sqlmodel", "sqlalchemy"},
        "release": {"fastapi", "starlette"},
        "depots": {"fastapi", "starlette"},
        "catalogue": {"fastapi", "starlette"},
    }.items():
        paths = [*(SERVICE / room).rglob("*.py")]
        assert len(paths) > 1
        for path in paths:
            tree = ast.parse(path.read_text())
            roots = {
                (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else alias.name.split(".")[0]
                for node in ast.walk(tree)
                if isinstance(node, ast.Import | ast.ImportFrom)
                for alias in node.names
            }
            assert not roots & strangers, path
