"""The log of a service's archive, as `app.log_lines` gives that of this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from reelwright.app.log_lines import Wanted
from reelwright.cli.choice import Target
from reelwright.cli.remote.jobs import identify
from reelwright.cli.remote.session import ask
from reelwright.client.asynchronous.client import AsyncClient
from reelwright.store.log_lines import Line

_PAGE = 500
_FOLLOW_S = 1.0


class ServiceLog:
    """Each call is one question to the service."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def job(self, given: str) -> str:
        """The id that begins so. Raises JOB_UNKNOWN."""
        return ask(self._target, lambda client: identify(client, given))

    def latest(self) -> int:
        """The number of the newest line; 0 where there is none."""
        found = self.find(Wanted(), limit=1)
        return found[0].seq if found else 0

    def find(
        self,
        wanted: Wanted,
        *,
        limit: int,
        before: int | None = None,
        after: int | None = None,
    ) -> list[Line]:
        async def read(client: AsyncClient) -> list[Line]:
            level: Any = wanted.level
            page = await client.list_log_lines(
                level=level,
                job=wanted.job_id,
                component=wanted.component,
                since=wanted.since,
                until=wanted.until,
                text=wanted.text,
                after=after,
                limit=limit,
                cursor=before,
            )
            return [Line(**line.model_dump()) for line in page.lines]

        return ask(self._target, read)

    def follow(self, wanted: Wanted, *, after: int) -> Iterator[list[Line]]:
        """What comes from then on, without an end."""
        while True:
            found = self.find(wanted, limit=_PAGE, after=after)
            after = found[-1].seq if found else after
            yield found
            if not found:
                time.sleep(_FOLLOW_S)
