"""Runs one planned step in a workspace that it is handed. Knows no job, no SQL, no scheduler."""

from reelwright.runners.context import Heartbeat, StepContext, StepResult
from reelwright.runners.dispatch import run_step

__all__ = ["Heartbeat", "StepContext", "StepResult", "run_step"]
