"""Many machines: compose.replicas.yaml and the manifests for Kubernetes agree with the image, the settings and each other."""

import re
from typing import Any

import pytest
import yaml

from service.settings import PREFIX, Settings
from tests.cli.test_packaging import ROOT

GUIDE = (ROOT / "docs" / "replicas.md").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "compose.replicas.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
REPLICAS = [name for name in SERVICES if name.startswith("replica-")]
[MANIFESTS] = re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
BY_KIND: dict[str, Any] = {each["kind"]: each for each in yaml.safe_load_all(MANIFESTS)}
SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_hardened_and_limited(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[0-9]+m", service["mem_limit"])
    assert service["pids_limit"] <= 512
    assert all("size=" in each for each in service["tmpfs"])
    assert "privileged" not in service


def test_there_are_three_replicas_each_with_a_folder_of_its_own() -> None:
    assert len(REPLICAS) == 3
    assert [SERVICES[name]["volumes"] for name in REPLICAS] == [[f"{name}:/replica"] for name in REPLICAS]
    # A volume takes over who may write from the folder in the image, which must be empty.
    assert "mkdir /data /replica" in DOCKERFILE
    assert "COPY --from=build --chown=10001:10001 /replica /replica" in DOCKERFILE
    for name in (*REPLICAS, "publish"):
        environment = SERVICES[name]["environment"]
        assert environment["TESTIMONY_ARCHIVE_DATA"] == "/replica"
        assert environment["TESTIMONY_ARCHIVE_DEPOT"] == SERVICES["publish"]["environment"]["TESTIMONY_ARCHIVE_DEPOT"]
        assert {each for each in environment if each.startswith(PREFIX)} <= SETTINGS


def test_the_proxy_asks_whether_replicas_are_ready() -> None:
    caddyfile = COMPOSE["configs"]["caddyfile"]["content"]
    assert "health_uri /readyz" in caddyfile
    assert " ".join(f"{name}:8000" for name in REPLICAS) in caddyfile
    assert SERVICES["proxy"]["ports"] == ["127.0.0.1:8000:8000"]
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    [network] = COMPOSE["networks"]["inside"]["ipam"]["config"]
    assert SERVICES["replica-1"]["environment"]["TESTIMONY_ARCHIVE_TRUSTED_PROXIES"] == network["subnet"]


def test_no_secret_is_written_down() -> None:
    text = (ROOT / "compose.replicas.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"AWS_(?:SECRET_ACCESS|ACCESS)_KEY[A-Z_]*: (\S+)", text)) == {
        "${AWS_ACCESS_KEY_ID:?}",
        "${AWS_SECRET_ACCESS_KEY:?}",
    }


@pytest.mark.parametrize("kind", BY_KIND)
def test_a_manifest_is_valid(kind: str) -> None:
    # Here: it takes seconds to import, which every process that runs tests would spend.
    import kubernetes_validate

    kubernetes_validate.validate(BY_KIND[kind], kubernetes_validate.latest_version(), strict=True)


def test_the_deployment_says_what_the_image_does() -> None:
    pod = BY_KIND["Deployment"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert f"EXPOSE {container['ports'][0]['containerPort']}" in DOCKERFILE
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert {each["name"] for each in container["env"] if each["name"].startswith(PREFIX)} <= SETTINGS
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/replica", "/tmp"}
    assert f"USER {pod['securityContext']['fsGroup']}:" in DOCKERFILE
    assert BY_KIND["Service"]["spec"]["selector"] == BY_KIND["Deployment"]["spec"]["selector"]["matchLabels"]
