"""Jobs from submission to delivered files, through the real store, executor and blobs."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from reelwright.engine.events import JobChanged, JobProgress, OutputDelivered, StepChanged
from reelwright.engine.submission import NewJob, plan_of
from reelwright.errors import Code, ReelError
from reelwright.planning.plan import Delivery, Plan, StepInput
from reelwright.store import attempts, jobs, rates, steps
from reelwright.store.states import JobState, StepState
from tests.engine.jobs import World, plan, run_shell, shell, wait


def test_a_job_runs_its_steps_and_delivers(everywhere: World, tmp_path: Path) -> None:
    target = tmp_path / "out" / "both.txt"
    made = [
        shell("a", "printf a > out"),
        shell("b", "printf b > out"),
        shell("both", "cat $in_a $in_b > out", needs=["a", "b"]),
    ]
    job = everywhere.go(plan(made, {"both": target}))
    assert job.state is JobState.SUCCEEDED
    assert job.fraction == 1.0
    assert target.read_text() == "ab"
    states = [e.state for e in everywhere.states(JobChanged)]
    assert states == ["queued", "running", "succeeded"]
    ran = [e.key for e in everywhere.states(StepChanged) if e.state == "succeeded"]
    assert sorted(ran[:2]) == ["a", "b"]
    assert ran[2:] == ["both", ":deliver"]
    assert [e.path for e in everywhere.states(OutputDelivered)] == [str(target)]
    assert not list(everywhere.settings.workspaces.iterdir())


def test_events_in_the_table_are_those_of_the_callback(everywhere: World, tmp_path: Path) -> None:
    job = everywhere.go(plan([shell("a", "printf a > out")], {"a": tmp_path / "a"}))
    with everywhere.store.read() as tx:
        rows = jobs.events_after(tx, job.id)
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    told = [e for e in everywhere.events if not isinstance(e, JobProgress)]
    assert len(rows) == len(told)
    assert [row.at for row in rows] == sorted(row.at for row in rows)


def test_a_failed_step_fails_the_job_and_cancels_the_rest(everywhere: World) -> None:
    made = [
        shell("bad", "exit 3"),
        shell("after", "printf x > out", needs=["bad"]),
        shell("beside", "sleep 30; printf x > out"),
    ]
    job = everywhere.go(plan(made))
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert (job.error["code"], job.error["where"]) == ("tool_failed", "bad")
    found = {key: row.state for key, row in everywhere.steps(job.id).items()}
    assert found["bad"] is StepState.FAILED
    assert {found[k] for k in ("after", "beside", ":deliver")} == {StepState.CANCELLED}


def test_a_mistake_in_a_runner_is_told_with_its_traceback(here: World) -> None:
    async def broken(_step: object, _context: object) -> None:
        raise ValueError("what now")

    async def go() -> dict[str, object]:
        engine = here.engine(run_step=broken)
        job = await here.run(engine, plan([shell("a", "")]))
        await engine.close()
        return dict(job.error or {})

    error = wait(go())
    assert error["code"] == "internal"
    assert "what now" in str(error["evidence"])


def test_a_step_that_leaves_out_an_output_fails(here: World) -> None:
    job = here.go(plan([shell("a", "true", outputs=["out"])]))
    # `run_shell` globs, so a missing file is an output without files: the delivery misses it.
    assert job.state is JobState.SUCCEEDED
    job = here.go(
        Plan(
            steps=(shell("b", "true"),),
            deliveries=(Delivery(index=0, step="b", output="other", to="/x"),),
        )
    )
    assert (job.error or {})["code"] == "artifact_damaged"


def test_what_the_plan_said_can_be_read_again(here: World, tmp_path: Path) -> None:
    made = plan([shell("a", "printf a > out")], {"a": tmp_path / "a"}, warnings=("hm",))
    job = here.go(made, labels={"who": "me"}, spec={"outputs": []}, priority=3)
    with here.store.read() as tx:
        found = jobs.get(tx, job.id)
        assert plan_of(found, steps.of_job(tx, job.id)) == made
    assert (found.labels, found.spec, found.priority) == ({"who": "me"}, {"outputs": []}, 3)


READS_MANY = replace(
    shell("b", "", needs=["a"]),
    inputs=(StepInput(name="in0", step="a", output="out%06d.png"),),
)


@pytest.mark.parametrize(
    "made",
    [
        plan([shell("b", "", needs=["a"])]),
        plan([shell("a", ""), shell("a", "")]),
        plan([shell("a", "")], {"other": Path("/x")}),
        plan([shell(":deliver", "")]),
        plan([shell("a", "", outputs=["out%06d.png"]), READS_MANY]),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(here: World, made: Plan) -> None:
    engine_error = None
    try:
        here.go(made)
    except ReelError as error:
        engine_error = error.code
    assert engine_error is Code.PLAN_INVALID
    with here.store.read() as tx:
        assert jobs.listing(tx) == []


def test_a_step_that_needs_more_memory_than_there_is_is_refused(here: World) -> None:
    with pytest.raises(ReelError) as caught:
        here.go(plan([shell("big", "", memory_bytes=2 << 30)]))
    assert caught.value.code is Code.NEEDS_TOO_MUCH


def test_attempts_keep_their_log_and_usage(here: World) -> None:
    job = here.go(plan([shell("a", "echo hello > $log; printf a > out")]))
    row = here.steps(job.id)["a"]
    with here.store.read() as tx:
        (tried,) = attempts.of_step(tx, row.id)
    assert Path(tried.log).read_text() == "hello\n"
    assert tried.cpu_seconds == row.cpu_seconds == 0.01
    assert tried.state == "succeeded"


def test_what_steps_teach_is_remembered(here: World) -> None:
    async def go() -> None:
        engine = here.engine(learn=lambda step, result: {f"cost {step.id}": 2.5})
        await here.run(engine, plan([shell("a", "printf a > out")]))
        await engine.close()

    wait(go())
    with here.store.read() as tx:
        assert rates.learned(tx) == {"cost a": (2.5, 0.0)}


def test_an_unknown_job_is_named_so(here: World) -> None:
    async def go() -> None:
        await here.engine().run_job("nothing")

    with pytest.raises(ReelError) as caught:
        wait(go())
    assert caught.value.code is Code.JOB_UNKNOWN


def test_all_unfinished_jobs_run_by_priority(here: World, tmp_path: Path) -> None:
    order = tmp_path / "order"

    async def go() -> None:
        engine = here.engine()
        for name, priority in (("low", 0), ("high", 9), ("middle", 5)):
            step = shell(name, f"echo {name} >> {order}; printf x > out", threads=2)
            engine.submit(NewJob(plan=plan([step]), priority=priority))
        await engine.run_until_idle()
        await engine.close()

    wait(go())
    assert order.read_text().split() == ["high", "middle", "low"]


def test_the_runner_sees_results_and_files_of_its_needs(here: World, tmp_path: Path) -> None:
    seen: dict[str, object] = {}

    async def look(step: object, context: object) -> object:
        from reelwright.planning.plan import Step
        from reelwright.runners.context import StepContext

        assert isinstance(step, Step)
        assert isinstance(context, StepContext)
        if step.id == "b":
            seen.update(results=dict(context.results), file=context.files["a"].read_text())
            assert await context.heartbeat()  # type: ignore[misc]
        return await run_shell(step, context)

    async def go() -> None:
        engine = here.engine(run_step=look)
        first = shell("a", 'printf a > out; echo \'{"loud": {"i": -23.5}}\' > result.json')
        await here.run(engine, plan([first, shell("b", "cp $in_a out", needs=["a"])]))
        await engine.close()

    wait(go())
    assert seen == {"results": {"loud": {"i": -23.5}}, "file": "a"}


def test_the_loudness_of_silence_is_kept(everywhere: World) -> None:
    step = shell("a", 'printf a > out; echo \'{"loud": {"i": -Infinity}}\' > result.json')
    job = everywhere.go(plan([step]))
    assert everywhere.steps(job.id)["a"].result == {"loud": {"i": float("-inf")}}


def test_names_that_are_not_utf8_are_delivered(everywhere: World, tmp_path: Path) -> None:
    target = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9 \xff.txt"))
    job = everywhere.go(plan([shell("a", "printf a > out")], {"a": target}))
    assert job.state is JobState.SUCCEEDED, job.error
    assert target.read_text() == "a"
    with everywhere.store.read() as tx:
        assert [file.path for file in jobs.delivered(tx, job.id)] == [str(target)]
