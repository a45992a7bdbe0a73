"""The contract of executors: they place and run attempts; the truth about them is in SQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from reelwright.engine.presence import Presence
from reelwright.store.rows import AttemptRow, Running, StepRow

if TYPE_CHECKING:
    from reelwright.engine.nodes import Node
    from reelwright.store.candidates import Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a step takes, or a node has. `cpus` in cores; `disk_bytes` in the workspace."""

    cpus: float = 0.0
    memory_bytes: int = 0
    disk_bytes: int = 0
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One leased try at a step. `number` is the fencing token. `host` and `owner`: where it runs,
    and the worker that holds its lease; empty where nobody said so.
    """

    step_id: str
    number: int
    job_id: str
    key: str
    need: Need = field(default=Need(), compare=False)
    host: str = field(default="", compare=False)
    owner: str = field(default="", compare=False)

    @staticmethod
    def of(held: Running) -> Attempt:
        """What SQL says of a running step."""
        place = (Need(), held.host or "", held.owner)
        return Attempt(held.step_id, held.attempt, held.job_id, held.key, *place)

    @property
    def name(self) -> str:
        """Unique for all time: what a cluster calls the actor, and a host the workspace."""
        return f"{self.step_id}-{self.number}"


# What an attempt is to run, and where.
Work = tuple[StepRow, AttemptRow]


@dataclass(frozen=True, slots=True)
class ModelHandle:
    """A model that is loaded, or will be by its first use, on `count` workers."""

    model: str
    count: int


class Executor(Protocol):
    """Runs attempts that the engine has leased; each commits its own result, fenced.

    `worker` is who holds their leases.
    """

    @property
    def worker(self) -> Presence: ...

    @property
    def has_nodes(self) -> bool:
        """Whether steps run on other machines, where no engine sees how they end."""
        ...

    async def capacity(self) -> list[Node]:
        """The nodes that take steps now, with all that each has. What runs there is counted from
        SQL, by whoever claims."""
        ...

    async def prepare(self, ready: Sequence[Candidate]) -> set[str]:
        """Before a claim: ids of those of `ready` that have to stay on this machine for now, as
        what they read is on its way to the other nodes. Does not wait for that."""
        ...

    async def start(self, attempt: Attempt, work: Work | None = None) -> None:
        """Starts it and returns; does nothing where this step and number was started before.

        `work` is for whoever has claimed it just now, and has read it with the claim: else it is
        looked up whether there is anything left to do."""
        ...

    async def stop(self, attempt: Attempt, grace_s: float) -> None:
        """Ends it; on return nothing of it runs any more. The state in SQL is the caller's."""
        ...

    async def adopt(self, running: list[Attempt]) -> set[Attempt]:
        """After a restart: those of `running` that run where this executor reaches them: it can
        stop them."""
        ...

    def own(self, running: Iterable[Attempt]) -> set[Attempt]:
        """Those of `running` that are this process's own: they end with it."""
        ...

    def is_gone(self, worker: str) -> bool:
        """Whether that worker is gone for certain: nobody need wait for its leases."""
        ...

    def deaths(self) -> AsyncIterator[Attempt]:
        """Attempts that ended without a result. Hints only: the lease decides."""
        ...

    async def demand(self, waiting: list[Need]) -> None:
        """What could run if there were more nodes, for an autoscaler."""
        ...

    async def warm(self, model: str, need: Need, count: int) -> ModelHandle:
        """Keeps `count` copies of a model loaded where it can."""
        ...

    async def close(self) -> None:
        """Ends what the executor itself keeps going."""
        ...
