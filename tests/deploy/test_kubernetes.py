"""The manifests, held against the schemas of Kubernetes and against what the server does."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from api.app import create_app
from api.settings import Settings
from api.wire.server import EXIT_MARGIN
from tests.deploy.test_container import last
from tests.docs.reading import ROOT
from tests.nodes.serving import SECRET

FILE = ROOT / "deploy" / "kubernetes" / "itemroom.yaml"
SERVERS = FILE.with_name("servers.yaml")
VALIDATE = Path(sys.executable).with_name("kubernetes-validate")
INGRESS = "nginx.ingress.kubernetes.io/"
Manifest = dict[str, Any]


def manifest(kind: str, name: str = "itemroom", file: Path = FILE) -> Manifest:
    """The one of a kind and a name."""
    (found,) = (
        one
        for one in yaml.safe_load_all(file.read_text())
        if (one["kind"], one["metadata"]["name"]) == (kind, name)
    )
    return dict(found)


def pod() -> Manifest:
    """What each pod consists of."""
    return dict(manifest("StatefulSet")["spec"]["template"]["spec"])


def container() -> Manifest:
    """The server's, which is the only one."""
    (only,) = pod()["containers"]
    return dict(only)


def variables() -> dict[str, str]:
    """What the pod and its image put into the environment, but the secret."""
    words = (word.split("=", 1) for word in last("ENV").split())
    return dict(words) | {one["name"]: one["value"] for one in container()["env"]}


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of the pod."""
    for name, value in variables().items():
        monkeypatch.setenv(name, value)
    return Settings()


@pytest.mark.parametrize("file", [FILE, SERVERS], ids=["itemroom", "servers"])
@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_kubernetes_knows_every_field(version: str, file: Path) -> None:
    """By the schemas of its API, with no field more."""
    verdict = subprocess.run(
        [VALIDATE, "--strict", "--no-warn", "-k", version, file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


def test_the_secret_that_is_shipped_is_refused() -> None:
    """Whoever forgets to replace it is told, instead of having everybody's secret."""
    (value,) = manifest("Secret")["stringData"].values()
    with pytest.raises(ValidationError, match="a secret needs at least"):
        Settings(secret=value)
    assert container()["envFrom"] == [{"secretRef": {"name": "itemroom"}}]


def test_probes_ask_what_the_server_answers(chosen: Settings) -> None:
    """A pod that is not ready stays; one that is not alive is replaced."""
    paths = create_app(chosen).openapi()["paths"]
    probes = {
        name: container()[f"{name}Probe"]["httpGet"]
        for name in ("startup", "liveness", "readiness")
    }
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "startup": "/healthz",
        "liveness": "/healthz",
        "readiness": "/readyz",
    }
    assert paths.keys() >= {probe["path"] for probe in probes.values()}
    assert {probe["port"] for probe in probes.values()} == {"http"}
    assert container()["ports"] == [{"name": "http", "containerPort": chosen.port}]


def test_the_pod_is_given_time_to_drain(chosen: Settings) -> None:
    """After the time in which the ingress hears that it goes."""
    wait = float(container()["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod()["terminationGracePeriodSeconds"] > wait + chosen.shutdown_grace + EXIT_MARGIN


def test_the_pod_has_no_more_rights_than_it_needs() -> None:
    """The image's user, a read-only system, and the volume where the database is."""
    user, group = map(int, last("USER").split(":"))
    expected = {"runAsNonRoot": True, "runAsUser": user, "runAsGroup": group, "fsGroup": group}
    assert pod()["securityContext"].items() >= expected.items()
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = {mount["name"]: mount["mountPath"] for mount in container()["volumeMounts"]}
    (claim,) = manifest("StatefulSet")["spec"]["volumeClaimTemplates"]
    assert mounts[claim["metadata"]["name"]] == last("VOLUME")
    assert variables()["ITEMROOM_DATABASE_URL"].startswith(f"sqlite:///{last('VOLUME')}/")
    # Else Kubernetes sets ITEMROOM_PORT to the service's address.
    assert pod()["enableServiceLinks"] is False
    assert manifest("StatefulSet")["spec"]["replicas"] == 1


def test_the_ingress_is_patient_and_closes_what_is_the_operators(chosen: Settings) -> None:
    """Its service has nobody behind it."""
    ingress = manifest("Ingress")
    annotations = ingress["metadata"]["annotations"]
    for which in ("read", "send"):
        seconds = float(annotations[f"{INGRESS}proxy-{which}-timeout"])
        assert seconds > chosen.ping_interval + chosen.ping_timeout
    (rule,) = ingress["spec"]["rules"]
    assert chosen.public_url == f"https://{rule['host']}"
    homes = {path["path"]: path["backend"]["service"]["name"] for path in rule["http"]["paths"]}
    closed = "itemroom-closed"
    assert homes == {"/metrics": closed, "/operator": closed, "/": "itemroom"}
    assert "selector" not in manifest("Service", closed)["spec"]
    labels = manifest("StatefulSet")["spec"]["template"]["metadata"]["labels"]
    assert manifest("Service")["spec"]["selector"] == labels


def test_several_pods_differ_from_the_one_by_what_they_share() -> None:
    """No volume and no file; a new one is ready before an old one goes."""
    several = manifest("Deployment", file=SERVERS)["spec"]
    assert several["replicas"] > 1
    assert several["strategy"] == {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    spec = several["template"]["spec"]
    (server,) = spec["containers"]
    assert server | {"volumeMounts": container()["volumeMounts"]} == container()
    same = ["terminationGracePeriodSeconds", "enableServiceLinks", "automountServiceAccountToken"]
    assert [spec[key] for key in same] == [pod()[key] for key in same]
    for kind in ("Service", "PodDisruptionBudget"):
        assert manifest(kind, file=SERVERS)["spec"] == manifest(kind)["spec"]
    assert manifest("Ingress", file=SERVERS)["spec"] == manifest("Ingress")["spec"]
    labels = several["template"]["metadata"]["labels"]
    assert manifest("Service", file=SERVERS)["spec"]["selector"] == labels


def test_secrets_of_several_are_what_they_need_and_are_refused_as_shipped() -> None:
    """All that has a password in it is in the secret."""
    values = manifest("Secret", file=SERVERS)["stringData"]
    settings = {name.removeprefix("ITEMROOM_").lower(): value for name, value in values.items()}
    assert settings.keys() == {"secret", "database_url", "broker_url"}
    with pytest.raises(ValidationError, match="a secret needs at least"):
        Settings.model_validate(settings)
    chosen = Settings.model_validate(settings | {"secret": SECRET})
    assert not chosen.is_in_file
