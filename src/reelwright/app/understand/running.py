"""Understands videos in this process, one after another: `reel understand` without a service.

Each is a job of its own. What an earlier run left unfinished is gone on with, what is done is taken
from the cache, and a video that fails stops none of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from reelwright.app.understand.found import count
from reelwright.app.understand.means import means
from reelwright.app.understand.order import LeftOut, Order, Part, Wish, order
from reelwright.errors import Code, Problem, ReelError

if TYPE_CHECKING:
    from reelwright.app.submit import Ended
    from reelwright.app.understand.order import Means
    from reelwright.app.understand.targets import Target
    from reelwright.app.wiring import App
    from reelwright.engine.engine import Engine
    from reelwright.media.info import MediaInfo
    from reelwright.planning.plan import Plan

# What jobs of videos are found by, again and from the work plan.
LABEL = "understand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What became of a video. `state`: succeeded, failed or cancelled; `parts` are indexed, also
    where others failed. `found`: how much of each (``{"shots": 12, "words": 812, …}``)."""

    target: Target
    state: str
    job_id: str | None = None
    subject: str | None = None
    parts: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    found: Mapping[str, Any] = field(default_factory=dict)
    passages: int = 0
    notes: tuple[str, ...] = ()
    problem: Problem | None = None

    def to_json(self) -> dict[str, Any]:
        """A line of `reel understand --json`."""
        return {
            "event": "video",
            "video": self.target.uri,
            "name": self.target.name,
            "state": self.state,
            "subject": self.subject,
            "job": self.job_id,
            "parts": list(self.parts),
            "left_out": [one.to_json() for one in self.left_out],
            "found": dict(self.found),
            "passages": self.passages,
            "notes": list(self.notes),
            "code": None if self.problem is None else self.problem.code.text,
            "error": None if self.problem is None else self.problem.to_json(),
        }


class Shown(Protocol):
    """Who looks on. Called in the event loop's thread."""

    def begins(self, target: Target, number: int, count: int, made: Order) -> None: ...
    def submitted(self, job_id: str, plan: Plan, engine: Engine) -> None: ...
    def on_event(self, event: Any) -> None: ...
    def ended(self, one: Understood) -> None: ...


async def understand(
    app: App,
    found: Sequence[Target],
    wish: Wish,
    shown: Shown,
    *,
    is_stopped: Callable[[], bool] = lambda: False,
    use_cache: bool = True,
) -> list[Understood]:
    """Raises CONFIG_INVALID, TOOL_MISSING, STORE_*. `is_stopped`: no further video is begun."""
    given = means(app)
    done: list[Understood] = []
    for number, target in enumerate(found, 1):
        if is_stopped():
            break
        one = await _one(app, target, wish, given, shown, (number, len(found)), use_cache=use_cache)
        done.append(one)
        shown.ended(one)
    return done


async def _one(
    app: App,
    target: Target,
    wish: Wish,
    given: Means,
    shown: Shown,
    place: tuple[int, int],
    *,
    use_cache: bool,
) -> Understood:
    try:
        made = order(target.uri, await media_of(app, target.uri), wish, given)
        shown.begins(target, *place, made)
        ended = await _run(app, target, made, shown, use_cache=use_cache)
    except ReelError as error:
        if error.code in _OF_ALL:
            raise
        return Understood(target=target, state="failed", problem=error.problem)
    return _told(app, target, made, ended)


# What is wrong with this machine is wrong with each video.
_OF_ALL = frozenset(
    {
        *(Code.STORE_UNAVAILABLE, Code.STORE_VERSION, Code.TOOL_MISSING, Code.CONFIG_INVALID),
        *(Code.SANDBOX_UNAVAILABLE, Code.PERMISSION_DENIED),
    }
)


async def media_of(app: App, uri: str, owner: str | None = None) -> MediaInfo:
    """What is in the video. Raises INPUT_*, MEDIA_*, ASSET_UNKNOWN, FILE_MISSING."""
    from reelwright.app.inputs import find_inputs
    from reelwright.spec.model import InputSpec

    named = InputSpec(name="video", uri=uri)
    found = await find_inputs(app, {"video": named}, owner=owner)
    media = found.media["video"]
    assert not isinstance(media, tuple)
    return media


async def _run(app: App, target: Target, made: Order, shown: Shown, *, use_cache: bool) -> Ended:
    from reelwright.app.request import Request
    from reelwright.app.submit import run_again, submit_and_run

    left = _unfinished(app, target, made) if use_cache else None
    if left is not None:

        async def pick(engine: Engine) -> Sequence[str]:
            await engine.take_up()
            return [left]

        (ended,) = await run_again(app, shown.on_event, pick, shown.submitted)
        return ended
    request = Request(
        text=made.text,
        base=Path.cwd(),
        name=target.name,
        use_cache=use_cache,
        labels=await labels_of(app, target),
    )
    return await submit_and_run(app, request, shown.on_event, shown.submitted)


async def labels_of(app: App, target: Target) -> dict[str, str]:
    """What the job is found by. An asset's say which content of it."""
    from reelwright.app.understand import archived

    asset_id = target.uri.removeprefix("asset:")
    if asset_id == target.uri:
        return {LABEL: target.uri}
    media = await media_of(app, target.uri)
    return archived.labels_of(asset_id, media.sha256)


def _unfinished(app: App, target: Target, made: Order) -> str | None:
    """The job that a killed run left of the same wish."""
    from reelwright.store import jobs
    from reelwright.store.states import JobState

    with app.store.read() as tx:
        open_jobs = jobs.listing(tx, states=[JobState.QUEUED, JobState.RUNNING])
    for job in open_jobs:
        if job.labels.get(LABEL) == target.uri and job.spec.get("text") == made.text:
            return job.id
    return None


def _told(app: App, target: Target, made: Order, ended: Ended) -> Understood:
    job = ended.job
    indexed = indexed_by(app, job.id)
    subject = next((one["subject"] for one in indexed), None)
    notes = dict.fromkeys(note for one in indexed for note in one["notes"])
    parts = {part for one in indexed for part in one["parts"]}
    return Understood(
        target=target,
        state=job.state.value,
        job_id=job.id,
        subject=subject,
        parts=tuple(part.value for part in Part if part.value in parts),
        left_out=made.left_out,
        found={} if subject is None else counted(app, subject, parts),
        # The title is indexed with every part.
        passages=sum(one["passages"] - 1 for one in indexed) + bool(indexed),
        notes=tuple(notes),
        problem=Problem.from_json(job.error) if job.error else None,
    )


def indexed_by(app: App, job_id: str) -> list[dict[str, Any]]:
    """What each `index` of the job has put in."""
    from reelwright.planning.plan import StepKind
    from reelwright.store import steps

    with app.store.read() as tx:
        rows = [row for row in steps.of_job(tx, job_id) if row.kind == StepKind.INDEX]
    return [dict(result) for row in rows if row.result for result in row.result.values()]


def counted(app: App, subject: str, parts: set[str]) -> dict[str, Any]:
    """How much was found of each part."""
    from reelwright.store import analyses

    found: dict[str, Any] = {}
    with app.store.read() as tx:
        for part in sorted(parts):
            kept = analyses.get(tx, subject, part)
            if kept is not None:
                found |= count(part, kept.body)
    return found


__all__ = ["LABEL", "Shown", "Understood", "counted", "indexed_by", "media_of", "understand"]
