"""The image and how it is run: what the README, the Dockerfile and compose.yaml say agrees, and nothing is left open."""

import json
import re
from typing import Any

import pytest
import yaml

from service.http.server import GRACE_S
from service.settings import PREFIX, Settings
from tests.cli.test_packaging import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
README = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
IGNORE = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def service(compose: Any) -> Any:
    """The server. `publish` is looked at where it differs."""
    return compose["services"]["archive"]


@pytest.mark.parametrize("name", ["archive", "publish"])
def test_it_runs_hardened(compose: Any, name: str) -> None:
    service = compose["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "cap_add" not in service
    assert "user" not in service  # the image's, which is none of this machine's
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    [run] = re.findall(r"^docker run (.*--read-only.*)$", README, re.MULTILINE)
    assert all(flag in run for flag in ("--tmpfs /tmp", "--cap-drop ALL", "--security-opt no-new-privileges"))


@pytest.mark.parametrize("name", ["archive", "publish"])
def test_it_has_limits(compose: Any, name: str) -> None:
    service = compose["services"][name]
    assert re.fullmatch(r"[0-9]+m", service["mem_limit"])
    assert 0 < service["cpus"] <= 4
    assert 0 < service["pids_limit"] <= 1000
    assert [each.partition(":")[0] for each in service["tmpfs"]] == ["/tmp"]
    assert "size=" in service["tmpfs"][0]
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}


def test_releases_are_in_a_named_volume_where_the_image_has_them(compose: Any, service: Any) -> None:
    [(name, place, mode)] = [each.split(":") for each in service["volumes"]]
    assert mode == "ro"
    assert compose["services"]["publish"]["volumes"] == [f"{name}:{place}"]
    assert name in compose["volumes"]
    assert f"VOLUME {place}" in DOCKERFILE
    assert f"{PREFIX}DATA={place}" in DOCKERFILE


def test_its_health_is_looked_at_as_the_image_says(service: Any) -> None:
    [(flags, command)] = re.findall(r"^HEALTHCHECK (.*?) +CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    check = service["healthcheck"]
    assert check["test"] == ["CMD", *json.loads(command)]
    assert dict(re.findall(r"--([a-z-]+)=(\S+)", flags)) == {
        "interval": check["interval"],
        "timeout": check["timeout"],
        "start-period": check["start_period"],
    }
    assert "/readyz" in command


def test_it_listens_for_the_proxy_on_this_machine_only(service: Any) -> None:
    [(address, _, port)] = [each.split(":") for each in service["ports"]]
    assert address == "127.0.0.1"
    assert f"EXPOSE {port}" in DOCKERFILE
    assert str(Settings().port) == port


def test_requests_are_given_time_to_finish(service: Any) -> None:
    assert int(service["stop_grace_period"].removesuffix("s")) > GRACE_S
    assert "STOPSIGNAL SIGTERM" in DOCKERFILE


def test_every_setting_it_makes_is_one(service: Any) -> None:
    settings = {PREFIX + name.upper() for name in Settings.model_fields}
    assert set(service["environment"]) <= settings
    assert set(re.findall(rf"({PREFIX}[A-Z_]+)=", DOCKERFILE)) <= settings
    given = {name.removeprefix(PREFIX).lower(): value for name, value in service["environment"].items()}
    assert Settings(**given).metrics is True


def test_the_image_is_built_from_what_it_needs_and_no_more() -> None:
    let_in = {each.removeprefix("!") for each in IGNORE if each.startswith("!")}
    copied = {
        part.removeprefix("./")
        for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
        for part in line.split()
    }
    assert IGNORE[1] == "*"
    assert let_in == copied


def test_only_publish_may_write_and_it_reaches_nobody(compose: Any) -> None:
    publish = compose["services"]["publish"]
    assert publish["network_mode"] == "none"
    assert publish["profiles"] == ["publish"]  # `up` does not start it
    assert "restart" not in publish
    room = {name: int(each["mem_limit"].removesuffix("m")) for name, each in compose["services"].items()}
    # What publishing a million testimonies takes, with the file that it came in.
    assert room["publish"] >= 605 + 1024 > room["archive"]


def test_the_guide_names_the_services_as_they_are_called(compose: Any) -> None:
    commands = re.findall(r"^docker compose (?:run|exec) ((?:-\S+ )*)(\S+) (.*)$", README, re.MULTILINE)
    assert len(commands) >= 3
    for _, name, command in commands:
        assert name in compose["services"]
        assert name == "publish" or not command.startswith("testimony-archive publish")


def test_the_guide_says_how_to_name_its_base_by_digest() -> None:
    [base] = set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))
    assert f"--build-context {base}=docker-image://{base}@sha256:" in README
