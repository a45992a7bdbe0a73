"""Runs a TASK step: one function of ours on files and results of earlier steps, and its outputs."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.planning.tasks import RESULT
from reelwright.runners.context import StepResult
from reelwright.runners.tasks import TASKS, Given, Strand, Task

if TYPE_CHECKING:
    from reelwright.planning.plan import Step
    from reelwright.runners.context import StepContext


async def run(step: Step, context: StepContext) -> StepResult:
    """Raises what the task raises, PLAN_INVALID for one that is not known, OUTPUT_MISSING."""
    payload = step.payload
    done = await _task(payload["task"])(
        Given(
            params=payload["params"],
            strands=tuple(_strand(context, read) for read in payload["reads"]),
            context=context,
        )
    )
    body = json.dumps(done.result, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    (context.workspace / RESULT).write_text(body, encoding="utf-8")
    (node,) = payload["nodes"]
    files = {output.name: (context.workspace / output.name,) for output in step.outputs}
    for name, (path,) in files.items():
        if not path.is_file():
            raise ReelError(Code.OUTPUT_MISSING, f"the task made no {name}", where=step.id)
    return StepResult(
        files=files,
        results={node: done.result},
        report=done.report,
        cpu_seconds=done.cpu_seconds,
        max_rss_bytes=done.max_rss_bytes,
    )


def _task(name: str) -> Task:
    target = TASKS.get(name)
    if target is None:
        raise ReelError(Code.PLAN_INVALID, f"there is no task '{name}'")
    module, _, function = target.partition(":")
    task: Task = getattr(import_module(module), function)
    return task


def _strand(context: StepContext, read: dict[str, Any]) -> Strand:
    node = read["result"]
    result = None if node is None else context.results[node]
    return Strand(path=context.files[read["file"]], result=result)
