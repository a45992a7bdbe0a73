"""Analysers beside a command: whole frames, no deadlock, results of frames and of logs."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.graph.operator import Analyser, Bundle, Inputs, Operator, Params
from reelwright.media.streams import DataStream, Stream
from reelwright.operators import REGISTRY
from reelwright.planning.plan import Step, StepTap
from reelwright.runners import StepContext, StepResult, run_step
from tests.runners.conftest import Contexts
from tests.runners.steps import given, step

GRAY = ("-map", "0:v", "-vf", "scale=16:8,format=gray", "-f", "rawvideo")


class Means(Analyser):
    """The mean of each frame of 16x8 gray pixels."""

    frame_bytes = 16 * 8

    def __init__(self) -> None:
        self.means: list[int] = []
        self.calls = 0

    def feed(self, data: memoryview) -> None:
        self.calls += 1
        assert len(data) % self.frame_bytes == 0
        for start in range(0, len(data), self.frame_bytes):
            frame = data[start : start + self.frame_bytes]
            self.means.append(sum(frame) // self.frame_bytes)

    def finish(self) -> dict[str, Any]:
        return {"frames": len(self.means), "last": self.means[-1] if self.means else None}


class Fails(Analyser):
    """Gives up at the first frame."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def feed(self, data: memoryview) -> None:
        raise self.error

    def finish(self) -> dict[str, Any]:
        raise AssertionError("never reached")


class Words(Analyser):
    """The log's lines that hold a word."""

    def __init__(self, word: str) -> None:
        self.word = word.encode()
        self.text = b""

    def feed(self, data: memoryview) -> None:
        self.text += bytes(data)

    def finish(self) -> dict[str, Any]:
        found = [line for line in self.text.splitlines() if self.word in line]
        return {"lines": [line.decode() for line in found]}


class Watcher(Operator):
    """An operator of a third party, whose analysers these are."""

    name = "watcher"
    summary = "Watches."
    params = Params

    def build(self, params: Any, inputs: Inputs, build: Any) -> Bundle:
        return inputs["input"][0]

    def analyser(self, name: str, params: Mapping[str, Any], stream: Stream) -> Analyser:
        if name == "means":
            return Means()
        if name == "words":
            return Words(params["word"])
        known = ReelError(Code.LOUDNESS_MISSED, "too loud")
        return Fails(known if name == "refuses" else ValueError("broken"))


@pytest.fixture(autouse=True)
def watcher() -> Iterator[None]:
    REGISTRY.add(Watcher())
    yield
    REGISTRY._builtin.pop("watcher")
    REGISTRY._loaded.pop("watcher")


def tap(analyser: str, pipe: str = "tap1", **more: Any) -> StepTap:
    values = {"params": {}, "output": f"{pipe}.json", "stream": DataStream(), **more}
    return StepTap(node=f"w/{pipe}", analyser=f"watcher:{analyser}", pipe=pipe, **values)


def tapped(path: Path, *taps: StepTap, seconds: str = "2") -> Step:
    # A short input, read again and again: as many frames as a test wants, at no cost.
    loop = ("-stream_loop", "-1", "-t", seconds, "-f", "mov", "-i", "in0")
    outs = [argument for t in taps if t.source == "frames" for argument in (*GRAY, t.pipe)]
    ends = outs or ["-f", "null", "-"]
    return step(("ffmpeg", "-y", *loop, *ends), inputs=[given(path)], taps=taps)


def ran(wanted: Step, context: StepContext) -> StepResult:
    return asyncio.run(asyncio.wait_for(run_step(wanted, context), 60))


def test_frames_are_fed_whole_and_the_result_is_kept_twice(video: Path, contexts: Contexts) -> None:
    context = contexts({"in0": video})
    result = ran(tapped(video, tap("means")), context)
    assert result.results["w/tap1"]["frames"] == 50
    assert result.results["w/tap1"]["last"] > 0
    (file,) = result.files["tap1.json"]
    assert json.loads(file.read_text()) == result.results["w/tap1"]


def test_two_taps_are_fed_by_one_command(video: Path, contexts: Contexts) -> None:
    wanted = tapped(video, tap("means"), tap("means", pipe="tap2"))
    result = ran(wanted, contexts({"in0": video}))
    assert result.results["w/tap1"] == result.results["w/tap2"]


def test_a_long_input_is_fed_in_many_pieces(video: Path, contexts: Contexts) -> None:
    result = ran(tapped(video, tap("means"), seconds="600"), contexts({"in0": video}))
    assert abs(result.results["w/tap1"]["frames"] - 15000) < 100


def test_a_command_that_dies_before_it_opens_the_pipe_blocks_nobody(
    video: Path, contexts: Contexts
) -> None:
    wanted = step(
        ("ffmpeg", "-y", "-f", "mov", "-i", "nowhere", *GRAY, "tap1"),
        inputs=[given(video)],
        taps=[tap("means")],
    )
    with pytest.raises(ReelError) as caught:
        ran(wanted, contexts({"in0": video}))
    assert caught.value.code is not Code.INTERNAL


def test_a_command_that_writes_nothing_gives_an_empty_result(
    video: Path, contexts: Contexts
) -> None:
    wanted = step(
        ("ffmpeg", "-y", "-f", "mov", "-i", "in0", "-f", "null", "-"),
        inputs=[given(video)],
        taps=[tap("means")],
    )
    result = ran(wanted, contexts({"in0": video}))
    assert result.results["w/tap1"] == {"frames": 0, "last": None}


@pytest.mark.parametrize(
    ("name", "code"), [("refuses", Code.LOUDNESS_MISSED), ("breaks", Code.INTERNAL)]
)
def test_an_analyser_that_fails_stops_the_command(
    name: str, code: Code, video: Path, contexts: Contexts
) -> None:
    # Without an end of its own, the command would run until the test's time is over.
    endless = ("ffmpeg", "-y", "-re", "-stream_loop", "-1", "-f", "mov", "-i", "in0", *GRAY, "tap1")
    wanted = step(endless, inputs=[given(video)], taps=[tap(name)])
    with pytest.raises(ReelError) as caught:
        ran(wanted, contexts({"in0": video}))
    assert caught.value.code is code


def test_cancelling_ends_the_readers(video: Path, contexts: Contexts) -> None:
    endless = ("ffmpeg", "-y", "-re", "-stream_loop", "-1", "-f", "mov", "-i", "in0", *GRAY, "tap1")
    wanted = step(endless, inputs=[given(video)], taps=[tap("means")])
    context = contexts({"in0": video})

    async def cancel() -> None:
        started = asyncio.Event()
        context.on_progress = lambda _: started.set()
        running = asyncio.create_task(run_step(wanted, context))
        await started.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(asyncio.wait_for(cancel(), 60))


def test_an_analyser_of_the_log_reads_what_filters_print(video: Path, contexts: Contexts) -> None:
    argv = ("ffmpeg", "-y", "-f", "mov", "-i", "in0", "-af", "ebur128=framelog=quiet", "-f", "null")
    log = tap("words", source="log", params={"word": "Summary:"})
    result = ran(step((*argv, "-"), inputs=[given(video)], taps=[log]), contexts({"in0": video}))
    (line,) = result.results["w/tap1"]["lines"]
    # The level that the log shows stands between filter and message; it is taken out again.
    assert line.endswith("] Summary:")


def test_loudness_is_measured_by_the_operator_that_asks_for_it(
    video: Path, contexts: Contexts
) -> None:
    argv = ("ffmpeg", "-y", "-f", "mov", "-i", "in0", "-af", "ebur128=peak=true:framelog=quiet")
    asked = {
        "target": -16.0, "true_peak": -1.5, "range": None, "linear": "prefer", "rate": 48000,
    }  # fmt: skip
    measure = StepTap(
        node="level/measure",
        analyser="loudnorm:measure",
        params=asked,
        pipe="",
        output="measure.json",
        source="log",
    )
    wanted = step((*argv, "-f", "null", "-"), inputs=[given(video)], taps=[measure])
    result = ran(wanted, contexts({"in0": video})).results["level/measure"]
    assert -30 < result["report"]["loudness"]["input_i"] < -10
