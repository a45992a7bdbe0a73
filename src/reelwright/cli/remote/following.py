"""`reel follow` of a service's subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelwright.cli import terminal
from reelwright.cli.choice import Target
from reelwright.cli.remote import archiving
from reelwright.cli.remote.session import ask
from reelwright.client import models
from reelwright.client.asynchronous.client import AsyncClient
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.cli.following import FollowArguments


def subscriptions(target: Target) -> list[models.Source]:
    return ask(target, archiving.subscriptions)


def add(target: Target, arguments: FollowArguments, schedule: str) -> list[models.Source]:
    """Raises SCHEDULE_INVALID, USAGE, FIELD_INVALID."""
    options = archiving.option_body(arguments.said)

    async def make(client: AsyncClient) -> list[models.Source]:
        return [
            await client.create_subscription({"url": url, "schedule": schedule, "options": options})
            for url in arguments.what
        ]

    return ask(target, make)


def change(target: Target, arguments: FollowArguments) -> list[models.Source]:
    """Paused, resumed or removed."""

    async def work(client: AsyncClient) -> list[models.Source]:
        known = await archiving.subscriptions(client)
        chosen = [archiving.identified(known, given) for given in arguments.what]
        if arguments.remove:
            return [await client.end_subscription(one.id) for one in chosen]
        body = {"enabled": arguments.resume}
        return [await client.change_subscription(one.id, body) for one in chosen]

    return ask(target, work)


def now(target: Target, given: list[str], *, as_json: bool) -> int:
    """Lists these (all: none named) at once, and shows what becomes of them."""

    async def begin(client: AsyncClient) -> tuple[list[str], float]:
        known = await archiving.subscriptions(client)
        chosen = [archiving.identified(known, one) for one in given]
        ids = [one.id for one in (chosen if given else known) if given or one.enabled]
        at = (await client.get_workplan(limit=1)).made_at
        for source_id in ids:
            await client.list_source_now(source_id)
        return ids, at

    return archiving.follow(target, begin, as_json=as_json)


def refuse_sync() -> ReelError:
    message = "a service asks by itself when subscriptions are due"
    return ReelError(Code.USAGE, message, where="sync", hint="`reel follow --now` asks at once")


def shown(found: list[models.Source]) -> list[dict[str, Any]]:
    return [archiving.source_json(one) for one in found]


def note_added() -> None:
    terminal.note("the service asks when they are due")
