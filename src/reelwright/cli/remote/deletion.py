"""Deleting jobs of a service."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from reelwright.cli.choice import Target
from reelwright.cli.remote.jobs import identify
from reelwright.cli.remote.session import ask
from reelwright.client.asynchronous.client import AsyncClient
from reelwright.errors import Code, ReelError

_PART = 500
_FINAL = ("succeeded", "failed", "cancelled")


def delete(target: Target, chosen: Sequence[str], *, dry_run: bool) -> list[str]:
    """One after the other, when all are known to have ended; gives their ids."""

    async def order(client: AsyncClient) -> list[str]:
        found = list(dict.fromkeys([await identify(client, given) for given in chosen]))
        for job_id in found:
            job = await client.get_job(job_id)
            if job.state not in _FINAL:
                raise ReelError(
                    Code.TRANSITION_REFUSED,
                    f"job {job_id} is still {job.state} and cannot be deleted",
                    where=job_id,
                    hint="cancel it first, or wait for its end",
                )
        for job_id in () if dry_run else found:
            await client.delete_job(job_id)
        return found

    return ask(target, order)


def delete_old(
    target: Target, age_s: float, states: list[Any], labels: Mapping[str, str], *, dry_run: bool
) -> list[str]:
    """All that there are; gives their ids. Of a dry run the first 500."""

    async def order(client: AsyncClient) -> list[str]:
        gone: list[str] = []
        before = time.time() - age_s
        while True:
            answer = await client.delete_jobs(
                finished_before=before,
                state=states or None,
                label=[f"{name}={value}" for name, value in labels.items()] or None,
                limit=_PART,
                dry_run=dry_run,
            )
            gone += answer.deleted
            if dry_run or not answer.more or not answer.deleted:
                return gone

    return ask(target, order)
