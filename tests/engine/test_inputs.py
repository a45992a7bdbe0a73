"""The job's own inputs: found, the ones that were planned with, and not changed meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reelwright.engine.inputs import local_path
from reelwright.errors import Code, ReelError
from reelwright.media.digest import sha256_file
from reelwright.planning.plan import Step, StepInput
from reelwright.store.states import JobState
from tests.engine.jobs import World, plan, shell


def _reading(path: Path, script: str, sha256: str | None = None) -> Step:
    given = StepInput(name="talk", uri=str(path), sha256=sha256)
    return replace(shell("a", script), inputs=(given,))


def test_an_input_is_read_where_it_lies(here: World, tmp_path: Path) -> None:
    (tmp_path / "ü talk.mp4").write_text("hello")
    step = _reading(tmp_path / "ü talk.mp4", 'cat $in_talk >/dev/null; cat "$in_talk" > out')
    step = replace(step, commands=(('cat "$in_talk" > out',),))
    job = here.go(plan([step], {"a": tmp_path / "copy"}))
    assert job.state is JobState.SUCCEEDED, job.error
    assert (tmp_path / "copy").read_text() == "hello"


def test_an_input_that_is_gone_is_named(here: World, tmp_path: Path) -> None:
    job = here.go(plan([_reading(tmp_path / "gone", "true")]))
    assert (job.error or {})["code"] == "input_not_found"


def test_an_input_that_is_not_the_planned_one_is_refused(here: World, tmp_path: Path) -> None:
    path = tmp_path / "talk"
    path.write_text("one")
    planned = sha256_file(path)
    path.write_text("two")
    job = here.go(plan([_reading(path, "cp $in_talk out", planned)]))
    assert (job.error or {})["code"] == "input_changed"


def test_an_input_that_changes_while_it_is_read_is_refused(here: World, tmp_path: Path) -> None:
    path = tmp_path / "talk"
    path.write_text("one")
    step = _reading(path, "cp $in_talk out; echo more >> $in_talk", sha256_file(path))
    job = here.go(plan([step], {"a": tmp_path / "copy"}))
    assert (job.error or {})["code"] == "input_changed"
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    ("uri", "path"), [("/a/b c", "/a/b c"), ("file:///a/b%20c", "/a/b c"), ("file:/a", "/a")]
)
def test_local_paths(uri: str, path: str) -> None:
    assert local_path(uri) == Path(path)


def test_what_is_not_local_has_to_be_fetched_first() -> None:
    with pytest.raises(ReelError) as caught:
        local_path("https://example.org/a.mp4")
    assert caught.value.code is Code.INPUT_SCHEME
