"""What clients of a service are told: without its folders, in HTTP's words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reelwright.app.told import HINTS, Told, hint
from reelwright.errors import Code

_JOB = "0k8v2b3c4d5e6f7g8"
_HOME = Path("/srv/reel home")
_COMMAND = re.compile("`(reel |--)")
# What routes answer with and jobs fail with, of all codes whose own hint names a command.
_MET = {
    Code.VARIABLE_UNKNOWN,
    Code.OPERATOR_UNKNOWN,
    Code.PORT_UNKNOWN,
    Code.STREAM_MISSING,
    Code.OUTPUT_PATH,
    Code.OUTPUT_EXISTS,
    Code.CONFIG_INVALID,
    Code.USAGE,
    Code.CODEC_UNSUPPORTED,
    Code.ENCODER_MISSING,
    Code.FILTER_MISSING,
    Code.TOOL_MISSING,
    Code.TOOL_VERSION,
    Code.DISK_FULL,
    Code.UNAUTHENTICATED,
    Code.KEY_UNKNOWN,
    Code.WORKER_UNKNOWN,
    Code.WEBHOOK_UNKNOWN,
    Code.CANCELLED,
    Code.JOB_UNKNOWN,
    Code.STEP_UNKNOWN,
    Code.ATTEMPTS_EXHAUSTED,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"/srv/reel home/served/{_JOB}/a/b.mp4 is missing", "a/b.mp4 is missing"),
        (f"'/srv/reel home/served/{_JOB}'", "'.'"),
        (f"file:/srv/reel home/served/{_JOB}/x and y", "file:x and y"),
        ("/srv/reel home/blobs/ab/cd", "blobs/ab/cd"),
        ("/srv/reel home is full", "the service's folder is full"),
        # Neighbours, and places that others have.
        ("/srv/reel home2/x", "/srv/reel home2/x"),
        ("/mnt/srv/reel home/x", "/mnt/srv/reel home/x"),
        ("/srv/media/x.mp4", "/srv/media/x.mp4"),
        ("s3://bucket/srv/reel home/x", "s3://bucket/srv/reel home/x"),
    ],
)
def test_the_services_folders_are_left_out(text: str, expected: str) -> None:
    assert Told(_HOME).text(text) == expected


def test_a_home_behind_a_link_is_known_by_both_its_names(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    link = tmp_path / "link"
    link.symlink_to(real)

    told = Told(link)

    assert told.text(f"{link}/served/{_JOB}/a {real}/served/{_JOB}/b") == "a b"


def test_errors_of_jobs_are_told_in_https_words() -> None:
    error = {
        "code": "attempts_exhausted",
        "message": f"/srv/reel home/served/{_JOB}/a.mp4",
        "where": None,
        "hint": Code.ATTEMPTS_EXHAUSTED.hint,
        "evidence": {"argv": ["-i", f"/srv/reel home/served/{_JOB}/a.mp4"]},
    }

    found = Told(_HOME).error(error)

    assert found is not None
    assert found["message"] == "a.mp4"
    assert found["evidence"] == {"argv": ["-i", "a.mp4"]}
    assert found["hint"] == HINTS[Code.ATTEMPTS_EXHAUSTED]
    own = Told(_HOME).error({**error, "hint": "look at line 3"})
    assert own is not None
    assert own["hint"] == "look at line 3"


def test_no_hint_over_http_names_a_command_or_its_options() -> None:
    assert [code for code in Code if code in _MET and _COMMAND.search(hint(code))] == []
    assert [code for code, text in HINTS.items() if _COMMAND.search(text)] == []
    assert hint(Code.OUTPUT_EXISTS) == "set `overwrite` to true, or choose another path"


def test_traces_of_our_code_stay_with_the_service() -> None:
    error = {
        "code": "internal",
        "message": "ValueError: x",
        "hint": Code.INTERNAL.hint,
        "evidence": {"step": "a", "traceback": "File /usr/lib/…"},
    }

    found = Told(_HOME).error(error)

    assert found is not None
    assert found["evidence"] == {"step": "a"}
