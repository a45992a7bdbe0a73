"""Plans that grow: what a step found decides the steps that follow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reelwright.engine.events import PlanRevised
from reelwright.errors import Code, ReelError
from reelwright.media.digest import identity
from reelwright.planning.plan import Delivery, Plan, Step, StepKind
from reelwright.store.states import JobState, StepState
from tests.engine.jobs import World, shell, wait


def _open(key: str, *needs: str) -> Step:
    return Step(
        id=key, kind=StepKind.UNRESOLVED, identity=identity(["open", key]), needs=tuple(needs)
    )


def _finder(tmp_path: Path, found: str = '{"shots": [1, 2, 3]}') -> Step:
    return shell(
        "find", f"echo x >> {tmp_path / 'count'}; printf f > out; echo '{found}' > result.json"
    )


class Planner:
    """A pure planner: a cut for each shot that `find` saw, then a join that needs them all."""

    def __init__(self, tmp_path: Path) -> None:
        self.find = _finder(tmp_path)
        self.target = tmp_path / "out"
        self.calls = 0

    def first(self) -> Plan:
        return Plan(steps=(self.find, _open("cuts", "find")), unresolved={"cuts": ("shots",)})

    def again(self, _job_id: str, results: Mapping[str, Any]) -> Plan:
        self.calls += 1
        cuts = tuple(
            shell(f"cut-{n}", f"cat $in_find > out; printf {n} >> out", needs=["find"])
            for n in results["shots"]
        )
        to = tuple(
            Delivery(index=0, step=c.id, output="out", to=f"{self.target}-{{index}}", first=n)
            for n, c in enumerate(cuts, start=1)
        )
        return Plan(revision=2, steps=(self.find, *cuts), deliveries=to)


def _run(here: World, planner: Any) -> Any:
    async def go() -> Any:
        engine = here.engine(replan=planner.again)
        job = await here.run(engine, planner.first())
        await engine.close()
        return job

    return wait(go())


def test_results_decide_the_next_steps(everywhere: World, tmp_path: Path) -> None:
    planner = Planner(tmp_path)
    job = _run(everywhere, planner)
    assert job.state is JobState.SUCCEEDED, job.error
    assert [Path(f"{planner.target}-{n}").read_text() for n in (1, 2, 3)] == ["f1", "f2", "f3"]
    assert (job.revision, planner.calls) == (2, 1)
    states = {key: row.state for key, row in everywhere.steps(job.id).items()}
    assert states["cuts"] is StepState.EXPANDED
    assert states["find"] is StepState.SUCCEEDED
    (told,) = everywhere.states(PlanRevised)
    assert (told.revision, told.added) == (2, ("cut-1", "cut-2", "cut-3"))


def test_what_waited_with_others_may_wait_alone_again(here: World, tmp_path: Path) -> None:
    """`join` waits for itself, then with `cuts`, then for itself: it is not forgotten."""
    find = shell("find", "printf f > out; echo '{\"shots\": 1}' > result.json")
    more = shell("more", "printf m > out; echo '{\"more\": 1}' > result.json", needs=["find"])
    last = shell("last", "printf l > out; echo '{\"last\": 1}' > result.json", needs=["more"])
    join = shell("join", "cat $in_last > out", needs=["last"])
    target = tmp_path / "joined"

    class Growing:
        def first(self) -> Plan:
            waits = {"cuts": ("shots",), "join": ("more",)}
            return Plan(steps=(find, _open("cuts", "find"), _open("join")), unresolved=waits)

        def again(self, _job_id: str, results: Mapping[str, Any]) -> Plan:
            if "more" not in results:
                waits = {"cuts": ("more",), "join": ("more",)}
                return Plan(revision=2, steps=(find, more, _open("cuts")), unresolved=waits)
            if "last" not in results:
                again = (find, more, last, _open("join"))
                return Plan(revision=3, steps=again, unresolved={"join": ("last",)})
            to = (Delivery(index=0, step="join", output="out", to=str(target)),)
            return Plan(revision=4, steps=(find, more, last, join), deliveries=to)

    job = _run(here, Growing())
    assert job.state is JobState.SUCCEEDED, job.error
    assert target.read_text() == "l"


def test_a_cached_result_decides_too(here: World, tmp_path: Path) -> None:
    planner = Planner(tmp_path)
    _run(here, planner)
    job = _run(here, planner)
    assert job.state is JobState.SUCCEEDED
    assert (tmp_path / "count").read_text() == "x\n"
    states = {key: row.state for key, row in here.steps(job.id).items()}
    assert states["cut-2"] is StepState.CACHED


def test_a_planner_that_gets_nowhere_is_stopped(here: World, tmp_path: Path) -> None:
    class Stuck(Planner):
        def again(self, _job_id: str, results: Mapping[str, Any]) -> Plan:
            first = self.first()
            return Plan(revision=2, steps=first.steps, unresolved=first.unresolved)

    job = _run(here, Stuck(tmp_path))
    assert (job.error or {})["code"] == "plan_invalid"


def test_a_planner_that_refuses_fails_the_job(here: World, tmp_path: Path) -> None:
    class Refusing(Planner):
        def again(self, _job_id: str, results: Mapping[str, Any]) -> Plan:
            raise ReelError(Code.RANGE_EMPTY, "no shots", where="operations[1]")

    job = _run(here, Refusing(tmp_path))
    assert (job.state, (job.error or {})["code"]) == (JobState.FAILED, "range_empty")
    assert here.steps(job.id)["cuts"].state is StepState.CANCELLED


def test_a_result_that_never_comes_fails_the_job(here: World, tmp_path: Path) -> None:
    planner = Planner(tmp_path)
    planner.find = _finder(tmp_path, "{}")
    job = _run(here, planner)
    assert (job.error or {})["code"] == "plan_invalid"
    assert "shots" not in (job.error or {})["message"]
    assert "cuts" in (job.error or {})["message"]


def test_a_revision_may_not_change_what_was_done(here: World, tmp_path: Path) -> None:
    class Liar(Planner):
        def again(self, _job_id: str, results: Mapping[str, Any]) -> Plan:
            return Plan(revision=2, steps=(shell("find", "other"),))

    job = _run(here, Liar(tmp_path))
    assert (job.error or {})["code"] == "plan_invalid"


def test_steps_that_wait_take_what_the_revision_says(here: World, tmp_path: Path) -> None:
    """Two stages: `mid` waits for `find` and is rewritten, `late` is still open after that."""

    class Stages(Planner):
        def first(self) -> Plan:
            return Plan(
                steps=(self.find, _open("mid", "find"), _open("late", "find")),
                unresolved={"mid": ("shots",), "late": ("more",)},
            )

        def again(self, _job_id: str, results: Mapping[str, Any]) -> Plan:
            self.calls += 1
            more = "echo '{\"more\": 1}' > result.json"
            mid = shell("mid", f"cat $in_find > out; {more}", needs=["find"])
            if "more" not in results:
                return Plan(
                    revision=2,
                    steps=(self.find, mid, _open("late", "mid")),
                    unresolved={"late": ("more",)},
                )
            late = shell("late", "cat $in_mid > out; printf ! >> out", needs=["mid"])
            to = (Delivery(index=0, step="late", output="out", to=str(self.target)),)
            return Plan(revision=3, steps=(self.find, mid, late), deliveries=to)

    planner = Stages(tmp_path)
    job = _run(here, planner)
    assert job.state is JobState.SUCCEEDED, job.error
    assert (planner.target.read_text(), planner.calls) == ("f!", 2)
