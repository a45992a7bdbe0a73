"""What is deployed: checked by one command, made of real commands, and refused when it is wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest

from scripts.check_deploy import KUBERAY
from scripts.helm_chart import CHART, ChartError, objects, render
from tests.deploy.manifests import ROOT, of_chart, of_compose, ray_cluster
from tests.deploy.test_commands import parsed


def test_one_command_checks_all_of_it() -> None:
    command = [sys.executable, "-m", "scripts.check_deploy"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "scripts.check_deploy" in (ROOT / "Makefile").read_text()


def test_the_chart_and_the_compose_file_begin_the_same_service() -> None:
    for containers in (of_chart(), of_compose()):
        commands = {words for one in containers for words in one.commands}
        assert all(parsed(words) for words in commands)
        begun = {words[0] for words in commands}
        assert {"serve", "worker", "db", "cluster"} <= begun


def test_the_manifest_for_kubectl_is_what_the_chart_makes() -> None:
    import yaml

    kubectl = [one for one in yaml.safe_load_all((ROOT / KUBERAY).read_text()) if one]
    chart = [found for _, found in objects(render(ROOT / CHART, {}))]
    assert [one["kind"] for one in kubectl] == [one["kind"] for one in chart]
    assert ray_cluster(kubectl)["spec"] == ray_cluster(chart)["spec"]


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"database": {"secret": ""}}, "database.secret"),
        ({"nodes": {"cpu": {"replicas": -1}}}, "nodes.cpu.replicas"),
        ({"apis": {}}, "apis"),
    ],
)
def test_bad_values_stop_before_anything_is_made(values: dict[str, object], place: str) -> None:
    with pytest.raises(ChartError, match=place):
        render(ROOT / CHART, values)
