"""The RayCluster: Ray's own code reads it, and it starts Ray as `reel cluster` does."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reelwright.tools.ray.settings import (
    DEFAULT_PORT,
    OBJECT_STORE_BYTES,
    SCRATCH,
    SCRATCH_UNIT_BYTES,
    ray_env,
)
from scripts.check_deploy import VARIANTS, object_problems
from tests.deploy.manifests import ROOT, charts, pods, ray_cluster

TOKEN = "/etc/reelwright/ray/auth_token"  # secret-ok: where the secret is mounted
# Where Ray's workers take their ports from.
WORKERS = range(10002, 20000)


@pytest.fixture(scope="module", params=VARIANTS)
def cluster(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    return ray_cluster(charts()[request.param])


def ray_containers(cluster: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Those that speak Ray's protocol, the dispatcher too."""
    return [
        (name, one)
        for name, pod in pods([cluster])
        for one in [*pod.get("initContainers", []), *pod["containers"]]
    ]


def groups(cluster: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    spec = cluster["spec"]
    return [spec["headGroupSpec"], *spec["workerGroupSpecs"]]


def test_the_autoscaler_reads_it(cluster: Mapping[str, Any]) -> None:
    from ray.autoscaler._private.kuberay.autoscaling_config import (
        _derive_autoscaling_config_from_ray_cr,
    )

    given = copy.deepcopy(dict(cluster))
    given["metadata"] = {**given["metadata"], "namespace": "reelwright"}
    found = _derive_autoscaling_config_from_ray_cr(given)
    types = found["available_node_types"]
    assert types["headgroup"]["resources"]["CPU"] == 0
    cpu = types["cpu"]
    assert (cpu["min_workers"], cpu["max_workers"]) == (1, 10)
    assert cpu["resources"]["CPU"] == 4
    assert cpu["resources"]["memory"] == 14 << 30
    assert cpu["resources"][SCRATCH] == (80 << 30) // SCRATCH_UNIT_BYTES
    if "gpu" in types:
        assert types["gpu"]["resources"]["GPU"] == 1


def test_parameters_are_those_of_ray_start(cluster: Mapping[str, Any]) -> None:
    from ray.scripts.scripts import start

    known = {
        option.lstrip("-")
        for param in start.params
        for option in [*param.opts, *param.secondary_opts]
    }
    for group in groups(cluster):
        assert set(group["rayStartParams"]) <= known
        assert group["rayStartParams"]["object-store-memory"] == str(OBJECT_STORE_BYTES)


def test_ports_are_apart_from_each_other_and_from_the_workers(cluster: Mapping[str, Any]) -> None:
    for group in groups(cluster):
        params = group["rayStartParams"]
        ports = [int(value) for key, value in params.items() if key.endswith("-port")]
        ports.append(DEFAULT_PORT)
        assert len(ports) == len(set(ports)) == 7
        assert not [port for port in ports if port in WORKERS]


def test_ray_is_set_as_on_other_machines(cluster: Mapping[str, Any]) -> None:
    wanted = ray_env(Path(TOKEN))
    found = [
        *ray_containers(cluster),
        *(
            [("autoscaler", options)]
            if (options := cluster["spec"].get("autoscalerOptions"))
            else []
        ),
    ]
    assert len(found) >= 3
    for name, one in found:
        env = {entry["name"]: entry.get("value") for entry in one["env"]}
        assert {key: env.get(key) for key in wanted} == wanted, name
        assert "/etc/reelwright/ray" in [mount["mountPath"] for mount in one["volumeMounts"]], name


def test_the_head_gives_no_cores_and_the_dispatcher_sees_it(cluster: Mapping[str, Any]) -> None:
    head = cluster["spec"]["headGroupSpec"]
    assert head["rayStartParams"]["num-cpus"] == "0"
    pod = head["template"]["spec"]
    (dispatcher,), (ray,) = pod["initContainers"], pod["containers"]
    # Also where the pod's restartPolicy is Never, as KubeRay makes it for autoscaler v2.
    assert dispatcher["restartPolicy"] == "Always"
    assert pod["shareProcessNamespace"] is True
    mounts = [{m["name"] for m in one["volumeMounts"]} for one in (dispatcher, ray)]
    assert mounts[0] >= mounts[1]
    # By these names KubeRay finds that they are there, and adds none of its own.
    assert {"ray-logs", "shared-mem"} <= mounts[1]
    assert ray["livenessProbe"]["grpc"]["port"] == DEFAULT_PORT


def test_nodes_drain_before_they_go(cluster: Mapping[str, Any]) -> None:
    for group in cluster["spec"]["workerGroupSpecs"]:
        pod = group["template"]["spec"]
        (node,) = pod["containers"]
        (*_, script) = node["lifecycle"]["preStop"]["exec"]["command"]
        assert "cluster drain" in script
        assert "--wait" in script
        (limit,) = (int(word[:-1]) for word in script.split() if word[:-1].isdigit())
        assert pod["terminationGracePeriodSeconds"] > limit
        port = int(group["rayStartParams"]["node-manager-port"])
        assert node["livenessProbe"]["grpc"]["port"] == port


def test_a_pod_has_more_than_its_steps(cluster: Mapping[str, Any]) -> None:
    for group in cluster["spec"]["workerGroupSpecs"]:
        (node,) = group["template"]["spec"]["containers"]
        given, limits = group["resources"], node["resources"]["limits"]
        assert _gib(limits["memory"]) >= _gib(given["memory"]) + 2
        assert _gib(limits["ephemeral-storage"]) >= int(given[SCRATCH]) / 1024 + 30
        assert limits["cpu"] == given["CPU"]
        (home,) = (v for v in group["template"]["spec"]["volumes"] if v["name"] == "home")
        assert home["emptyDir"]["sizeLimit"] == limits["ephemeral-storage"]


def _gib(text: str) -> int:
    assert text.endswith("Gi")
    return int(text[:-2])


def test_budgets_are_numbers_since_kubernetes_cannot_count_these_pods() -> None:
    for found in charts()["default"]:
        if found["kind"] == "PodDisruptionBudget":
            assert isinstance(found["spec"]["minAvailable"], int)


def test_only_its_own_pods_reach_ray() -> None:
    (policy,) = (
        found
        for found in charts()["default"]
        if found["kind"] == "NetworkPolicy" and found["metadata"]["name"].endswith("-ray")
    )
    only = {"matchLabels": {"ray.io/cluster": "reelwright"}}
    assert policy["spec"]["podSelector"] == only
    assert policy["spec"]["ingress"] == [{"from": [{"podSelector": only}]}]


def test_redis_keeps_what_the_head_knows() -> None:
    options = ray_cluster(charts()["all"])["spec"]["gcsFaultToleranceOptions"]
    assert options["redisAddress"] == "redis:6379"
    assert options["redisPassword"]["valueFrom"]["secretKeyRef"]["name"] == "redis"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["spec", "headGroupSpec", "replica"], 1, "replica"),
        (["spec", "workerGroupSpecs", 0, "minReplicas"], -1, "minReplicas"),
        (["spec", "autoscalerOptions", "upscalingMode"], "Fast", "upscalingMode"),
        (["spec", "headGroupSpec", "template", "spec", "restart"], "Always", "restart"),
        (["spec", "workerGroupSpecs", 0, "rayStartParams", "num-cpus"], 4, "num-cpus"),
    ],
)
def test_what_is_wrong_would_be_found(path: list[str | int], value: Any, said: str) -> None:
    broken = copy.deepcopy(dict(ray_cluster(charts()["default"])))
    *way, last = path
    inner: Any = broken
    for part in way:
        inner = inner[part]
    inner[last] = value
    assert said in " ".join(object_problems(ROOT, broken))
