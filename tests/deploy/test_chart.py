"""The chart: which values it takes, and what it makes of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from reelwright import __version__
from scripts.check_deploy import EVERYTHING, NOTHING, VARIANTS
from scripts.helm_chart import CHART, NOTES, ChartError, merged, objects, problems, render
from tests.deploy.manifests import ROOT, charts, pods

LARGE = yaml.safe_load("""
{replicas: 0, min: 0, max: 3, cpu: 32, gpu: 0, memory: 120Gi, podMemory: 122Gi, scratchGiB: 400,
 disk: 430Gi, labels: {}, nodeSelector: {}, tolerations: []}
""")
GOOD: dict[str, dict[str, Any]] = {
    **VARIANTS,
    "a group taken away": {"nodes": {"gpu": None}},
    "a group of one's own": {"nodes": {"large": LARGE}},
    "a shared folder": {"artifacts": {"url": "/mnt/artifacts", "secret": ""}},
    "values of a chart above it": {"global": {"region": "eu"}},
}
BAD: list[tuple[dict[str, Any], str]] = [
    ({"databse": {}}, "databse"),
    ({"database": {"secret": ""}}, "database.secret"),
    ({"database": {"secret": "Not A Name"}}, "database.secret"),
    ({"database": {"secret": None}}, "database"),
    ({"database": {"url": "postgresql://…"}}, "database"),
    ({"ray": {"tokenSecret": ""}}, "ray.tokenSecret"),
    ({"ray": {"redis": {"enabled": True}}}, "ray.redis.address"),
    ({"ray": {"autoscaling": {"upscaling": "Fast"}}}, "ray.autoscaling.upscaling"),
    ({"artifacts": {"url": "http://bucket"}}, "artifacts.url"),
    ({"api": {"replicas": -1}}, "api.replicas"),
    ({"api": {"replicas": "two"}}, "api.replicas"),
    ({"api": {"service": {"port": 70000}}}, "api.service.port"),
    ({"api": {"ingress": {"enabled": True}}}, "api.ingress.host"),
    ({"nodes": {"cpu": {"replicas": -1}}}, "nodes.cpu.replicas"),
    ({"nodes": {"cpu": {"max": 1.5}}}, "nodes.cpu.max"),
    ({"nodes": {"cpu": {"cpus": 4}}}, "nodes.cpu"),
    ({"nodes": {"cpu": {"memory": "14 GB"}}}, "nodes.cpu.memory"),
    ({"nodes": {"CPU": {}}}, "nodes"),
    ({"nodes": {"new": {"cpu": 4}}}, "nodes.new"),
    ({"nodes": {"cpu": None, "gpu": None}}, "nodes"),
    ({"drainSeconds": 0}, "drainSeconds"),
    ({"home": {"accessMode": "ReadWriteOften"}}, "home.accessMode"),
    ({"settings": {"reel_library": "/x"}}, "settings"),
    ({"settings": {"REEL_LIMITS__CPUS": 4}}, "settings.REEL_LIMITS__CPUS"),
    ({"serviceMonitor": {"enabled": True}}, "serviceMonitor.tokenSecret"),
    ({"secrets": [""]}, "secrets.0"),
]


def values_of(given: dict[str, Any]) -> dict[str, Any]:
    return merged(yaml.safe_load((ROOT / CHART / "values.yaml").read_text()), given)


@pytest.mark.parametrize("given", GOOD.values(), ids=GOOD)
def test_good_values_are_rendered(given: dict[str, Any]) -> None:
    kinds = [found["kind"] for _, found in objects(render(ROOT / CHART, given))]
    assert kinds.count("RayCluster") == 1
    assert kinds.count("Deployment") == 1


@pytest.mark.parametrize(("given", "place"), BAD, ids=[json.dumps(given) for given, _ in BAD])
def test_bad_values_are_refused_with_their_place(given: dict[str, Any], place: str) -> None:
    found = problems(ROOT / CHART, values_of(given))
    shown = [f"{one.partition(':')[0]} {one}" for one in found]
    assert any(one.startswith(place) or f"'{place}'" in one for one in shown), found
    with pytest.raises(ChartError):
        render(ROOT / CHART, given)


def test_every_default_has_a_rule_and_every_rule_a_default() -> None:
    schema = json.loads((ROOT / CHART / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    default = values_of({})
    assert set(schema["properties"]) - {"global"} == set(default)
    assert set(schema["required"]) == set(default)


def test_releases_are_those_of_the_package() -> None:
    chart = yaml.safe_load((ROOT / CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == __version__
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    ray = next(one["version"] for one in packages if one["name"] == "ray")
    assert values_of({})["ray"]["version"] == ray


def test_two_releases_do_not_meet() -> None:
    texts = [render(ROOT / CHART, {}, release=name) for name in ("reelwright", "films")]
    names = [
        {(found["kind"], found["metadata"]["name"]) for _, found in objects(text)} for text in texts
    ]
    assert not names[0] & names[1]
    assert all(name.startswith("films-reelwright") for _, name in names[1])


def test_names_of_long_releases_fit() -> None:
    for _, found in objects(render(ROOT / CHART, EVERYTHING, release="a" * 53)):
        assert len(found["metadata"]["name"]) <= 50


def test_notes_name_what_has_to_be_there() -> None:
    notes = render(ROOT / CHART, {"secrets": ["model-keys"]})[NOTES]
    for name in ("reelwright-database", "reelwright-ray", "reelwright-storage", "model-keys"):
        assert name in notes
    assert "https://reel.example.org" in render(ROOT / CHART, EVERYTHING)[NOTES]


@pytest.mark.parametrize("variant", VARIANTS)
def test_pods_are_nobody_and_may_nothing(variant: str) -> None:
    for name, pod in pods(charts()[variant]):
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", name
        for one in [*pod.get("initContainers", []), *pod["containers"]]:
            assert one["securityContext"]["allowPrivilegeEscalation"] is False, one["name"]
            assert one["securityContext"]["capabilities"] == {"drop": ["ALL"]}, one["name"]
            assert one["resources"]["limits"]["memory"], one["name"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_secrets_are_named_and_never_told(variant: str) -> None:
    found = charts()[variant]
    assert not [one for one in found if one["kind"] == "Secret"]
    for _, pod in pods(found):
        for one in [*pod.get("initContainers", []), *pod["containers"]]:
            for entry in one.get("env", []):
                if any(word in entry["name"] for word in ("DATABASE", "SECRET", "PASSWORD", "KEY")):
                    assert "secretKeyRef" in entry["valueFrom"], entry["name"]
            # A file: what stands in the environment of a node, its steps could read.
            assert "RAY_AUTH_TOKEN" not in {entry["name"] for entry in one.get("env", [])}


def test_the_local_token_stays_out_of_the_logs() -> None:
    (api,) = (pod for name, pod in pods(charts()["default"]) if name.endswith("-api"))
    assert api["containers"][0]["args"][0].endswith("--json >/dev/null")


def test_what_is_left_out_is_left_out() -> None:
    kinds = {found["kind"] for _, found in objects(render(ROOT / CHART, NOTHING))}
    assert kinds == {"Deployment", "Service", "RayCluster"}


@pytest.mark.skipif(shutil.which("helm") is None, reason="there is no helm on this machine")
@pytest.mark.parametrize("given", VARIANTS.values(), ids=VARIANTS)
def test_helm_renders_the_same(given: dict[str, Any], tmp_path: Path) -> None:
    """What is used in its place has to give the same objects."""
    values = tmp_path / "values.json"
    values.write_text(json.dumps(given))
    command = ["helm", "template", "reelwright", str(ROOT / CHART), "--namespace", "reelwright"]
    done = subprocess.run(
        [*command, "--values", values], capture_output=True, text=True, check=True
    )
    helm = [found for found in yaml.safe_load_all(done.stdout) if found]
    ours = [found for _, found in objects(render(ROOT / CHART, given))]

    def key(found: dict[str, Any]) -> tuple[str, str]:
        return found["kind"], found["metadata"]["name"]

    assert sorted(helm, key=key) == sorted(ours, key=key)
