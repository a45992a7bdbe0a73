"""The cache: what is there already is not made again, and it does not grow without end."""

from pathlib import Path

import pytest

from tests.cli.reel import reel
from tests.features.jobs import Studio, states

SPEC = """\
inputs: {in: in.mp4}
operations:
  - {id: cut,   op: trim,      input: in,  start: 1s, end: 2s, mode: encode}
  - {id: level, op: loudnorm,  input: cut, target: -16}
  - {id: small, op: scale,     input: level, height: %d}
outputs:
  - {from: small, to: out.mp4, video: {codec: h264, preset: ultrafast}}
"""


@pytest.fixture
def at_work(studio: Studio, talk: Path) -> Studio:
    studio.bring(talk, "in.mp4")
    return studio


def made(studio: Studio, spec: str, *more: str) -> dict[str, str]:
    """The states of the steps, by the first word of their names."""
    return {name.partition("-")[0]: s for name, s in states(studio.run(spec, *more)).items()}


def test_a_changed_spec_makes_again_only_what_the_change_touches(at_work: Studio) -> None:
    assert made(at_work, SPEC % 90) == {"analyse": "succeeded", "encode": "succeeded"}
    first = at_work.path("out.mp4").read_bytes()
    assert made(at_work, SPEC % 90) == {"analyse": "cached", "encode": "cached"}
    # Another size: the loudness was measured already.
    assert made(at_work, SPEC % 60, "--overwrite") == {"analyse": "cached", "encode": "succeeded"}
    assert at_work.facts("out.mp4")["video"]["height"] == 60
    # And back: both are there still.
    assert made(at_work, SPEC % 90, "--overwrite") == {"analyse": "cached", "encode": "cached"}
    assert at_work.path("out.mp4").read_bytes() == first


def test_what_does_not_change_the_result_is_no_change(at_work: Studio) -> None:
    made(at_work, SPEC % 90)
    hints = "labels: {who: me}\npriority: 7\n"
    assert set(made(at_work, hints + SPEC % 90).values()) == {"cached"}
    # The same content under another name and place is the same input.
    at_work.path("in.mp4").rename(at_work.path("renamed.mp4"))
    renamed = (SPEC % 90).replace("in.mp4", "renamed.mp4")
    assert set(made(at_work, renamed).values()) == {"cached"}


def test_a_changed_input_is_another_input(at_work: Studio, scenes: Path) -> None:
    made(at_work, SPEC % 90)
    at_work.path("in.mp4").unlink()
    at_work.bring(scenes, "in.mp4")
    again = made(at_work, SPEC % 90, "--overwrite")
    assert set(again.values()) == {"succeeded"}


def test_a_second_output_makes_only_itself(at_work: Studio) -> None:
    made(at_work, SPEC % 90)
    more = SPEC % 90 + "  - {from: cut, to: still.jpg}\n"
    more = more.replace(
        "outputs:", "  - {id: still, op: thumbnail, input: cut, at: [0.5s]}\noutputs:"
    )
    done = at_work.run(more.replace("from: cut, to", "from: still, to"))
    assert "cached" in states(done).values()
    assert not any(
        name.startswith("encode") and state == "succeeded" for name, state in states(done).items()
    )
    assert at_work.numbers("still.jpg") == [37]


def test_the_cache_is_shown_and_pruned_from_what_was_used_least(at_work: Studio) -> None:
    made(at_work, SPEC % 90)
    made(at_work, SPEC % 120, "--overwrite")
    made(at_work, SPEC % 90, "--overwrite")  # now the one of 120 lines was used least recently

    def show() -> dict[str, int]:
        return reel("cache", "show", "--json", cwd=at_work.folder).json

    whole = show()
    size = at_work.path("out.mp4").stat().st_size
    assert whole["bytes"] > size
    freed = reel("cache", "prune", "--limit", str(size + 4096), "--json", cwd=at_work.folder).json
    assert freed["bytes"] > 0
    assert show()["bytes"] <= size + 4096
    # What is delivered stays, and what was used last is still there.
    assert at_work.path("out.mp4").stat().st_size == size
    assert made(at_work, SPEC % 90)["encode"] == "cached"
    assert reel("cache", "prune", "--all", cwd=at_work.folder).code == 0
    assert show()["bytes"] == 0
    assert at_work.numbers("out.mp4") == list(range(25, 50))
    assert set(made(at_work, SPEC % 90).values()) == {"succeeded"}


def test_a_damaged_file_of_the_cache_is_made_again(at_work: Studio, reel_home: Path) -> None:
    made(at_work, SPEC % 90)
    at_work.path("out.mp4").unlink()
    for blob in (reel_home / "blobs").rglob("*"):
        if blob.is_file():
            blob.chmod(0o644)
            blob.write_bytes(b"bad" * 100)
    again = made(at_work, SPEC % 90)
    assert "succeeded" in again.values()
    assert at_work.numbers("out.mp4") == list(range(25, 50))
