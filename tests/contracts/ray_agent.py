"""The agent of a real node that runs the contract's steps: with `sh` in place of FFmpeg."""

from __future__ import annotations

from reelwright.app.cluster.agent import Agent
from tests.engine.jobs import run_shell


class ShellAgent(Agent):
    """All of it is the real one but for what runs a step."""

    async def _open(self) -> None:
        await super()._open()
        assert self._runner is not None
        self._runner._run_step = run_shell
