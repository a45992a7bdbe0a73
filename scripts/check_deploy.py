"""What is in deploy/ is well formed: YAML, the Dockerfile, the compose file, the chart, KubeRay's.

`--write` renders deploy/kuberay/reelwright.yaml anew. No cluster and no container is needed: the
schemas are those of Kubernetes (kubernetes-validate), of the Compose specification
(check-jsonschema) and, for what KubeRay defines, deploy/kuberay/raycluster.schema.json.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from jsonschema.validators import validator_for
from kubernetes_validate import SchemaNotFoundError, ValidationError, validate
from yamllint import linter
from yamllint.config import YamlLintConfig

from scripts.helm_chart import CHART, ChartError, StrictLoader, objects, render
from scripts.tree import Problem, files, report

DEPLOY = Path("deploy")
COMPOSE = DEPLOY / "compose" / "compose.yaml"
DOCKERFILE = DEPLOY / "container" / "Dockerfile"
KUBERAY = DEPLOY / "kuberay" / "reelwright.yaml"
RAYCLUSTER = DEPLOY / "kuberay" / "raycluster.schema.json"
# The oldest that the chart says it runs on, and the newest that there are schemas of.
KUBERNETES = ("1.29", "1.37")

HEADER = """\
# All of Reelwright on Kubernetes without Helm, on KubeRay 1.5 or newer:
#
#   kubectl create namespace reelwright
#   kubectl --namespace reelwright apply --filename deploy/kuberay/reelwright.yaml
#
# It names three secrets, which have to be there: docs/guides/deployment.md. Made from the chart in
# deploy/helm/reelwright by `python -m scripts.check_deploy --write`; do not edit it here.
"""

# Values that turn on what the defaults leave out, so that all of the templates is checked.
EVERYTHING: dict[str, Any] = {
    "image": {"pullSecrets": ["registry"], "tag": "0.1.0-3"},
    "artifacts": {"url": "gs://bucket/prefix", "secret": ""},
    "home": {"storageClass": "nfs"},
    "settings": {"REEL_OBSERVE__LOG_LEVEL": "debug"},
    "secrets": ["model-keys"],
    "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/reel"}},
    "api": {
        "replicas": 3,
        "service": {"type": "LoadBalancer", "annotations": {"a": "b"}},
        "ingress": {
            "enabled": True,
            "className": "nginx",
            "host": "reel.example.org",
            "tlsSecret": "reel-tls",
            "annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "0"},
        },
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
    },
    "ray": {
        "head": {"nodeSelector": {"disk": "ssd"}, "tolerations": [{"operator": "Exists"}]},
        "redis": {"enabled": True, "address": "redis:6379", "secret": "redis"},
    },
    "nodes": {"gpu": {"max": 4, "labels": {"encoder": "nvenc"}, "nodeSelector": {"gpu": "l4"}}},
    "networkPolicy": {"apiFrom": [{"namespaceSelector": {"matchLabels": {"a": "b"}}}]},
    "serviceMonitor": {"enabled": True, "labels": {"release": "p"}, "tokenSecret": "scrape"},
}
NOTHING: dict[str, Any] = {
    "home": {"existingClaim": "films"},
    "serviceAccount": {"create": False},
    "artifacts": {"secret": ""},
    "ray": {"autoscaling": {"enabled": False}, "head": {"disruptionBudget": False}},
    "nodes": {"gpu": None},
    "disruptionBudget": {"enabled": False},
    "migrations": {"enabled": False},
    "networkPolicy": {"enabled": False},
}
VARIANTS: dict[str, dict[str, Any]] = {"default": {}, "all": EVERYTHING, "least": NOTHING}


def check(root: Path) -> list[Problem]:
    found = [*yaml_problems(root), *dockerfile_problems(root), *compose_problems(root)]
    for name, values in VARIANTS.items():
        found.extend(chart_problems(root, name, values))
    # Where it cannot be rendered, that was said above.
    if not found and (root / KUBERAY).read_text(encoding="utf-8") != kuberay(root):
        message = "not what the chart renders; run `python -m scripts.check_deploy --write`"
        found.append(Problem(KUBERAY, 1, message))
    return found


def kuberay(root: Path) -> str:
    """The manifest for those without Helm: the chart as it is, without what is Helm's."""
    parts = [HEADER]
    for name, text in render(root / CHART, {}).items():
        if name.endswith(".yaml"):
            parts.append(f"---\n{text.strip()}\n")
    text = "".join(parts).replace("app.kubernetes.io/managed-by: Helm", "")
    lines = [line for line in text.splitlines() if "helm.sh/" not in line and line.strip()]
    return re.sub(r"\n *annotations:(?=\n *\w+:\n|\n\w)", "", "\n".join(lines)) + "\n"


def yaml_problems(root: Path) -> Iterator[Problem]:
    config = YamlLintConfig(file=str(root / DEPLOY / "yamllint.yaml"))
    for path in files(root, frozenset({".yaml", ".yml"})):
        if path.is_relative_to(DEPLOY) and not path.is_relative_to(CHART / "templates"):
            text = (root / path).read_text(encoding="utf-8")
            for found in linter.run(text, config, str(path)):
                yield Problem(path, found.line, found.message)


def dockerfile_problems(root: Path) -> Iterator[Problem]:
    """hadolint's, of any level."""
    command = [str(Path(sys.executable).with_name("hadolint")), "--format", "json", "--no-fail"]
    done = subprocess.run([*command, str(root / DOCKERFILE)], capture_output=True, check=True)
    for found in json.loads(done.stdout):
        yield Problem(DOCKERFILE, found["line"], f"{found['code']}: {found['message']}")


def compose_problems(root: Path) -> Iterator[Problem]:
    try:
        found = yaml.load((root / COMPOSE).read_text(encoding="utf-8"), Loader=StrictLoader)
    except (ChartError, yaml.YAMLError) as error:
        yield Problem(COMPOSE, 1, str(error))
        return
    schema = get_builtin_schema("vendor.compose-spec")
    for wrong in validator_for(schema)(schema).iter_errors(found):
        yield Problem(COMPOSE, 1, f"{'.'.join(map(str, wrong.path))}: {wrong.message}")


def chart_problems(root: Path, variant: str, values: Mapping[str, Any]) -> Iterator[Problem]:
    try:
        for name, found in objects(render(root / CHART, values)):
            path = CHART / "templates" / name
            for message in object_problems(root, found):
                yield Problem(path, 1, f"{found['kind']} with {variant} values: {message}")
    except (ChartError, yaml.YAMLError) as error:
        yield Problem(CHART, 1, f"with {variant} values: {error}")


def object_problems(root: Path, found: Mapping[str, Any]) -> Iterator[str]:
    """What the schemas have against an object of Kubernetes, of any kind that is used here."""
    if found["apiVersion"] == "ray.io/v1":
        schema = json.loads((root / RAYCLUSTER).read_text(encoding="utf-8"))
        for error in jsonschema.Draft7Validator(schema).iter_errors(found):
            yield f"{'.'.join(map(str, error.path))}: {error.message}"
        for group in [found["spec"]["headGroupSpec"], *found["spec"]["workerGroupSpecs"]]:
            template = group["template"]
            metadata = {"name": "pod", **template.get("metadata", {})}
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, **template}
            yield from kubernetes_problems(pod)
    elif found["apiVersion"] == "monitoring.coreos.com/v1":
        # The Prometheus operator's; nothing installed knows it.
        for endpoint in found["spec"]["endpoints"]:
            if unknown := set(endpoint) - {"port", "path", "interval", "authorization"}:
                yield f"unknown keys of an endpoint: {unknown}"
    else:
        yield from kubernetes_problems(found)


def kubernetes_problems(found: Mapping[str, Any]) -> Iterator[str]:
    for version in KUBERNETES:
        try:
            validate(dict(found), version, strict=True)
        except ValidationError as error:
            yield f"Kubernetes {version}: {'.'.join(map(str, error.path))}: {error.message}"
        except SchemaNotFoundError as error:
            yield str(error.message)


def main(asked: list[str]) -> int:
    root = Path.cwd()
    if "--write" in asked:
        (root / KUBERAY).write_text(kuberay(root), encoding="utf-8")
    return report("deployment", check(root))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
