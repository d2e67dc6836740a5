"""The manifests for Kubernetes: valid, and with the numbers that they state."""

import re
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml

from app.config.setting_fields import declared_settings
from app.config.settings import Settings
from tests.docs.markdown import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
FILES = sorted(path.name for path in FOLDER.iterdir())
# The user of the Dockerfile.
USER = 10001
RESERVED = 3


def manifests(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


def pods() -> Iterator[dict[str, Any]]:
    for name in FILES:
        for manifest in manifests(name):
            if "template" in manifest["spec"]:
                yield manifest["spec"]["template"]["spec"]


def environment_of(pod: dict[str, Any]) -> dict[str, Any]:
    [container] = pod["containers"]
    return {variable["name"]: variable.get("value") for variable in container["env"]}


@pytest.mark.parametrize("name", FILES)
def test_manifests_conform_to_the_schemas_of_kubernetes(name: str) -> None:
    for manifest in manifests(name):
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_an_unknown_field_is_found() -> None:
    [job] = manifests("migration.yaml")
    job["spec"]["template"]["spec"]["containers"][0]["arguments"] = []
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(job, kubernetes_validate.latest_version(), strict=True)


def test_pods_have_no_privileges_and_take_secrets_by_reference() -> None:
    names = {setting.name for setting in declared_settings(Settings)}
    secret = {setting.name for setting in declared_settings(Settings) if setting.is_secret}
    assert f"USER {USER}" in (ROOT / "Dockerfile").read_text()
    for pod in pods():
        [container] = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["runAsUser"] == USER
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]
        environment = environment_of(pod)
        assert set(environment) <= names
        assert all(environment.get(name) is None for name in secret)


def test_selectors_match_and_probes_ask_the_right_paths() -> None:
    server, service, budget = manifests("server.yaml")
    labels = server["spec"]["template"]["metadata"]["labels"]
    for selector in (
        server["spec"]["selector"]["matchLabels"],
        service["spec"]["selector"],
        budget["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    assert budget["spec"]["minAvailable"] < server["spec"]["replicas"]
    [container] = server["spec"]["template"]["spec"]["containers"]
    paths = {
        probe: container[probe]["httpGet"]["path"]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe")
    }
    [worker] = manifests("worker.yaml")[0]["spec"]["template"]["spec"]["containers"]
    for probe in ("startupProbe", "livenessProbe"):
        assert worker[probe]["httpGet"] == {"path": "/healthz", "port": "monitoring"}
    [port] = worker["ports"]
    environment = environment_of(manifests("worker.yaml")[0]["spec"]["template"]["spec"])
    assert str(port["containerPort"]) == environment["WORKER_PORT"]
    # An outage of the database must not restart servers.
    assert paths == {
        "startupProbe": "/healthz",
        "readinessProbe": "/readyz",
        "livenessProbe": "/healthz",
    }


@pytest.mark.parametrize("name", ["server.yaml", "worker.yaml"])
def test_the_stated_number_of_connections_follows_from_the_manifest(name: str) -> None:
    deployment = manifests(name)[0]
    spec = deployment["spec"]
    environment = environment_of(spec["template"]["spec"])
    processes = int(environment.get("WORKERS") or 1)
    pool_size = int(environment["DATABASE_POOL_SIZE"])
    pods = spec["replicas"] + spec["strategy"]["rollingUpdate"]["maxSurge"]
    stated = re.search(r"#   = .* = (\d+)$", (FOLDER / name).read_text(), re.MULTILINE)
    assert stated is not None
    assert int(stated[1]) == pods * processes * (pool_size + RESERVED)
