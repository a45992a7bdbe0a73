"""A job that indexes goes on with what a failed step does not concern, and then has failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from reelwright.engine.indexing import Indexed, IndexOrder
from reelwright.media.digest import identity
from reelwright.planning.plan import Plan, Step, StepInput, StepKind
from reelwright.store.rows import Job
from reelwright.store.states import JobState, StepState
from tests.engine.jobs import World, plan, shell, wait, world

SPEC = {"operators": {"words": "transcribe", "seen": "read_text", "one": "index", "two": "index"}}


def index(operation: str, need: str) -> Step:
    return Step(
        id=f"index-{operation}",
        kind=StepKind.INDEX,
        identity=identity([operation]),
        operations=(operation,),
        inputs=(StepInput(name="in0", step=need, output="out"),),
        payload={
            "node": f"{operation}/index",
            "options": {"roles": [need]},
            "reads": [{"file": "in0", "result": None}],
        },
        needs=(need,),
    )


def of(step: Step, operation: str) -> Step:
    return replace(step, operations=(operation,))


def run(here: World, made: Plan, spec: Mapping[str, object]) -> tuple[Job, list[str]]:
    indexed: list[str] = []

    async def note(order: IndexOrder) -> Indexed:
        indexed.append(order.options["roles"][0])
        return Indexed(result={"document": "d", "passages": 1}, commit=lambda tx: None)

    async def go() -> Job:
        engine = here.engine(index=note)
        try:
            return await here.run(engine, made, spec=spec)
        finally:
            await engine.close()

    return wait(go()), indexed


def two_parts(gate: Path) -> Sequence[Step]:
    """`words` fails at once. `seen` begins when that is over, and has a step before it."""
    waits = f"while [ ! -e '{gate}' ]; do sleep 0.05; done; echo seen > out"
    fails = f"touch '{gate}'; exit 3"
    return [
        of(shell("base", "echo base > out"), "base"),
        of(shell("slow", waits), "seen"),
        of(shell("words", fails, needs=["base"]), "words"),
        of(shell("more", "cat $in_words > out", needs=["words"]), "words"),
        index("one", "more"),
        of(shell("seen", "cat $in_slow > out", needs=["slow"]), "seen"),
        index("two", "seen"),
    ]


def test_what_does_not_need_the_failed_step_is_indexed(tmp_path: Path) -> None:
    here = world(tmp_path)
    job, indexed = run(here, plan(two_parts(tmp_path / "gate")), SPEC)

    assert (job.state, indexed) == (JobState.FAILED, ["seen"])
    assert job.error is not None
    assert job.error["code"] == "tool_failed"
    states = {key: row.state for key, row in here.steps(job.id).items()}
    assert states["words"] is StepState.FAILED
    assert states["index-two"] is StepState.SUCCEEDED
    assert states["more"] is states["index-one"] is StepState.CANCELLED


def test_trying_again_does_what_is_left(tmp_path: Path) -> None:
    here = world(tmp_path)
    gate = tmp_path / "gate"
    steps = list(two_parts(gate))
    mended = tmp_path / "mended"
    fails = f"touch '{gate}'; [ -e '{mended}' ] || exit 3; echo said > out"
    steps[2] = of(shell("words", fails, needs=["base"]), "words")
    job, indexed = run(here, plan(steps), SPEC)
    assert (job.state, indexed) == (JobState.FAILED, ["seen"])

    mended.touch()
    again: list[str] = []

    async def note(order: IndexOrder) -> Indexed:
        again.append(order.options["roles"][0])
        return Indexed(result={}, commit=lambda tx: None)

    async def go() -> Job:
        engine = here.engine(index=note)
        try:
            engine.retry(job.id)
            return await engine.run_job(job.id)
        finally:
            await engine.close()

    assert wait(go()).state is JobState.SUCCEEDED
    assert again == ["more"]


def test_a_job_that_indexes_nothing_ends_at_its_first_failure(tmp_path: Path) -> None:
    here = world(tmp_path)
    steps = [
        shell("fails", "exit 3"),
        shell("waits", "sleep 600; echo no > out"),
        shell("after", "cat $in_waits > out", needs=["waits"]),
    ]
    job, _ = run(here, plan(steps), {})
    assert job.state is JobState.FAILED
    assert here.steps(job.id)["waits"].state is StepState.CANCELLED
