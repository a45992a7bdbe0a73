"""Videos that a service understands: its assets, and files of this machine, which go there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.app.understand.order import LeftOut, Order, Part, parts_of
from reelwright.app.understand.running import Understood
from reelwright.app.understand.targets import Target as Video
from reelwright.cli.choice import Target
from reelwright.cli.interrupts import Interrupts, Resumable
from reelwright.cli.remote import watching
from reelwright.cli.remote.archiving import problem_of
from reelwright.cli.remote.library import identify
from reelwright.cli.remote.running import Canceller
from reelwright.cli.remote.session import be_patient, greet, linked
from reelwright.cli.remote.transfers import Transfers
from reelwright.cli.understand_shown import Display, display
from reelwright.client import models
from reelwright.client.asynchronous.client import AsyncClient
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.understand.order import Wish
    from reelwright.cli.understanding import Arguments

_ASSET = "asset:"
_INDEX = "index"


def understand(target: Target, arguments: Arguments, wish: Wish) -> int:
    """As `cli.understanding.understand`: gives the exit code. Raises ReelError."""
    from reelwright.cli.understanding import code_of

    _refuse(arguments)
    interrupts = Interrupts()
    jobs = Resumable(interrupts)
    shown = display(jobs.running, as_json=arguments.as_json)

    async def work() -> list[Understood]:
        done: list[Understood] = []
        async with linked(target) as client:
            await greet(client, as_json=arguments.as_json)
            videos = await _videos(client, arguments.videos)
            for number, video in enumerate(videos, 1):
                if jobs.stopped:
                    break
                one = _One(client, arguments, wish, shown, (number, len(videos)))
                done.append(await one.understood(video))
                shown.ended(done[-1])
        return done

    try:
        done = interrupts.run(work())
        shown.all_ended(done, len(set(arguments.videos)))
    finally:
        shown.close()
    return code_of(done)


def _refuse(arguments: Arguments) -> None:
    """Raises USAGE for what is about this machine."""
    for option, is_given, why in (
        ("--quote", arguments.quote, "the service's models have the service's prices"),
        ("--sandbox", arguments.sandbox is not None, "the walls are those of the server"),
    ):
        if is_given:
            said = f"{option} does not go with --server: {why}"
            raise ReelError(Code.USAGE, said, where=option, hint="leave it out")
    if len(set(arguments.videos)) > 1 and arguments.title is not None:
        said = f"{len(set(arguments.videos))} videos cannot have one title"
        raise ReelError(Code.USAGE, said, where="--title", hint="name one video")


async def _videos(client: AsyncClient, named: Sequence[str]) -> list[Video]:
    """Each once. Raises INPUT_NOT_FOUND, INPUT_IS_DIRECTORY, ASSET_UNKNOWN."""
    found: dict[str, Video] = {}
    for text in named:
        if text.startswith(_ASSET):
            asset_id = await identify(client, text.removeprefix(_ASSET).partition("/")[0])
            asset = await client.get_asset(asset_id)
            found[asset_id] = Video(f"{_ASSET}{asset_id}", asset.title)
            continue
        video = _file(text)
        found[video.uri] = video
    return list(found.values())


def _file(text: str) -> Video:
    from reelwright.app.inputs import existing

    path = existing(Path(text.removeprefix("file://")).expanduser().absolute())
    if path.is_dir():
        said = f"{path} is a folder; to a service files are handed one by one"
        hint = "name its files: FOLDER/*.mp4"
        raise ReelError(Code.INPUT_IS_DIRECTORY, said, where=text, hint=hint)
    return Video(str(path), path.name)


@dataclass(slots=True)
class _One:
    """A video on its way."""

    client: AsyncClient
    arguments: Arguments
    wish: Wish
    shown: Display
    place: tuple[int, int]

    async def understood(self, video: Video) -> Understood:
        """Raises where the service is not there; what is wrong with a video is told of it."""
        try:
            uri = await self._there(video)
            asked = await self._asked(uri, self.wish.title or video.name)
        except ReelError as error:
            if error.code in _OF_ALL:
                raise
            return Understood(target=video, state="failed", problem=error.problem)
        left_out = tuple(LeftOut(Part(one.part), one.why) for one in asked.left_out)
        made = Order(text="", parts=parts_of(asked.parts), left_out=left_out)
        self.shown.begins(video, *self.place, made)
        be_patient(self.client)
        watch: Any = _Watch(self.shown, self.client)
        job = await watching.follow(self.client, asked.job.id, watch)
        return await self._told(video, job, left_out)

    async def _there(self, video: Video) -> str:
        if video.uri.startswith(_ASSET):
            return video.uri
        transfers = Transfers(self.client, as_json=self.arguments.as_json)
        sent = await transfers.upload([Path(video.uri)])
        return f"upload:{sent[Path(video.uri)]}"

    async def _asked(self, uri: str, title: str) -> models.Understanding:
        body: dict[str, Any] = {
            "video": uri,
            "only": [part.value for part in self.wish.only],
            "describe": self.wish.describe,
            "summary": self.wish.summary,
            "language": self.wish.language,
            # An upload has no name that anybody would know it by.
            "title": title if self.wish.title or not uri.startswith(_ASSET) else None,
            "budget_usd": self.arguments.budget,
            "use_cache": not self.arguments.no_cache,
        }
        return await self.client.understand(body)

    async def _told(
        self, video: Video, job: models.Job, left_out: tuple[LeftOut, ...]
    ) -> Understood:
        steps = (await self.client.list_steps(job.id)).steps
        reports = [s.report for s in steps if s.kind == _INDEX and s.report]
        parts = {part for one in reports for part in one.get("parts", ())}
        notes = dict.fromkeys(note for one in reports for note in one.get("notes", ()))
        found: dict[str, Any] = {}
        for one in reports:
            found |= one.get("found") or {}
        return Understood(
            target=video,
            state=job.state,
            job_id=job.id,
            subject=next((one.get("subject") for one in reports), None),
            parts=tuple(part.value for part in Part if part.value in parts),
            left_out=left_out,
            found=found,
            # The title is indexed with every part.
            passages=sum(one.get("passages", 1) - 1 for one in reports) + bool(reports),
            notes=tuple(notes),
            problem=None if job.error is None else problem_of(job.error),
        )


# What is wrong with the service is wrong with each video.
_OF_ALL = frozenset(
    {Code.SERVER_UNREACHABLE, Code.UNAUTHENTICATED, Code.FORBIDDEN, Code.TLS_INVALID}
)


class _Watch:
    """Shows a job of the service as a job of this machine is shown."""

    def __init__(self, shown: Display, client: AsyncClient) -> None:
        self._shown = shown
        self._canceller = Canceller(client)

    def submitted(self, job_id: str, plan: Any) -> None:
        engine: Any = _Engine(self._canceller)
        self._shown.submitted(job_id, plan, engine)

    def on_event(self, event: Any) -> None:
        self._shown.on_event(event)


@dataclass(frozen=True, slots=True)
class _Engine:
    cancel: Any
