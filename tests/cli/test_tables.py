"""Archives as folders of tables, with the command: checked, published, exported, and the same again."""

import json
from pathlib import Path
from typing import Any

ARDEN = Path(__file__).parents[2] / "examples" / "arden.json"


def release_of(published: str) -> str:
    identifier: str = json.loads(published)["id"]
    return identifier


def test_export_as_tables_and_publish_is_the_identity(command: Any, tmp_path: Path) -> None:
    first = command("publish", ARDEN, "--data", "one", "--json")
    assert command("export", "--tables", "tables", "--data", "one").code == 0
    assert command("check", "tables").code == 0
    second = command("publish", "tables", "--data", "two", "--json")
    assert release_of(second.out) == release_of(first.out)
    assert {path.name for path in (tmp_path / "tables").iterdir()} >= {"archive.toml", "events.csv", "acts.csv"}


def test_tables_that_are_there_are_written_over_only_when_told(command: Any, tmp_path: Path) -> None:
    command("publish", ARDEN, "--data", "one")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "events.csv").write_text("mine")
    refused = command("export", "--tables", "tables", "--data", "one")
    assert refused.code == 1
    assert "--force" in refused.err
    assert (tmp_path / "tables" / "events.csv").read_text() == "mine"
    assert command("export", "--tables", "tables", "--data", "one", "--force").code == 0


def test_a_finding_in_a_table_stops_the_publication_and_nothing_is_written(command: Any, tmp_path: Path) -> None:
    command("publish", ARDEN, "--data", "one")
    command("export", "--tables", "tables", "--data", "one")
    events = tmp_path / "tables" / "events.csv"
    events.write_text(events.read_text(encoding="utf-8-sig").replace("title", "titel", 1))
    before = {path.name: path.read_bytes() for path in events.parent.glob("*.csv")}
    ran = command("publish", "tables", "--data", "two", "--json")
    assert ran.code == 1
    found = json.loads(ran.out)["findings"]
    assert {"code": "unknown_field", "severity": "error", "pointer": "events.csv, column titel"}.items() <= found[
        0
    ].items()
    assert not (tmp_path / "two" / "current").exists()
    assert {path.name: path.read_bytes() for path in events.parent.glob("*.csv")} == before
