"""Fetching from a real loopback server: what is resumed, refused, and found in pages."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code
from reelwright.media.digest import sha256_file
from reelwright.media.info import MediaInfo
from reelwright.runners.context import StepProgress
from tests.runners.fetch_attempts import Attempts, failing, result_of, small_clip
from tests.runners.origin import Origin, Served, in_turn, refusal, serving


@pytest.fixture
def origin() -> Iterator[Origin]:
    with serving() as server:
        yield server


@pytest.fixture(scope="session")
def clip(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_clip(ffmpeg, tmp_path_factory.mktemp("fetch") / "clip.mp4")


@pytest.fixture(scope="session")
def other(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fetch") / "other.mp4"
    picture = ("-f", "lavfi", "-i", "testsrc=s=320x180:r=25:d=5", "-c:v", "libx264")
    subprocess.run([ffmpeg, "-v", "error", *picture, "-preset", "ultrafast", path], check=True)
    return path


@pytest.fixture
def attempts(tmp_path: Path) -> Attempts:
    return Attempts(tmp_path)


def test_file(origin: Origin, attempts: Attempts, clip: Path) -> None:
    origin.answers["/clip.mp4"] = Served(clip.read_bytes())
    origin.answers["/moved"] = refusal(302, Location="/clip.mp4")
    heard: list[StepProgress] = []

    done = attempts.run(origin.url("/moved"), heard=heard)

    result = result_of(done)
    assert result["url"] == origin.url("/moved")
    assert result["final_url"] == origin.url("/clip.mp4")
    assert result["etag"] == '"one"'
    assert result["sha256"] == sha256_file(clip) == sha256_file(done.files["fetched"][0])
    media = MediaInfo.from_json(result["media"])
    assert [s.codec for s in media.streams] == ["h264", "aac"]
    assert media.sha256 == result["sha256"]
    assert heard[-1].size_bytes == clip.stat().st_size
    assert heard[-1].fraction == 1.0
    assert not list((attempts.folder / "scratch").glob("*.part"))


@pytest.mark.parametrize(
    "served",
    [
        {},
        {"etag": None, "last_modified": formatdate(1_700_000_000, usegmt=True)},
        {"etag": 'W/"weak"', "last_modified": formatdate(1_700_000_000, usegmt=True)},
    ],
)
def test_resumes(origin: Origin, attempts: Attempts, clip: Path, served: dict[str, Any]) -> None:
    body = clip.read_bytes()
    broken = Served(body, cut_after=10_000, **served)
    origin.answers["/clip.mp4"] = in_turn(broken, Served(body, **served))

    error = failing(attempts, origin.url("/clip.mp4"))
    done = attempts.run(origin.url("/clip.mp4"))

    assert error.code is Code.NETWORK_RESET
    assert error.code.retryable
    assert error.problem.evidence == {"received_bytes": 10_000, "expected_bytes": len(body)}
    assert done.report["fetch"]["resumed_bytes"] == 10_000
    assert origin.requests[1][1]["Range"] == "bytes=10000-"
    assert result_of(done)["sha256"] == sha256_file(clip)


@pytest.mark.parametrize(
    "served",
    [
        {"etag": None},  # nothing proves that it is the same file
        {"ranges": False},
    ],
)
def test_starts_over(
    origin: Origin, attempts: Attempts, clip: Path, served: dict[str, Any]
) -> None:
    body = clip.read_bytes()
    broken = Served(body, cut_after=10_000, **served)
    origin.answers["/clip.mp4"] = in_turn(broken, Served(body, **served))

    failing(attempts, origin.url("/clip.mp4"))
    done = attempts.run(origin.url("/clip.mp4"))

    assert done.report["fetch"]["resumed_bytes"] == 0
    assert result_of(done)["sha256"] == sha256_file(clip)


@pytest.mark.parametrize("obeys_if_range", [True, False])
def test_origin_changed(
    origin: Origin, attempts: Attempts, clip: Path, other: Path, obeys_if_range: bool
) -> None:
    """Half of one file and half of another decode nowhere, yet no server would complain."""
    before = Served(clip.read_bytes(), cut_after=10_000)
    after = Served(other.read_bytes(), etag='"two"', obeys_if_range=obeys_if_range)
    origin.answers["/clip.mp4"] = in_turn(before, after)

    failing(attempts, origin.url("/clip.mp4"))
    done = attempts.run(origin.url("/clip.mp4"))

    assert done.report["fetch"]["resumed_bytes"] == 0
    assert result_of(done)["sha256"] == sha256_file(other)
    assert result_of(done)["etag"] == '"two"'


def test_same_tag_for_another_length(
    origin: Origin, attempts: Attempts, clip: Path, other: Path
) -> None:
    """A server whose ETags do not change with the file: the length gives it away."""
    assert clip.stat().st_size != other.stat().st_size
    before = Served(clip.read_bytes(), cut_after=10_000)
    origin.answers["/clip.mp4"] = in_turn(before, Served(other.read_bytes()))

    failing(attempts, origin.url("/clip.mp4"))
    done = attempts.run(origin.url("/clip.mp4"))

    assert result_of(done)["sha256"] == sha256_file(other)


def test_shorter_now(origin: Origin, attempts: Attempts, clip: Path) -> None:
    """More is here than the origin has now: 416."""
    long = clip.read_bytes() + bytes(500_000)
    before = Served(long, cut_after=len(long) - 5)
    gone = refusal(416)
    origin.answers["/clip.mp4"] = in_turn(before, gone, Served(clip.read_bytes(), etag='"two"'))

    failing(attempts, origin.url("/clip.mp4"))
    done = attempts.run(origin.url("/clip.mp4"))

    assert result_of(done)["sha256"] == sha256_file(clip)


def test_length_unknown(origin: Origin, attempts: Attempts, clip: Path) -> None:
    served = Served(clip.read_bytes(), states_length=False)

    def closing(handler: Any) -> None:
        handler.close_connection = True
        served(handler)

    origin.answers["/clip.mp4"] = closing

    assert result_of(attempts.run(origin.url("/clip.mp4")))["sha256"] == sha256_file(clip)


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (401, Code.HTTP_FORBIDDEN, False),
        (403, Code.HTTP_FORBIDDEN, False),
        (404, Code.HTTP_NOT_FOUND, False),
        (410, Code.HTTP_NOT_FOUND, False),
        (418, Code.HTTP_STATUS, False),
        (429, Code.HTTP_RATE_LIMITED, True),
        (500, Code.HTTP_SERVER_ERROR, True),
        (503, Code.HTTP_SERVER_ERROR, True),
    ],
)
def test_refusals(
    origin: Origin, attempts: Attempts, status: int, code: Code, retryable: bool
) -> None:
    origin.answers["/clip.mp4"] = refusal(status)

    error = failing(attempts, origin.url("/clip.mp4"))

    assert error.code is code
    assert error.code.retryable is retryable
    assert error.problem.evidence["status"] == status
    assert "retry_after_s" not in error.problem.evidence


def test_server_recovers(origin: Origin, attempts: Attempts, clip: Path) -> None:
    busy = refusal(503, Retry_After="7")
    limited = refusal(429, Retry_After=formatdate(time.time() + 3600, usegmt=True))
    origin.answers["/clip.mp4"] = in_turn(busy, limited, Served(clip.read_bytes()))

    first = failing(attempts, origin.url("/clip.mp4"))
    second = failing(attempts, origin.url("/clip.mp4"))
    done = attempts.run(origin.url("/clip.mp4"))

    assert first.problem.evidence["retry_after_s"] == 7
    assert 3000 < second.problem.evidence["retry_after_s"] <= 3600
    assert result_of(done)["sha256"] == sha256_file(clip)


def test_redirect_loop(origin: Origin, attempts: Attempts) -> None:
    origin.answers["/a"] = refusal(302, Location="/b")
    origin.answers["/b"] = refusal(302, Location="/a")

    error = failing(attempts, origin.url("/a"))

    assert error.code is Code.HTTP_STATUS
    assert "in a circle" in str(error)
    assert len(origin.requests) == 2


def test_endless_redirects(origin: Origin, attempts: Attempts) -> None:
    for n in range(30):
        origin.answers[f"/{n}"] = refusal(307, Location=f"/{n + 1}")

    error = failing(attempts, origin.url("/0"))

    assert "more than 10 times" in str(error)
    assert len(origin.requests) == 11


@pytest.mark.attack
@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x/"])
def test_redirect_out_of_http(origin: Origin, attempts: Attempts, target: str) -> None:
    origin.answers["/a"] = refusal(302, Location=target)

    assert failing(attempts, origin.url("/a")).code is Code.INPUT_SCHEME


def test_secrets_stay_with_their_host(origin: Origin, attempts: Attempts, clip: Path) -> None:
    with serving() as elsewhere:
        elsewhere.answers["/clip.mp4"] = Served(clip.read_bytes())
        origin.answers["/a"] = refusal(302, Location="/b")
        origin.answers["/b"] = refusal(302, Location=elsewhere.url("/clip.mp4"))

        attempts.run(origin.url("/a"), headers={"Authorization": "Bearer secret"})

        assert [h.get("Authorization") for _, h in origin.requests] == ["Bearer secret"] * 2
        assert "Authorization" not in elsewhere.requests[0][1]


@pytest.mark.parametrize("states_length", [True, False])
def test_too_large(origin: Origin, attempts: Attempts, clip: Path, states_length: bool) -> None:
    def closing(handler: Any) -> None:
        handler.close_connection = True
        Served(clip.read_bytes(), states_length=states_length)(handler)

    origin.answers["/clip.mp4"] = closing

    error = failing(attempts, origin.url("/clip.mp4"), max_bytes=20_000)

    assert error.code is Code.MEDIA_TOO_LARGE
    assert not list((attempts.folder / "scratch").glob("*.part"))


def test_another_digest(origin: Origin, attempts: Attempts, clip: Path) -> None:
    origin.answers["/clip.mp4"] = Served(clip.read_bytes())

    error = failing(attempts, origin.url("/clip.mp4"), sha256="0" * 64)

    assert error.code is Code.OUTPUT_MISMATCH
    done = attempts.run(origin.url("/clip.mp4"), sha256=sha256_file(clip).upper())
    assert result_of(done)["sha256"] == sha256_file(clip)


def test_empty(origin: Origin, attempts: Attempts) -> None:
    origin.answers["/clip.mp4"] = Served(b"")

    assert failing(attempts, origin.url("/clip.mp4")).code is Code.INPUT_EMPTY


def test_nobody_there(attempts: Attempts) -> None:
    with serving() as gone:
        url = gone.url("/clip.mp4")

    error = failing(attempts, url)

    assert error.code is Code.NETWORK_UNREACHABLE
    assert error.code.retryable


def test_no_secure_connection(origin: Origin, attempts: Attempts, clip: Path) -> None:
    origin.answers["/clip.mp4"] = Served(clip.read_bytes())

    error = failing(attempts, origin.url("/clip.mp4").replace("http:", "https:"))

    assert error.code is Code.TLS_INVALID


def test_cancelled_in_the_middle(origin: Origin, attempts: Attempts, clip: Path) -> None:
    served = Served(clip.read_bytes(), pause=threading.Event())
    origin.answers["/clip.mp4"] = served

    async def cancel() -> None:
        running = asyncio.ensure_future(attempts.start(origin.url("/clip.mp4")))
        await asyncio.to_thread(served.half_sent.wait, 30)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancel())
    assert served.pause is not None
    served.pause.set()
    origin.answers["/clip.mp4"] = Served(clip.read_bytes())

    done = attempts.run(origin.url("/clip.mp4"))

    assert result_of(done)["sha256"] == sha256_file(clip)


_KILLED = """
import asyncio, sys
from pathlib import Path
from tests.runners.fetch_attempts import Attempts
Attempts(Path(sys.argv[1])).run(sys.argv[2])
"""


@pytest.mark.faults
def test_killed_in_the_middle(origin: Origin, tmp_path: Path, clip: Path) -> None:
    body = clip.read_bytes()
    served = Served(body, pause=threading.Event())
    origin.answers["/clip.mp4"] = served
    root = Path(__file__).resolve().parents[2]
    victim = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(tmp_path), origin.url("/clip.mp4")],
        cwd=root,
        start_new_session=True,
    )
    assert served.half_sent.wait(30)
    part = _grown(tmp_path / "scratch", len(body) // 2)
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    assert served.pause is not None
    served.pause.set()
    _unlocked(part)
    origin.answers["/clip.mp4"] = Served(body)

    again = Attempts(tmp_path)
    again.count = 1
    done = again.run(origin.url("/clip.mp4"))

    assert done.report["fetch"]["resumed_bytes"] >= len(body) // 2
    assert result_of(done)["sha256"] == sha256_file(clip)


def _grown(scratch: Path, size_bytes: int) -> Path:
    """Waits until the half download holds what was sent."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for part in scratch.glob("*.part"):
            if part.stat().st_size >= size_bytes:
                return part
        time.sleep(0.02)
    raise AssertionError("nothing arrived")


def _unlocked(part: Path) -> None:
    """Waits until the orphaned child is gone, which the guard sees to."""
    import fcntl

    with part.with_suffix(".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
