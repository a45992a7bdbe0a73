"""`run_step`: the runner of each kind of step, loaded when such a step comes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from reelwright.errors import Code, ReelError
from reelwright.planning.plan import Step, StepKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from reelwright.runners.context import StepContext, StepResult

    Runner = Callable[[Step, StepContext], Awaitable[StepResult]]

RUNNERS = {
    StepKind.FFMPEG: "reelwright.runners.ffmpeg:run",
    StepKind.LOOK: "reelwright.runners.look:run",
    StepKind.SMART_CUT: "reelwright.runners.smart_cut:run",
    StepKind.FETCH: "reelwright.runners.fetch:run",
    StepKind.QUALITY: "reelwright.runners.quality:run",
    StepKind.TASK: "reelwright.runners.task:run",
    StepKind.WRITE: "reelwright.runners.write:run",
}


async def run_step(step: Step, context: StepContext) -> StepResult:
    """Runs a step to its verified outputs. Raises ReelError; on any failure and on cancelling, no
    process is left and none of the step's outputs."""
    runner = _runner(step.kind)
    try:
        return await runner(step, context)
    except BaseException:
        _remove_outputs(step, context)
        raise


def _runner(kind: StepKind) -> Runner:
    target = RUNNERS.get(kind)
    if target is None:
        raise ReelError(Code.PLAN_INVALID, f"a step of kind '{kind}' cannot be run")
    module, _, name = target.partition(":")
    runner: Runner = getattr(import_module(module), name)
    return runner


def _remove_outputs(step: Step, context: StepContext) -> None:
    for name in (
        *(o.name for o in step.outputs),
        *(t.output for t in step.taps),
        *(t.pack for t in step.taps if t.pack),
    ):
        pattern = name.replace("%06d", "*") if "%06d" in name else name
        for path in context.workspace.glob(pattern):
            path.unlink(missing_ok=True)
