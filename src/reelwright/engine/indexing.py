"""The step that puts what was found into the search index, by a callback of `app`.

As with keeping: what the callback hands back is committed in the transaction in which the step
succeeds, behind its fence.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.engine import outcome
from reelwright.engine.inputs import Inputs
from reelwright.engine.outcome import Made
from reelwright.planning.plan import Step
from reelwright.store import jobs
from reelwright.store.blobs import Pins
from reelwright.store.database import Tx
from reelwright.store.rows import StepRow
from reelwright.store.store import Store

if TYPE_CHECKING:
    from reelwright.runners.context import ModelsFor
    from reelwright.tools.models.kinds import Models


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOrder:
    """What is to be indexed, and for whom. `found` are results (JSON) and their files, in the order
    in which the operator connected them; `options` say what each of them is (``operators.index``).
    `models`: what embeds texts, in the step's name; None: this engine has none.
    """

    job_id: str
    step_id: str
    attempt: int
    owner: str | None
    found: tuple[tuple[Any, Path], ...]
    options: Mapping[str, Any]
    models: Models | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """`result` is the step's (``{"document": id, "passages": count}``). `commit` writes the rows,
    in the transaction in which the step succeeds; it may be called again in another one."""

    result: Mapping[str, Any]
    commit: Callable[[Tx], None]


IndexFound = Callable[[IndexOrder], Awaitable[Indexed]]


def order_of(
    store: Store, inputs: Inputs, row: StepRow, pins: Pins, models: ModelsFor | None = None
) -> IndexOrder:
    """Blocking. Its files stay until `pins` is released. Raises ARTIFACT_DAMAGED,
    ARTIFACTS_UNAVAILABLE."""
    step = Step.from_json(row.payload)
    with store.read() as tx:
        owner = jobs.get(tx, row.job_id).owner
    files = inputs.gather(row.job_id, step, pins)
    found = tuple(
        (files.results.get(read["result"]), files.paths[read["file"]])
        for read in step.payload["reads"]
    )
    return IndexOrder(
        job_id=row.job_id,
        step_id=row.id,
        attempt=row.attempt,
        owner=owner,
        found=found,
        options=step.payload["options"],
        models=None if models is None else models(row),
    )


def succeed(tx: Tx, step: StepRow, indexed: Indexed) -> None:
    """The step succeeded and what it found can be searched for, both or neither. Raises
    LEASE_LOST."""
    payload: Mapping[str, Any] = step.payload["payload"]
    told = dict(indexed.result)
    outcome.succeed(tx, step, Made(results={payload["node"]: told}, report=told))
    indexed.commit(tx)
