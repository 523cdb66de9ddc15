"""The tables in docs/ that are made from the code: `python -m tests.reference` writes them, tests/test_docs.py compares.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`.
"""

import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from service.api.describing import describe
from service.app import create_app
from service.archive.checks.rules import NOTES, RULES
from service.archive.fields import archive_fields
from service.archive.model import archive_schema
from service.cli.app import app as command
from service.errors import problems
from service.settings import Settings

DOCS = Path(__file__).parent.parent / "docs"
_TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
#: Identifiers have one pattern for all types of records.
_IDENTIFIER = "^(?:src|"


def table(heading: str, rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown; `heading` names its columns, separated by bars."""
    lines = [f"| {heading} |", "|" + "---|" * (heading.count("|") + 1)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _routes() -> str:
    paths = describe(create_app(Settings(metrics=True)), archive_fields())["paths"]
    rows = [(f"`{path}`", next(iter(methods.values()))["summary"]) for path, methods in paths.items()]
    undescribed = [
        ("`/openapi.json`", "This description (OpenAPI 3.1)"),
        ("`/docs`", "The same as a page to try things out on"),
        ("`/metrics`", "What is measured, for Prometheus; only with `--metrics`"),
    ]
    return table("address | what it gives", [*rows, *(row for row in undescribed if row[0] not in dict(rows))])


def _problems() -> str:
    return table(
        "name | status | meaning",
        (
            (f"`{problem.slug}`", str(problem.status), " ".join((inspect.getdoc(problem) or "").split()))
            for problem in problems()
        ),
    )


def _codes() -> str:
    rows = ((f"`{code}`", rule + " (A note: it stops nothing.)" * (code in NOTES)) for code, rule in RULES.items())
    return table("code | the rule that is broken", rows)


def _commands() -> str:
    def walk(group: Any, before: str) -> Iterator[tuple[str, str]]:
        for name, each in group.commands.items():
            if hasattr(each, "commands"):
                yield from walk(each, f"{before}{name} ")
            else:
                yield f"`{before}{name}`", (each.help or "").partition("\n\n")[0].replace("\n", " ")

    return table("command | what it does", walk(typer.main.get_command(command), ""))


def _fields() -> str:
    """Return a table of fields for each part of the format, in the order in which the schema has them."""
    schema = archive_schema()
    models = {name: model for name, model in schema["$defs"].items() if "properties" in model}
    parts = []
    for name, model in models.items():
        required = model.get("required", ())
        rows = (
            (f"`{field}`{'!' * (field in required)}", _kind(described), _words(described.get("description", "")))
            for field, described in model["properties"].items()
        )
        intro = _words(model.get("description", ""))
        parts.append(f"### {name}\n\n" + (intro + "\n\n" if intro else "") + table("field | holds | meaning", rows))
    return "\n" + "\n".join(parts) + "\n"


def _words(text: str) -> str:
    return " ".join(text.split())


def _kind(described: dict[str, Any]) -> str:  # noqa: PLR0911 - one way out for each form of a property
    """Return in words what a property of the schema holds; null is left out, since `!` marks what is required."""
    if "$ref" in described:
        name = described["$ref"].rpartition("/")[2]
        return "any JSON" if name == "JsonValue" else f"[{name}](#{name.lower()})"
    if "anyOf" in described:
        kinds = [_kind(each) for each in described["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in described:
        return "one of " + ", ".join(f"`{value}`" for value in described["enum"])
    if "const" in described:
        return f"`{described['const']}`"
    kind = described.get("type", "any JSON")
    if kind == "array":
        return f"list of {_kind(described.get('items', {}))}"
    if kind == "object":
        values = described.get("additionalProperties")
        return f"object of {_kind(values)}" if isinstance(values, dict) else "object"
    if str(described.get("pattern", "")).startswith(_IDENTIFIER):
        return "identifier"
    kinds = kind if isinstance(kind, list) else [kind]
    return " or ".join({"string": "text", "integer": "whole number"}.get(each, each) for each in kinds)


TABLES = {"routes": _routes, "problems": _problems, "codes": _codes, "commands": _commands, "fields": _fields}


def with_tables(text: str) -> str:
    """Return a page with its tables made anew."""
    return _TABLE.sub(lambda found: found[1] + TABLES[found[2]]() + found[3], text)


if __name__ == "__main__":
    for path in DOCS.glob("*.md"):
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
