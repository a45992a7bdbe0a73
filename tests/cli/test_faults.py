"""A fault of ours ends in a line that says where its trace is; the trace itself is in a file."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from reelwright.cli.guarded import guarded
from reelwright.cli.terminal import hint
from reelwright.cli.use import opened
from reelwright.errors import Code, Problem


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REEL_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_named: object) -> None:
        raise ZeroDivisionError("our own mistake")

    monkeypatch.setattr("reelwright.app.jobs.recent", fail)


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("words", [["jobs"], ["jobs", "--json"]], ids=str)
def test_a_mistake_is_told_in_a_line(
    home: Path, capfd: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert guarded(words) == 1

    said = "".join(capfd.readouterr())
    place = home / "logs" / "last-fault.txt"
    assert "our own mistake" in said
    assert str(place) in said
    assert "Traceback" not in said
    assert "File " not in said
    assert "ZeroDivisionError" in place.read_text()
    assert "Traceback" in place.read_text()


@pytest.mark.usefixtures("broken")
def test_where_nothing_can_be_written_there_is_no_trace_either(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    home.mkdir()
    (home / "logs").write_text("not a folder")

    assert guarded(["jobs"]) == 1

    said = "".join(capfd.readouterr())
    assert "our own mistake" in said
    assert "Traceback" not in said


def test_what_is_logged_at_the_terminal_goes_to_a_file(
    home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "lastResort", logging.lastResort)
    logger = logging.Logger("alone")  # without pytest's own handlers above it
    with opened():
        try:
            raise ZeroDivisionError("our own mistake")
        except ZeroDivisionError:
            logger.exception("this went wrong")

    assert "".join(capfd.readouterr()) == ""
    (line,) = (home / "logs" / "reel.jsonl").read_text().splitlines()
    assert json.loads(line)["event"] == "this went wrong"
    assert "our own mistake" in json.loads(line)["exception"]


def test_a_fault_of_a_job_names_this_machines_logs_or_those_of_the_service(home: Path) -> None:
    from reelwright.app.told import HINTS

    here = Problem(Code.INTERNAL, "TypeError: x", hint=Code.INTERNAL.hint)
    there = Problem(Code.INTERNAL, "TypeError: x", hint=HINTS[Code.INTERNAL])

    assert str(home / "logs") in hint(here)
    assert str(home) not in hint(there)
