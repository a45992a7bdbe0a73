"""What the containers of the chart and of the compose file run, and with which environment."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scripts.check_deploy import COMPOSE, VARIANTS
from scripts.helm_chart import CHART, objects, render

ROOT = Path(__file__).resolve().parents[2]
_STAND_INS = {"POD_IP": "10.0.0.7"}


@dataclass(frozen=True, slots=True)
class Container:
    """`commands`: its own and those of its hooks, `reel …` without `reel`, variables replaced."""

    name: str
    env: Mapping[str, str]
    commands: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        return self.name


def charts() -> dict[str, list[dict[str, Any]]]:
    return {
        name: [found for _, found in objects(render(ROOT / CHART, values))]
        for name, values in VARIANTS.items()
    }


def ray_cluster(found: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return next(one for one in found if one["kind"] == "RayCluster")


def pods(found: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The specs of all pods, by what they are."""
    for one in found:
        if one["kind"] in ("Deployment", "Job"):
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]
        elif one["kind"] == "RayCluster":
            yield "head", one["spec"]["headGroupSpec"]["template"]["spec"]
            for group in one["spec"]["workerGroupSpecs"]:
                yield f"node {group['groupName']}", group["template"]["spec"]


def of_chart() -> Iterator[Container]:
    for variant, found in charts().items():
        for _, pod in pods(found):
            for one in [*pod.get("initContainers", []), *pod["containers"]]:
                env = {entry["name"]: entry.get("value", "") for entry in one.get("env", [])}
                env.update(_secrets(one))
                hook = one.get("lifecycle", {}).get("preStop", {}).get("exec", {})
                argvs = [[*one.get("command", []), *one.get("args", [])], hook.get("command", [])]
                yield Container(f"{variant}:{one['name']}", _filled(env), tuple(_reel(argvs)))


def of_compose() -> Iterator[Container]:
    found = yaml.safe_load((ROOT / COMPOSE).read_text(encoding="utf-8"))
    for name, service in found["services"].items():
        if "pgvector" in service["image"]:
            continue
        entrypoint = service.get("entrypoint", ["tini", "--", "reel"])
        command = [_interpolated(word).replace("$$", "$") for word in service["command"]]
        env = {key: _interpolated(value) for key, value in service["environment"].items()}
        yield Container(f"compose:{name}", _filled(env), tuple(_reel([[*entrypoint, *command]])))


def _secrets(container: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Stand-ins for what secrets give."""
    for entry in container.get("env", []):
        if "secretKeyRef" in entry.get("valueFrom", {}):
            yield entry["name"], "postgresql://reel@db.example.org/reel"


def _filled(env: Mapping[str, str]) -> dict[str, str]:
    return {
        key: re.sub(r"\$\((\w+)\)", lambda found: _STAND_INS[found[1]], value)
        for key, value in env.items()
    }


def _interpolated(value: str) -> str:
    """Compose's `${NAME:-default}`, `${NAME:?message}`, with nothing set."""
    return re.sub(r"\$\{\w+:([-?])([^}]*)\}", lambda f: f[2] if f[1] == "-" else "given", value)


def _reel(argvs: Sequence[Sequence[str]]) -> Iterator[tuple[str, ...]]:
    for argv in argvs:
        words = list(argv)
        if words[:2] == ["tini", "--"]:
            words = words[2:]
        if words[:2] == ["sh", "-c"]:
            words = _of_shell(words[2])
        if words:
            assert words[0] == "reel", words
            yield tuple(words[1:])


def _of_shell(script: str) -> list[str]:
    script = script.replace('"$(hostname -i)', '"10.0.0.7')
    script = re.sub(r"\$(\w+)", lambda found: _STAND_INS[found[1]], script)
    words = shlex.split(script.removeprefix("exec "))
    return [word for word in words if not word.startswith(">")]
