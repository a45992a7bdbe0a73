"""What a finished step teaches about costs on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelwright.planning.plan import Step
    from reelwright.runners.context import StepResult

# Below this, starting the process is most of what was measured.
_LEAST_CPU_S = 0.5
# One step cannot make a rate a hundred times higher or lower: a machine that was asleep is no news.
_BOUNDS = (0.05, 20.0)


def learn(step: Step, result: StepResult) -> Mapping[str, float]:
    """Name of the cost model's rate → CPU-seconds per unit.

    A step's parts are not measured one by one: each rate is corrected by what the whole cost beside
    what was expected of it.
    """
    costs = step.payload.get("costs")
    expected = step.estimate.cpu_seconds
    if not isinstance(costs, Mapping) or result.cpu_seconds < _LEAST_CPU_S or expected <= 0:
        return {}
    low, high = _BOUNDS
    factor = min(high, max(low, result.cpu_seconds / expected))
    return {
        name: float(rate) * factor
        for name, (units, rate) in costs.items()
        if float(units) > 0 and float(rate) > 0
    }
