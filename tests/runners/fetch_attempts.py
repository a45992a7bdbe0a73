"""Attempts at a `fetch` step, as an engine makes them."""

import asyncio
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import ReelError
from reelwright.planning.plan import Step, StepKind, StepOutput
from reelwright.runners.context import Gate, StepContext, StepProgress, StepResult
from reelwright.runners.dispatch import run_step
from reelwright.tools.binaries import find_tools


def small_clip(ffmpeg: Path, path: Path) -> Path:
    """Four seconds of picture and sound."""
    picture = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=4")
    sound = ("-f", "lavfi", "-i", "sine=d=4", "-c:v", "libx264", "-preset", "ultrafast")
    subprocess.run([ffmpeg, "-v", "error", *picture, *sound, "-c:a", "aac", path], check=True)
    return path


_ASKED = {"headers", "cookies", "proxy", "user_agent", "country", "sleep", "item"}


def _node(part: str) -> str:
    return "get/fetch" if part == "video" else part


def _step(
    url: str,
    options: dict[str, Any],
    want: Mapping[str, Mapping[str, Any]],
    outputs: Mapping[str, str],
) -> Step:
    asked = {name: options.pop(name) for name in _ASKED & options.keys()}
    return Step(
        id="fetch",
        kind=StepKind.FETCH,
        identity="0",
        outputs=tuple(StepOutput(name=name, container="any") for name in outputs),
        payload={
            "url": url,
            **asked,
            "want": {"video": options, **want},
            "outputs": dict(outputs),
            "nodes": {_node(part): name for name, part in outputs.items()},
        },
    )


class Attempts:
    """Attempts at one step, each with a workspace of its own and the same scratch folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self.allow_private = True
        self.net_allow = ""
        self.own_proxy: str | None = None
        self.fetch_bytes: int | None = None
        self.fetch_s: float | None = None
        self.gate: Gate | None = None

    def run(self, url: str, **more: Any) -> StepResult:
        return asyncio.run(self.start(url, **more))

    async def start(
        self,
        url: str,
        heard: list[StepProgress] | None = None,
        *,
        want: Mapping[str, Mapping[str, Any]] | None = None,
        outputs: Mapping[str, str] | None = None,
        **options: Any,
    ) -> StepResult:
        """`options` are those of the video, or how the address is asked. `outputs`: file → part;
        the node of a part is named after it."""
        self.count += 1
        workspace = self.folder / f"attempt-{self.count}"
        workspace.mkdir()
        step = _step(url, options, want or {}, outputs or {"fetched": "video"})
        context = StepContext(
            workspace=workspace,
            files={},
            results={},
            tools=find_tools(),
            log=self.folder / f"log-{self.count}",
            on_progress=(heard if heard is not None else []).append,
            scratch=self.folder / "scratch",
            allow_private=self.allow_private,
            net_allow=self.net_allow,
            proxy=self.own_proxy,
            fetch_bytes=self.fetch_bytes,
            fetch_s=self.fetch_s,
            gate=self.gate,
        )
        return await run_step(step, context)


def failing(attempts: Attempts, url: str, **options: Any) -> ReelError:
    with pytest.raises(ReelError) as error:
        attempts.run(url, **options)
    return error.value


def result_of(done: StepResult) -> Any:
    return done.results["get/fetch"]
