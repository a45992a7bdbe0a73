"""What lies on a server may be another file tomorrow: no job takes an earlier one's for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.reel import Done, make_clip, reel
from tests.runners.origin import Origin, Served, in_turn, refusal, serving

INPUT = """\
inputs: {{clip: '{url}'}}
operations: [{{id: small, op: scale, input: clip, height: 48}}]
outputs: [{{from: small, to: small.mp4, video: {{preset: ultrafast}}}}]
"""
FETCH = """\
operations:
  - {{id: clip, op: fetch, url: '{url}'}}
  - {{id: small, op: scale, input: clip, height: 48}}
outputs: [{{from: small, to: small.mp4, video: {{preset: ultrafast}}}}]
"""


@pytest.fixture
def origin() -> Iterator[Origin]:
    with serving() as server:
        yield server


@pytest.fixture(scope="session")
def clips(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """Of one second and of half a second."""
    folder = tmp_path_factory.mktemp("origins")
    one = make_clip(ffmpeg, folder / "one.mp4")
    half = make_clip(ffmpeg, folder / "half.mp4", seconds=0.48)
    return one.read_bytes(), half.read_bytes()


def run(folder: Path, text: str) -> Done:
    done = reel("run", "-", "--json", cwd=folder, stdin=text, REEL_RETRY__BACKOFF_S="0.01")
    assert done.code == 0, done.out + done.err
    return done


def states(done: Done) -> dict[str, str]:
    """The last state of each kind of step."""
    found = [line for line in done.lines if line["event"] == "step"]
    return {line["step"].partition("-")[0]: line["state"] for line in found}


def frames(folder: Path) -> int:
    found = reel("probe", "small.mp4", "--json", cwd=folder).json["streams"][0]["frame_count"]
    assert isinstance(found, int)
    return found


@pytest.mark.parametrize("form", [INPUT, FETCH], ids=["input", "fetch"])
def test_a_changed_origin_gives_new_content(
    origin: Origin, clips: tuple[bytes, bytes], tmp_path: Path, form: str
) -> None:
    text = form.format(url=origin.url("/clip.mp4"))
    one, half = clips
    origin.answers["/clip.mp4"] = Served(one)
    assert states(run(tmp_path, text))["encode"] == "succeeded"
    assert frames(tmp_path) == 25

    origin.answers["/clip.mp4"] = Served(half, etag='"two"')
    assert states(run(tmp_path, text))["encode"] == "succeeded"
    assert frames(tmp_path) == 12


@pytest.mark.parametrize("form", [INPUT, FETCH], ids=["input", "fetch"])
def test_an_unchanged_origin_is_asked_and_nothing_is_made_again(
    origin: Origin, clips: tuple[bytes, bytes], tmp_path: Path, form: str
) -> None:
    text = form.format(url=origin.url("/clip.mp4"))
    origin.answers["/clip.mp4"] = Served(clips[0])
    run(tmp_path, text)
    asked = len(origin.requests)

    again = run(tmp_path, text)

    assert len(origin.requests) > asked
    assert states(again)["encode"] == "cached"
    # Another address of the same content is the same to what follows.
    origin.answers["/moved.mp4"] = Served(clips[0])
    moved = run(tmp_path, form.format(url=origin.url("/moved.mp4")))
    assert states(moved)["encode"] == "cached"


def test_within_one_job_a_fetch_is_made_once(
    origin: Origin, clips: tuple[bytes, bytes], tmp_path: Path
) -> None:
    """Its second half fails, and is tried again: what was fetched before is still there."""
    url = origin.url("/clip.mp4")
    origin.answers["/clip.mp4"] = in_turn(Served(clips[0]), refusal(500))
    text = FETCH.format(url=url) + "timeout: 60s\n"
    text = text.replace("to: small.mp4", "to: shut/small.mp4")
    shut = tmp_path / "shut"
    shut.write_text("a file where a folder is wanted")
    failed = reel("run", "-", "--json", cwd=tmp_path, stdin=text)
    assert failed.code != 0
    assert len(origin.requests) == 1
    shut.unlink()

    again = reel("retry", failed.lines[-1]["id"], "--json", cwd=tmp_path)

    assert again.code == 0, again.out + again.err
    assert len(origin.requests) == 1
    assert (shut / "small.mp4").is_file()


def test_an_input_is_taken_up_where_it_broke_off(
    origin: Origin, clips: tuple[bytes, bytes], tmp_path: Path
) -> None:
    body = clips[0]
    origin.answers["/clip.mp4"] = in_turn(
        Served(body, cut_after=len(body) // 2), refusal(503), Served(body)
    )

    run(tmp_path, INPUT.format(url=origin.url("/clip.mp4")))

    asked = [headers.get("Range") for _, headers in origin.requests]
    assert asked == [None, f"bytes={len(body) // 2}-", f"bytes={len(body) // 2}-"]
    assert frames(tmp_path) == 25


def test_what_broke_off_is_shown_and_pruned(
    origin: Origin, clips: tuple[bytes, bytes], tmp_path: Path, reel_home: Path
) -> None:
    body = clips[0]
    origin.answers["/clip.mp4"] = Served(body, cut_after=len(body) // 2)
    text = FETCH.format(url=origin.url("/clip.mp4"))
    failed = reel("run", "-", "--json", cwd=tmp_path, stdin=text, REEL_RETRY__ATTEMPTS="1")
    assert failed.lines[-1]["error"]["code"] == "network_reset"
    scratch = reel_home / "scratch"
    assert [p.stat().st_size for p in scratch.glob("*.part")] == [len(body) // 2]
    shown = reel("cache", "show", "--json", cwd=tmp_path).json["parts_bytes"]
    assert shown >= len(body) // 2
    assert "broke off" in reel("cache", "show", cwd=tmp_path).out

    freed = reel("cache", "prune", "--limit", "1GB", "--json", cwd=tmp_path).json

    assert freed["bytes"] >= shown
    assert not list(scratch.iterdir())
    assert reel("cache", "show", "--json", cwd=tmp_path).json["parts_bytes"] == 0


def test_a_page_is_no_input(origin: Origin, tmp_path: Path) -> None:
    origin.answers["/talk"] = Served(b"<html>words</html>", content_type="text/html")

    done = reel("run", "-", "--json", cwd=tmp_path, stdin=INPUT.format(url=origin.url("/talk")))

    error = done.json["error"]
    assert (done.code, error["code"]) == (3, "media_unrecognised")
    assert error["where"] == "inputs.clip"
    assert "fetch" in error["hint"]
