"""The check of deploy/ passes, and finds what is wrong."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.check_deploy import COMPOSE, DOCKERFILE, KUBERAY, check, kuberay
from scripts.helm_chart import CHART
from tests.deploy.manifests import ROOT

TEMPLATES = CHART / "templates"
BROKEN = [
    (DOCKERFILE, "FROM python:3.11-slim-bookworm\n", "FROM python\n", "DL3006"),
    (DOCKERFILE, "USER 10001:10001\n", "USER root\n", "DL3002"),
    (COMPOSE, "restart: unless-stopped\n", "restarts: always\n", "restarts"),
    (COMPOSE, "  node:\n", "  api:\n", "duplication of key"),
    (TEMPLATES / "api.yaml", "containerPort: 8000", "containerPort: web", "is not of type"),
    (TEMPLATES / "api.yaml", "readinessProbe:", "readyProbe:", "'readyProbe' was unexpected"),
    (TEMPLATES / "raycluster.yaml", "minReplicas:", "minimum:", "'minReplicas' is a required"),
    (TEMPLATES / "raycluster.yaml", "fieldPath: status", "field: status", "'fieldPath' is a req"),
    (TEMPLATES / "home.yaml", "Values.home.size", "Values.home.", "templates"),
    (TEMPLATES / "api.yaml", "replicas: {{ .Values.api.replicas }}\n", "replicas: 7\n", "--write"),
    (CHART / "values.yaml", "  upscaling: Conservative", "  upscale: Conservative", "upscale"),
    (KUBERAY, "reelwright:0.1.0", "reelwright:latest", "--write"),
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path


def test_what_is_there_is_well_formed() -> None:
    assert check(ROOT) == []


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    BROKEN,
    ids=[f"{path.name}: {said}" for path, *_, said in BROKEN],
)
def test_what_is_wrong_is_found(copy: Path, path: Path, old: str, new: str, said: str) -> None:
    text = (copy / path).read_text()
    assert old in text
    (copy / path).write_text(text.replace(old, new))
    found = "\n".join(map(str, check(copy)))
    assert said in found, found


def test_the_manifest_has_nothing_of_helm() -> None:
    text = kuberay(ROOT)
    assert "helm.sh" not in text
    assert "Helm" not in text.partition("---")[2]
    assert "{{" not in text
