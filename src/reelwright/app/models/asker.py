"""In whose name a model is asked: job, step, owner, and the video that it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelwright.store import jobs

if TYPE_CHECKING:
    from reelwright.store.rows import StepRow
    from reelwright.store.store import Store

_ASSET = "asset:"
# Labels that `reel understand` and the archive give their jobs.
ASSET_LABEL = "asset"
BUDGET_LABEL = "budget_usd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """`attempt`: of the step. `budget_usd`: what its job may cost at the most, as whoever made it
    said."""

    owner: str | None = None
    job_id: str | None = None
    step_id: str | None = None
    attempt: int | None = None
    asset_id: str | None = None
    budget_usd: float | None = None


def asker_of(store: Store, row: StepRow | None, owner: str | None) -> Asker:
    """Blocking."""
    if row is None:
        return Asker(owner=owner or jobs.LOCAL_OWNER)
    with store.read() as tx:
        job = jobs.get(tx, row.job_id)
    labels = job.labels
    return Asker(
        owner=job.owner,
        job_id=row.job_id,
        step_id=row.id,
        attempt=row.attempt,
        asset_id=labels.get(ASSET_LABEL) or _asset(job.spec),
        budget_usd=_amount(labels.get(BUDGET_LABEL)),
    )


def _asset(spec: Mapping[str, Any]) -> str | None:
    """The asset that is the job's input, where there is just one."""
    named = {
        path.removeprefix(_ASSET).partition("/")[0]
        for path in map(_path, (spec.get("inputs") or {}).values())
        if path.startswith(_ASSET)
    }
    return named.pop() if len(named) == 1 else None


def _path(told: Any) -> str:
    found = told.get("path") if isinstance(told, dict) else told
    return found if isinstance(found, str) else ""


def _amount(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
