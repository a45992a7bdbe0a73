"""How a node runs an attempt: what it takes is reserved with Ray, and its estimate binds it."""

from __future__ import annotations

import logging
import os
import time
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING

from reelwright.app.cluster.devices import Devices
from reelwright.engine import asking, outcome
from reelwright.engine.attempt import AttemptRunner, Heartbeat, Report
from reelwright.engine.executor import Need
from reelwright.planning.plan import Step
from reelwright.runners.context import Bounds
from reelwright.store.rows import AttemptRow, Running, StepRow
from reelwright.tools.ray.settings import SCRATCH, SCRATCH_UNIT_BYTES

if TYPE_CHECKING:
    from reelwright.tools.ray.reservations import Reservations

_log = logging.getLogger(__name__)
# An estimate is a guess: a step may take twice as much, and this much more in any case.
_TIMES, _MORE_BYTES = 2, 1 << 30
# Where Ray did not grant what was reckoned to be free, others have it: so long the node is full.
_FULL_S = 20.0


class NodeRunner(AttemptRunner):
    """`reserve_with` before it runs anything; without, nothing is reserved."""

    _reservations: Reservations | None = None
    _devices: Devices | None = None
    _full_until = 0.0

    def reserve_with(self, reservations: Reservations) -> None:
        self._reservations = reservations
        self._devices = Devices.of(self.settings.machine.gpus, os.environ)

    def reserved_or(self, machine: Need) -> Need:
        """What the node has for our steps: what it holds for them while others have the rest."""
        if self._reservations is None or time.monotonic() > self._full_until:
            return machine
        return Need(
            cpus=min(machine.cpus, self._reservations.cpus),
            memory_bytes=machine.memory_bytes,
            disk_bytes=machine.disk_bytes,
            gpus=machine.gpus,
        )

    async def run(
        self, row: StepRow, place: AttemptRow, report: Report, heartbeat: Heartbeat
    ) -> None:
        """As `AttemptRunner.run`; where somebody else has what it needs, the step is given back."""
        if self._reservations is None:
            await super().run(row, place, report, heartbeat)
            return
        name = f"step-{row.id}-{place.number}"
        async with self._reservations.of(name, _bundle(row, self.settings.machine)) as is_granted:
            if is_granted:
                with self._seen(row):
                    await super().run(row, place, report, heartbeat)
                return
        self._full_until = time.monotonic() + _FULL_S
        _log.warning("%s is given back: others have what it needs of this node", name)
        held = Running(
            row.id, row.job_id, row.key, place.number, row.host, place.worker, row.lease_until or 0
        )
        await self.commit(partial(outcome.give_back, held=held), row.job_id)

    def bounds(self, row: StepRow) -> Bounds:
        """Twice its estimate and a GiB: what goes wrong in one step does not end the others."""
        devices = None if self._devices is None else self._devices.text(row.id)
        whole = self.settings.machine.memory_bytes
        most = row.memory_bytes * _TIMES + _MORE_BYTES
        if not row.memory_bytes or (whole and most >= whole):
            return Bounds(whole or None, "the node has", devices)
        rule = f"a step that was estimated at {row.memory_bytes >> 20} MiB may take"
        return Bounds(most, rule, devices)

    def _seen(self, row: StepRow) -> AbstractContextManager[object]:
        """The devices that it asked for are its own while it runs."""
        count = _need(row).gpus
        if self._devices is None or not count:
            return nullcontext()
        return self._devices.held(row.id, count)


def _need(row: StepRow) -> Need:
    asks = asking.text_of(Step.from_json(row.payload)) if row.payload else None
    return Need(
        cpus=row.cpus,
        memory_bytes=row.memory_bytes,
        disk_bytes=row.disk_bytes,
        gpus=asking.parsed(asks).gpus,
    )


def _bundle(row: StepRow, machine: Need) -> dict[str, float]:
    """At most all of the node: a step that was planned for a larger one has it for itself."""
    need = _need(row)
    found = {
        "CPU": min(need.cpus, machine.cpus),
        "memory": min(need.memory_bytes, machine.memory_bytes),
        "GPU": need.gpus,
        SCRATCH: min(need.disk_bytes, machine.disk_bytes) // SCRATCH_UNIT_BYTES,
    }
    return {name: amount for name, amount in found.items() if amount > 0}
