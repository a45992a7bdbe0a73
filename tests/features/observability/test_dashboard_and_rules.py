"""The dashboard and the alert rules speak of metrics that there are, and say what they mean."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from reelwright.app.settings import load
from reelwright.app.wiring import App
from reelwright.store.tables_understand import model_calls
from tests.store.every_table import ROWS

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "reelwright.json").read_text())
RULES: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "reelwright.rules.yml").read_text())
PROMETHEUS: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
ALERTS: list[dict[str, Any]] = [rule for group in RULES["groups"] for rule in group["rules"]]

# Of Grafana's list of units (packages/grafana-data/src/valueFormats/categories.ts).
UNITS = {"none", "short", "s", "ops", "reqps", "bytes", "Bps", "percentunit"}
_SUFFIXES = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_sum", "_count"),
    "gauge": ("",),
}
_METRIC = re.compile(r"(?<![\w\"])((?:reel|process)_[a-z_]+)(\{[^}]*\})?")
_SELECTED = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_FUNCTIONS = {
    *("sum", "max", "min", "rate", "increase", "histogram_quantile", "topk"),
    *("by", "without", "and", "or", "vector"),
}


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Names of all samples that /metrics can hold → the labels that they can have."""
    home = tmp_path_factory.mktemp("metrics")
    with App(load({"home": home}, environ={})) as app:
        app.metrics.http.add("/v1/jobs", "GET", 200, 0.01, 0, 10)
        with app.store.write() as tx:
            (call,) = ROWS["model_calls"]
            tx.run(sa.insert(model_calls), {**call, "is_local": False})
        text = app.metrics.text().decode()
        labels = dict(_labels(app.metrics.registry))
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        own = {name for sample in family.samples for name in sample.labels}
        own |= labels.get(family.name, set())
        for suffix in _SUFFIXES[family.type]:
            more = {"le"} if suffix == "_bucket" else set()
            found[family.name + suffix] = own | more
    return found


def _labels(registry: CollectorRegistry) -> Iterator[tuple[str, set[str]]]:
    """Of metrics that have no sample yet."""
    for collector in list(registry._collector_to_names):
        name = getattr(collector, "_name", None)
        if name is not None:
            yield name, set(collector._labelnames)  # type: ignore[attr-defined]


def _expressions() -> Iterator[tuple[str, str]]:
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for alert in ALERTS:
        yield alert["alert"], alert["expr"]


EXPRESSIONS = list(_expressions())


def test_names_follow_prometheus_conventions(exposed: dict[str, set[str]]) -> None:
    ours = {name for name in exposed if name.startswith("reel_")}
    assert len(ours) > 40
    for name in ours:
        assert re.fullmatch(r"reel(_[a-z]+)+", name)
        assert not re.search(r"_(ms|seconds_seconds|kb|mb)(_|$)", name)


@pytest.mark.parametrize(("where", "expr"), EXPRESSIONS)
def test_every_metric_that_is_asked_for_exists(
    where: str, expr: str, exposed: dict[str, set[str]]
) -> None:
    found = _METRIC.findall(expr)
    assert found or "up{" in expr
    for name, selector in found:
        assert name in exposed, f"{where}: {name}"
        asked = set(_SELECTED.findall(selector)) - {"job"}
        assert asked <= exposed[name], f"{where}: {name} has no {asked - exposed[name]}"
    known = set().union(*(exposed[name] for name, _ in found)) | {"instance", "job"}
    for names in re.findall(r"(?:by|without) \(([^)]*)\)", expr):
        assert {name.strip() for name in names.split(",")} <= known, where


@pytest.mark.parametrize(("where", "expr"), EXPRESSIONS)
def test_expressions_are_well_formed(where: str, expr: str) -> None:
    bare = re.sub(r"\"[^\"]*\"", "", expr)
    for left, right in ("()", "{}", "[]"):
        assert bare.count(left) == bare.count(right), where
    called = set(re.findall(r"([a-z_]+)\s*\(", bare))
    assert called <= _FUNCTIONS, where
    for name in re.findall(r"([a-z_]+)\{[^}]*\}\[", bare) + re.findall(r"([a-z_]+)\[", bare):
        assert name.endswith(("_total", "_bucket", "_sum", "_count")), f"{where}: rate of a gauge"


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_shows(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert [target["refId"] for target in panel["targets"]] == list("ABCDEFGH")[
        : len(panel["targets"])
    ]
    for target in panel["targets"]:
        assert target["datasource"] == panel["datasource"]
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
            grouped = re.search(rf"by \([^)]*\b{label}\b", target["expr"])
            assert grouped or "sum" not in target["expr"], target


def test_the_dashboard_can_be_imported() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    assert DASHBOARD["id"] is None
    assert DASHBOARD["schemaVersion"] >= 36
    variables = {one["name"]: one["type"] for one in DASHBOARD["templating"]["list"]}
    assert variables == {"datasource": "datasource", "job": "query"}
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_the_dashboard_shows_what_there_is(exposed: dict[str, set[str]]) -> None:
    """Nothing is counted that nobody sees."""
    shown = {name for _, expr in EXPRESSIONS for name, _ in _METRIC.findall(expr)}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed}
    seen = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown} | {"reel_build_info"}
    assert {name for name in families if name.startswith("reel_")} <= seen


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_what_to_do(alert: dict[str, Any]) -> None:
    assert set(alert) <= {"alert", "expr", "for", "labels", "annotations"}
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert set(alert["annotations"]) == {"summary", "description"}
    assert re.fullmatch(r"\d+m", alert.get("for", "1m"))


def test_what_must_not_go_unseen_has_an_alert() -> None:
    names = {alert["alert"].removeprefix("Reelwright") for alert in ALERTS}
    assert names >= {"QueueStuck", "NoWorkers", "DeadLetters", "DiskLow", "DatabaseUnreachable"}


def test_prometheus_reads_the_rules_that_are_there() -> None:
    folder = DEPLOY / "prometheus"
    assert [(folder / name).is_file() for name in PROMETHEUS["rule_files"]] == [True]
    (job,) = PROMETHEUS["scrape_configs"]
    assert f'job="{job["job_name"]}"' in ALERTS[0]["expr"]
