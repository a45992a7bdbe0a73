"""A long encode in shards: every frame once, in order, with the sound whole."""

from pathlib import Path

import numpy as np

from tests.features.jobs import Studio, argv, because, states

SPEC = """\
inputs: {in: in.mp4}
operations: [{id: a, op: scale, height: 90}]
outputs:
  - from: a
    to: out.mp4
    video: {codec: h264, preset: veryfast, keyframe_interval: 1s}
    shards: %s
"""


def test_shards_lose_no_frame_and_double_none(studio: Studio, talk: Path) -> None:
    studio.bring(talk, "in.mp4")
    plan = studio.plan(SPEC % 3)
    assert "shard 1: frames 0 to" in because(plan)
    assert "frames are counted" in because(plan)
    assert argv(plan).count("libx264") == 3
    # The sound is encoded once, whole: a seam in it would be heard.
    assert argv(plan).count("-c:a:0 aac") <= 1
    independent = [s for s in plan["steps"] if "libx264" in str(s["argv"])]
    assert len(independent) == 3
    assert not any(other["id"] in s["needs"] for s in independent for other in independent)

    done = studio.run(SPEC % 3)
    assert set(states(done).values()) == {"succeeded"}
    assert studio.numbers("out.mp4") == list(range(250))
    source, made = (studio.samples(name, 2)[:, 0] for name in ("in.mp4", "out.mp4"))
    assert abs(len(source) - len(made)) <= 1024
    # A sine stays a sine: no sample jumps further than the wave itself does.
    assert np.abs(np.diff(made[4800:-4800])).max() < 1.3 * np.abs(np.diff(source[4800:-4800])).max()


def test_a_shard_that_is_there_is_not_made_again(studio: Studio, talk: Path) -> None:
    studio.bring(talk, "in.mp4")
    studio.run(SPEC % 3)
    again = studio.run(SPEC % 3)
    assert set(states(again).values()) == {"cached"}


def test_short_videos_stay_whole_unless_told_otherwise(studio: Studio, talk: Path) -> None:
    studio.bring(talk, "in.mp4")
    for word in ("auto", '"off"'):
        assert "shard" not in because(studio.plan(SPEC % word))
