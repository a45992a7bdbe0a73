"""The step cache: what did not change is not made again, what somebody changed is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reelwright.engine.events import StepChanged
from reelwright.engine.submission import NewJob
from reelwright.planning.plan import Step
from reelwright.store import artifacts
from reelwright.store.blobs import Blobs
from reelwright.store.prune import prune
from reelwright.store.states import JobState, StepState
from tests.engine.jobs import World, plan, shell, wait


def _ran(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


@pytest.fixture
def chain(tmp_path: Path) -> list[Step]:
    count = tmp_path / "count"
    return [
        shell("a", f"echo a >> {count}; printf a > out"),
        shell("b", f"echo b >> {count}; cat $in_a > out; printf b >> out", needs=["a"]),
        shell("c", f"echo c >> {count}; cat $in_b > out; printf c >> out", needs=["b"]),
    ]


def test_a_second_run_starts_nothing(everywhere: World, tmp_path: Path, chain: list[Step]) -> None:
    everywhere.go(plan(chain, {"c": tmp_path / "one"}))
    job = everywhere.go(plan(chain, {"c": tmp_path / "two"}))
    assert _ran(tmp_path / "count") == ["a", "b", "c"]
    assert (tmp_path / "two").read_text() == "abc"
    states = {key: row.state for key, row in everywhere.steps(job.id).items()}
    assert states["c"] is StepState.CACHED


def test_only_what_changed_is_made_again(here: World, tmp_path: Path, chain: list[Step]) -> None:
    here.go(plan(chain, {"c": tmp_path / "one"}))
    other = shell("c", f"echo c2 >> {tmp_path / 'count'}; cp $in_b out", needs=["b"], salt="2")
    here.go(plan([*chain[:2], other], {"c": tmp_path / "two"}))
    assert _ran(tmp_path / "count") == ["a", "b", "c", "c2"]


def test_pruned_intermediates_are_not_missed(
    here: World, tmp_path: Path, chain: list[Step]
) -> None:
    here.go(plan(chain, {"c": tmp_path / "one"}))
    with here.store.write() as tx:
        for step in chain[:2]:
            (file,) = artifacts.outcomes_of(tx, [step.identity])[step.identity].artifacts
            artifacts.drop(tx, file.sha256)
            here.blobs.remove(file.sha256)
    job = here.go(plan(chain, {"c": tmp_path / "two"}))
    assert _ran(tmp_path / "count") == ["a", "b", "c"]
    states = {key: row.state for key, row in here.steps(job.id).items()}
    assert (states["a"], states["b"]) == (StepState.SKIPPED, StepState.SKIPPED)
    assert (tmp_path / "two").read_text() == "abc"


def test_results_come_from_the_cache_too(here: World) -> None:
    step = shell("a", "printf a > out; echo '{\"n\": [1]}' > result.json")
    here.go(plan([step]))
    job = here.go(plan([step]))
    row = here.steps(job.id)["a"]
    assert (row.state, row.result, row.report) == (StepState.CACHED, {"n": [1]}, {"log": "said"})


def test_an_edited_output_does_not_poison_the_cache(
    here: World, tmp_path: Path, chain: list[Step]
) -> None:
    """A delivered file may be a hard link to the stored one."""
    target = tmp_path / "one"
    here.go(plan(chain, {"c": target}))
    with target.open("r+") as file:
        file.write("XYZ")  # same size
    os.utime(target, ns=(1, 1))
    here.go(plan(chain, {"c": tmp_path / "two"}))
    assert (tmp_path / "two").read_text() == "abc"
    assert _ran(tmp_path / "count")[:3] == ["a", "b", "c"]


def test_an_artifact_that_goes_while_the_job_runs_is_made_again(
    here: World, tmp_path: Path
) -> None:
    count = tmp_path / "count"
    first = shell("a", f"echo a >> {count}; printf a > out")
    # b takes the file of a away; c then needs it.
    thief = shell(
        "b",
        f"test -e {tmp_path / 'done'} || rm $in_a; touch {tmp_path / 'done'}; printf b > out",
        needs=["a"],
    )
    last = shell("c", "cat $in_a $in_b > out", needs=["a", "b"])
    job = here.go(plan([first, thief, last], {"c": tmp_path / "c"}))
    assert job.state is JobState.SUCCEEDED, job.error
    assert (tmp_path / "c").read_text() == "ab"
    assert _ran(count) == ["a", "a"]


def test_two_jobs_that_want_the_same_make_it_once(here: World, tmp_path: Path) -> None:
    count = tmp_path / "count"
    step = shell("a", f"echo a >> {count}; sleep 0.2; printf a > out")

    async def go() -> None:
        engine = here.engine()
        for name in ("one", "two"):
            engine.submit(NewJob(plan=plan([step], {"a": tmp_path / name})))
        await engine.run_until_idle()
        await engine.close()

    wait(go())
    assert _ran(count) == ["a"]
    assert (tmp_path / "one").read_text() == (tmp_path / "two").read_text() == "a"
    assert [e.state for e in here.states(StepChanged) if e.key == "a"].count("cached") == 1


def test_pruning_spares_what_unfinished_jobs_need(here: World, tmp_path: Path) -> None:
    old, new = shell("a", "printf old > out"), shell("a", "printf newer > out")
    here.go(plan([old]))
    here.go(plan([new]))

    async def submit() -> None:
        here.engine().submit(NewJob(plan=plan([new])))

    wait(submit())
    pruned = prune(here.store, here.blobs, limit_bytes=0)
    assert (pruned.files, pruned.size_bytes) == (1, 3)
    with here.store.read() as tx:
        assert set(artifacts.outcomes_of(tx, [old.identity, new.identity])) == {new.identity}


def test_pruning_takes_the_least_recently_used_first(here: World) -> None:
    made = [shell("a", f"printf {name * 10} > out") for name in "xyz"]
    for step in made:
        here.go(plan([step]))
    here.go(plan([made[0]]))  # used again
    prune(here.store, here.blobs, limit_bytes=20)
    with here.store.read() as tx:
        left = set(artifacts.outcomes_of(tx, [s.identity for s in made]))
    assert left == {made[0].identity, made[2].identity}


def test_the_cache_stays_within_its_limit(tmp_path: Path) -> None:
    from tests.engine.jobs import world

    here = world(tmp_path / "home", cache_bytes=15)
    for name in "xyz":
        here.go(plan([shell("a", f"printf {name * 10} > out")]))
    with here.store.read() as tx:
        assert artifacts.totals(tx) == (1, 10)
    assert len(list(Blobs(here.blobs.root).stored())) == 1
