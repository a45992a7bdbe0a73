"""Steps whose result planning already knows: texts become files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelwright.errors import Code, ReelError
from reelwright.runners.context import StepResult
from reelwright.runners.verify import verify
from reelwright.runners.workspace import prepare

if TYPE_CHECKING:
    from reelwright.planning.plan import Step
    from reelwright.runners.context import StepContext


async def run(step: Step, context: StepContext) -> StepResult:
    """Writes `step.texts`; each output must be one of them. Raises PLAN_INVALID, OUTPUT_*."""
    missing = [o.name for o in step.outputs if o.name not in step.texts]
    if missing:
        raise ReelError(Code.PLAN_INVALID, f"nothing is to be written to {', '.join(missing)}")
    prepare(step, context)
    checked = [await verify(output, context) for output in step.outputs]
    return StepResult(
        files={c.name: c.files for c in checked},
        report={"outputs": {c.name: c.facts for c in checked}},
    )
