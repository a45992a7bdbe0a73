"""A job through all rooms but the engine: parsed, probed, planned, its steps run and verified."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelwright import planning
from reelwright.media.info import MediaInfo
from reelwright.planning import Facts, Machine, Plan
from reelwright.planning.plan import Step
from reelwright.runners.context import StepContext, StepResult
from reelwright.runners.dispatch import run_step
from reelwright.spec.parse import parse_text
from reelwright.tools.binaries import find_tools
from reelwright.tools.probe import probe


@dataclass
class Done:
    """What a job left: files by the name of their destination, and what its steps told."""

    plan: Plan
    files: dict[str, Path] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)

    def info(self, name: str) -> MediaInfo:
        return asyncio.run(probe(self.files[name], find_tools()))

    @property
    def because(self) -> str:
        return "\n".join(b for step in self.plan.steps for b in step.because)

    @property
    def graph(self) -> str:
        """All filter graphs and texts, to look for what must or must not stand there."""
        return "\n".join(a for s in self.plan.steps for argv in s.commands for a in argv)


def plan_of(spec: Mapping[str, Any], folder: Path) -> Plan:
    """The plan alone; probes the inputs."""
    parsed = parse_text(json.dumps(spec), base=folder)
    tools = find_tools()
    media = {name: asyncio.run(probe(Path(i.uri), tools)) for name, i in parsed.inputs.items()}
    uris = {name: i.uri for name, i in parsed.inputs.items()}
    return planning.compile(parsed, Facts(media=media, uris=uris), Machine(cpus=1))


def run_job(spec: Mapping[str, Any], folder: Path) -> Done:
    """Runs the spec, its paths relative to `folder`. Raises what any room raises."""
    done = Done(plan_of(spec, folder))
    results: dict[str, StepResult] = {}
    for step in done.plan.steps:
        workspace = folder / f".{step.id}"
        workspace.mkdir()
        results[step.id] = asyncio.run(_run(step, results, workspace))
        for topic, told in results[step.id].report.items():
            if isinstance(told, dict):
                done.report.setdefault(topic, {}).update(told)
    for delivery in done.plan.deliveries:
        name = Path(delivery.to).name
        done.files[name] = results[delivery.step].files[delivery.output][0]
    return done


async def _run(step: Step, before: Mapping[str, StepResult], workspace: Path) -> StepResult:
    files = {
        i.name: Path(i.uri) if i.uri is not None else before[i.step or ""].files[i.output or ""][0]
        for i in step.inputs
    }
    known = {node: value for r in before.values() for node, value in r.results.items()}
    context = StepContext(
        workspace=workspace,
        files=files,
        results=known,
        tools=find_tools(),
        log=workspace.with_suffix(".log"),
    )
    return await run_step(step, context)
