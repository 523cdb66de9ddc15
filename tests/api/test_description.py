"""The OpenAPI description against the wire: schemathesis sends what the description allows, and what it does not."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from pydantic import TypeAdapter

from service.api.operations import problem_responses
from service.api.shapes import Entrance, Health, Readiness
from service.errors import problems
from service.release.publish import publish
from tests.archives import CRITERIA
from tests.conftest import Serve

ROOT = Path(__file__).parents[2]
CONFIG = Path(__file__).with_name("schemathesis.toml")
HOOKS = Path(__file__).with_name("schemathesis_hooks.py")
#: Test cases for each operation in the phase that draws at random; the others have as many as the description needs.
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "5"))
#: The files, the feed and the query of one collection stand for those of all, which are the same code: asking all would take as
#: long as everything else.
ALIKE = r"^(list_(?!events_)\w+_(csv|ndjson|geojson|atom)|query_(?!events)\w+)$"
SEED = os.environ.get("SCHEMATHESIS_SEED", "20261124")


#: Every operation with requests drawn at random; and every value that a parameter may and may not have, one after the other, of
#: a few operations that stand for the others: a list has sixty parameters.
RUNS = {
    "examples,fuzzing": ("--exclude-operation-id-regex", ALIKE),
    "coverage": ("--include-operation-id-regex", r"^(list_topics|get_event|search|suggest|list_changes)$"),
}


@pytest.mark.parametrize("phase", RUNS)
def test_what_is_described_is_what_is_on_the_wire(
    client: httpx.Client, description: dict[str, Any], tmp_path: Path, phase: str
) -> None:
    print(f"seed: {SEED}")
    run = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "schemathesis.cli",
                "--config-file",
                str(CONFIG),
                "--no-color",
                "run",
                str(client.base_url.join("/openapi.json")),
            ),
            *("--checks", "all", "--mode", "all", "--seed", SEED, "--max-examples", str(EXAMPLES), "--no-shrink"),
            *("--phases", phase, *RUNS[phase]),
            *("--continue-on-failure", "--generation-database", ":memory:"),
        ],
        cwd=tmp_path,
        env={**os.environ, "SCHEMATHESIS_HOOKS": HOOKS.stem, "PYTHONPATH": str(HOOKS.parent), "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr[-2000:]
    operations = [each for path in description["paths"].values() for each in path.values()]
    how, pattern = RUNS[phase]
    named = [re.search(pattern, each["operationId"]) is not None for each in operations]
    tested = sum(named) if how.startswith("--include") else len(named) - sum(named)
    assert f"Tested: {tested}" in run.stdout


@pytest.fixture(scope="module")
def description(client: httpx.Client) -> dict[str, Any]:
    described: dict[str, Any] = client.get("/openapi.json").json()
    return described


def test_operations_have_short_names_for_generated_clients(description: dict[str, Any]) -> None:
    assert description["openapi"].startswith("3.1")
    names = {operation["operationId"] for path in description["paths"].values() for operation in path.values()}
    lists = {f"list_{collection}" for collection in CRITERIA}
    assert lists < names
    assert {"list_changes", "get_transcript", "get_source_text"} < names
    assert {
        "get_testimony",
        "get_event",
        "get_archive",
        "get_health",
        "get_readiness",
        "get_problem",
        "download_archive",
    } < names


@pytest.mark.parametrize("collection", CRITERIA)
def test_every_filter_is_described_with_its_values(description: dict[str, Any], collection: str) -> None:
    parameters = {each["name"]: each for each in description["paths"][f"/v1/{collection}"]["get"]["parameters"]}
    assert all(each["description"] and each["in"] == "query" for each in parameters.values())
    named = parameters.pop("excluding")["schema"]["$ref"].rpartition("/")[2]
    excluding = description["components"]["schemas"][named]["properties"]
    assert all(name.endswith("!") and each["description"] for name, each in excluding.items())
    assert set(parameters) | set(excluding) == set(CRITERIA[collection].model_fields) - {"bom"}
    assert parameters["limit"]["schema"]["maximum"] == 200
    assert parameters["sort"]["schema"]["enum"]


@pytest.mark.parametrize("collection", CRITERIA)
def test_the_schema_of_a_record_has_a_real_one_as_its_example(
    client: httpx.Client, description: dict[str, Any], collection: str
) -> None:
    schemas = description["components"]["schemas"]
    answer = description["paths"][f"/v1/{collection}/{{id}}"]["get"]["responses"]["200"]["content"]["application/json"]
    named = answer["schema"]["anyOf"][0]["$ref"]
    [example] = schemas[named.rpartition("/")[2]]["examples"]
    assert example == client.get(f"/v1/{collection}?limit=1&lang=*").json()["data"][0]
    jsonschema_rs.validate({"$ref": named, "components": {"schemas": schemas}}, example)


def test_without_a_release_there_is_a_description_without_examples(serve: Serve, tmp_path: Path) -> None:
    schemas = serve(tmp_path).get("/openapi.json").json()["components"]["schemas"]
    assert "EventDocument" in schemas
    assert not any("examples" in schema for name, schema in schemas.items() if name.endswith("Document"))


def test_every_problem_is_described_where_its_type_leads(client: httpx.Client) -> None:
    for problem in problems():
        shown = client.get(f"/problems/{problem.slug}").json()
        assert (shown["title"], shown["status"]) == (problem.title, problem.status)
        assert shown["description"]
    assert client.get("/problems/none").status_code == 404


def test_statuses_that_two_problems_share_name_both() -> None:
    [shared] = [each for status, each in problem_responses(*problems()).items() if status == 422]
    assert "; or: " in shared["description"]


@pytest.mark.parametrize(("path", "shape"), [("/v1", Entrance), ("/healthz", Health), ("/readyz", Readiness)])
def test_other_answers_have_the_shape_they_are_described_with(client: httpx.Client, path: str, shape: Any) -> None:
    TypeAdapter(shape).validate_python(client.get(path).json(), strict=True)


def undescribed(schema: Any, at: str) -> Iterator[str]:
    """Yield where a property, or a schema that has some, is not described, however deep."""
    if isinstance(schema, list):
        for number, each in enumerate(schema):
            yield from undescribed(each, f"{at}/{number}")
    if not isinstance(schema, dict):
        return
    for name, each in schema.get("properties", {}).items():
        if not each.get("description"):
            yield f"{at}/{name}"
    for name, each in schema.get("properties", {}).items():
        yield from undescribed(each, f"{at}/{name}")
    for key, each in schema.items():
        if key not in ("properties", "examples", "enum", "default", "const"):
            yield from undescribed(each, f"{at}/{key}")


@pytest.mark.parametrize("archive", ["seed/archive.json", "examples/arden.json"])
def test_every_schema_and_every_property_of_one_is_described(serve: Serve, tmp_path: Path, archive: str) -> None:
    publish(ROOT / archive, tmp_path / "data")
    schemas = serve(tmp_path / "data").get("/openapi.json").json()["components"]["schemas"]
    assert len(schemas) > 100
    assert [name for name, schema in schemas.items() if not schema.get("description")] == []
    assert [place for name, schema in schemas.items() for place in undescribed(schema, name)] == []


def test_what_one_list_alone_may_be_asked_for_comes_first(client: httpx.Client) -> None:
    listed = client.get("/openapi.json").json()["paths"]["/v1/events"]["get"]["parameters"]
    names = [each["name"] for each in listed]
    assert names[0] == "type"
    assert names.index("bbox") < names.index("q") < names.index("tag") < names.index("limit")
