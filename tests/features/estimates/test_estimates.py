"""What a plan says it will cost, and what this machine teaches it."""

from pathlib import Path

import pytest

from tests.features.jobs import Studio
from tests.features.media import talk as make_talk

SPEC = """\
inputs: {in: in.mp4}
operations: [{id: a, op: scale, height: %d}]
outputs: [{from: a, to: out.mp4, video: {codec: h264, preset: slower}}]
"""


@pytest.mark.slow
def test_estimates_learn_from_what_runs_cost(studio: Studio, ffmpeg: Path) -> None:
    """The same work on another size: closer to the truth after three runs than before."""
    make_talk(ffmpeg, studio.path("in.mp4"), seconds=6)

    def expected(height: int) -> dict[str, float]:
        (step,) = studio.plan(SPEC % height)["steps"]
        low, high = step["estimate"]["wall_seconds"]
        return {"cpu": step["estimate"]["cpu_seconds"], "spread": high / low}

    before = expected(240)
    costs = []
    for height in (234, 236, 238):
        done = studio.run(SPEC % height, "--overwrite")
        costs.append(_cpu(studio, done.lines[-1]["id"]))
    after = expected(240)
    truth = sorted(costs)[1]
    assert after["cpu"] != before["cpu"]
    assert abs(after["cpu"] - truth) <= abs(before["cpu"] - truth)
    assert after["spread"] < before["spread"]


def _cpu(studio: Studio, job: str) -> float:
    from tests.cli.reel import reel

    status = reel("status", job, "--json", cwd=studio.folder).json
    return sum(float(step["cpu_seconds"]) for step in status["steps"])


def test_more_work_is_expected_to_cost_more(studio: Studio, talk: Path) -> None:
    studio.bring(talk, "in.mp4")
    small, large = (studio.plan(SPEC % h)["steps"][0]["estimate"] for h in (90, 720))
    assert large["cpu_seconds"] > 3 * small["cpu_seconds"]
    assert large["memory_bytes"] > small["memory_bytes"]
    copied = studio.plan(
        "inputs: {in: in.mp4}\noperations: [{id: a, op: volume, gain: -1dB}]\n"
        "outputs: [{from: a, to: out.mp4}]\n"
    )["steps"][0]["estimate"]
    assert copied["cpu_seconds"] < small["cpu_seconds"]
