"""A job with everything but the engine, its unresolved steps too: run, expand, run the rest."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelwright import planning
from reelwright.planning import Facts, Machine, Plan
from reelwright.planning.plan import Step, StepKind
from reelwright.runners.context import StepContext, StepResult
from reelwright.runners.dispatch import run_step
from reelwright.spec.parse import parse_text
from reelwright.tools.binaries import find_tools
from reelwright.tools.probe import probe

MACHINE = Machine(cpus=1)


@dataclass
class Whole:
    """`plans`: every revision. `files`: each delivery's files, by the name it is delivered to."""

    folder: Path
    plans: list[Plan] = field(default_factory=list)
    files: dict[str, tuple[Path, ...]] = field(default_factory=dict)

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.plans[-1].steps

    @property
    def because(self) -> str:
        return "\n".join(b for step in self.steps for b in step.because)

    @property
    def text(self) -> str:
        """All arguments and graphs of all commands."""
        argvs = [a for s in self.steps for argv in s.commands for a in argv]
        return "\n".join([*argvs, *(t for s in self.steps for t in s.texts.values())])


def run_whole(folder: Path, source: Path, operations: list[Any], outputs: list[Any]) -> Whole:
    """The input is called ``in``; outputs are relative to `folder`."""
    body = {"inputs": {"in": str(source)}, "operations": operations, "outputs": outputs}
    spec = parse_text(json.dumps(body), base=folder)
    tools = find_tools()
    media = {name: asyncio.run(probe(Path(i.uri), tools)) for name, i in spec.inputs.items()}
    uris = {name: i.uri for name, i in spec.inputs.items()}
    done: dict[str, StepResult] = {}
    known: dict[str, Any] = {}
    whole = Whole(folder)
    plan = planning.compile(spec, Facts(media=media, uris=uris), MACHINE)
    while True:
        whole.plans.append(plan)
        for step in plan.steps:
            if step.id not in done and step.kind is not StepKind.UNRESOLVED:
                done[step.id] = asyncio.run(_run(step, done, known, folder))
                known |= done[step.id].results
        if not plan.unresolved:
            break
        assert len(whole.plans) < 5, f"still unresolved: {plan.unresolved}"
        plan = planning.expand(plan, spec, Facts(media=media, uris=uris, results=known), MACHINE)
    for delivery in plan.deliveries:
        found = done[delivery.step].files[delivery.output]
        whole.files[Path(delivery.to).name] = whole.files.get(Path(delivery.to).name, ()) + found
    return whole


async def _run(
    step: Step, done: Mapping[str, StepResult], known: Mapping[str, Any], folder: Path
) -> StepResult:
    workspace = folder / f".{step.id}"
    workspace.mkdir()
    files = {
        i.name: Path(i.uri) if i.uri else done[i.step or ""].files[i.output or ""][0]
        for i in step.inputs
    }
    log = workspace.with_suffix(".log")
    context = StepContext(
        workspace=workspace, files=files, results=known, tools=find_tools(), log=log
    )
    return await run_step(step, context)
