"""Golden plans: the whole explanation of a plan, commands and reasons, as text in a file.

``REEL_GOLDEN=update pytest tests/planning`` writes them again; a person then reads the diff.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from reelwright.planning import Machine, Plan, expand
from reelwright.planning.explain import dot, explain
from reelwright.spec.parse import parse_text
from tests.planning.media import BASE, facts, plan

GOLDEN = Path(__file__).parent.parent / "golden" / "plans"
SPECS = sorted(GOLDEN.glob("*.yaml"))


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_plan_is_as_it_was_read_and_approved(path: Path) -> None:
    made = plan(path.read_text())
    shown = explain(made) + "\n"
    golden = path.with_suffix(".txt")
    if os.environ.get("REEL_GOLDEN") == "update":
        golden.write_text(shown)
    assert shown == golden.read_text()


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_a_plan_survives_json(path: Path) -> None:
    made = plan(path.read_text())
    assert Plan.from_json(json.loads(json.dumps(made.to_json()))) == made


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_planning_is_pure(path: Path) -> None:
    assert plan(path.read_text()) == plan(path.read_text())


def test_dot_names_every_step_and_output() -> None:
    made = plan(SPECS[0].read_text())
    drawn = dot(made)
    assert drawn.startswith("digraph plan {")
    assert all(s.id in drawn for s in made.steps)
    assert all(d.to in drawn for d in made.deliveries)


def test_expanding_keeps_the_steps_that_there_were() -> None:
    text = (GOLDEN / "each-shot.yaml").read_text()
    first = plan(text)
    assert first.unresolved
    shots = [
        {"index": n, "start_exact": str(n * 20), "end_exact": str(n * 20 + 20)} for n in range(3)
    ]
    nodes = {t.node for s in first.steps for t in s.taps}
    results = {node: {"shots": shots} for node in nodes}
    spec = parse_text(text, base=BASE)
    second = expand(first, spec, facts(text, results=results), Machine(cpus=2))
    assert second.revision == 2
    assert not second.unresolved
    before = {s.id: s for s in first.steps if s.identity}
    after = {s.id: s for s in second.steps}
    assert all(after[name] == step for name, step in before.items())
    assert len([d for d in second.deliveries if d.to.endswith(".mp4")]) == 3
