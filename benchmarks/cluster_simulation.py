"""Placement over a thousand nodes: the engine's own code, on simulated time.

All steps are ready at the beginning, of mixed needs and lengths, in a drawn order; nodes are mixed
too. A dispatcher looks each `_TICK_S` at what has ended, builds its rooms from what runs, as a
claim does from SQL, looks at the first candidates and at those behind that fit a gap, and places.
What SQL itself costs is not in it (benchmark `dispatch`).

What counts as idle is found out by other means than placement's own: a node is idle while any
waiting step would fit in what is free on it, also in the moments between an end and the next look,
and while it is held for a big step.
"""

from __future__ import annotations

import heapq
import random
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from benchmarks.measure import Row, Size
from reelwright.engine.asking import Asks, parsed
from reelwright.engine.executor import Need
from reelwright.engine.nodes import Node
from reelwright.engine.placement import PATIENCE_S, Placing, room_of
from reelwright.engine.scheduler import look_of
from reelwright.store.candidates import Candidate, Gap

_TICK_S = 0.05
# As the engine does: so often it looks for what fits behind a line of what does not.
_BEHIND_S = 0.5
# The whole pool is looked over for idle nodes at every so many looks.
_CHECK_EVERY = 20
_GIB = 1 << 30
_LEAST_BUSY = 0.97
# Of the cost of a step in the smallest of the runs: a hundred times the nodes, ten times the steps.
_MOST_GROWTH = 4.0
_PLACE = Path("/node")

_Sort = tuple[int, int, int, int, dict[str, str]]
# (of a hundred, cores, GiB, GPUs, labels)
_NODES: tuple[_Sort, ...] = (
    (60, 8, 32, 0, {}),
    (26, 16, 64, 0, {}),
    (8, 32, 128, 0, {"disk": "fast"}),
    (6, 16, 64, 2, {}),
)
# (of a hundred, cores, GiB, GiB of disk, what it asks for)
_STEPS = (
    (14, 0.5, 0.25, 0.1, None),
    (22, 1, 0.5, 0.5, None),
    (22, 2, 1.0, 2, None),
    (24, 4, 2.0, 4, None),
    (7, 8, 6.0, 8, None),
    (3, 16, 12.0, 20, None),
    (3, 1, 20.0, 1, None),  # little work, much memory
    (2, 2, 4.0, 1, '{"gpus":1,"labels":{}}'),
    (3, 2, 1.0, 200, '{"gpus":0,"labels":{"disk":"fast"}}'),
)


@dataclass(frozen=True, slots=True)
class Simulated:
    """`cpu_s`: of placement, all of it; `busy` the share of the nodes' time, while anything waited,
    in which no step that waited would have fitted; `cores` the share of the cores that were at
    work meanwhile; `most_wait_s`: how long the last of the steps with the most cores waited, of
    `backlog_s`."""

    nodes: int
    steps: int
    cpu_s: float
    busy: float
    cores: float
    backlog_s: float
    most_wait_s: float

    @property
    def us_per_step(self) -> float:
        return 1e6 * self.cpu_s / self.steps


def cluster_simulation(size: Size) -> list[Row]:
    """How busy the nodes are, and what placing costs as they and the steps become more."""
    scale = {"full": 1, "quick": 4}.get(size.name, 50)
    shapes = [(10, 10_000), (100, 10_000), (100, 100_000), (1_000, 100_000)]
    rounds = 1 if size.name == "toy" else 2
    found = []
    for nodes, steps in shapes:
        runs = [simulate(max(2, nodes // scale), steps // scale, seed=n) for n in range(rounds)]
        found.append(min(runs, key=lambda run: run.cpu_s))
    largest, rows = found[-1], []
    for run in found:
        facts = {
            "nodes": run.nodes, "steps": run.steps, "cores": round(run.cores, 4),
            "backlog_s": round(run.backlog_s), "most_wait_s": round(run.most_wait_s),
            "us_per_step": round(run.us_per_step, 1), "busy": round(run.busy, 4),
        }  # fmt: skip
        name = f"placing {run.steps} steps on {run.nodes} nodes, a step"
        rows.append(Row(name, 1000.0, run.us_per_step, "µs CPU", 1.0, facts))
    growth = largest.us_per_step / found[0].us_per_step
    name = f"growth to {largest.nodes} nodes and {largest.steps} steps"
    rows.append(Row(name, _MOST_GROWTH, growth, "× linear", 1.0))
    rows.append(
        Row("nodes busy while a fitting step waits", _LEAST_BUSY, largest.busy, "of time",
            1.0, {"cores": largest.cores}, at_least=True)
    )  # fmt: skip
    return rows


def simulate(nodes: int, steps: int, *, seed: int) -> Simulated:
    """Runs it to the end of the last step; the same for the same numbers."""
    return _Run(random.Random(seed), nodes, steps).go()


@dataclass(slots=True)
class _Machine:
    """A node, with what runs there; `ended_at`: of what was not looked at yet, when it ended."""

    node: Node
    cpus: float = 0.0
    memory_bytes: int = 0
    disk_bytes: int = 0
    gpus: int = 0
    ended_at: list[float] = field(default_factory=list)

    def change(self, item: Candidate, sign: int) -> None:
        self.cpus += sign * item.cpus
        self.memory_bytes += sign * item.memory_bytes
        self.disk_bytes += sign * item.disk_bytes
        self.gpus += sign * parsed(item.asks).gpus

    @property
    def used(self) -> Need:
        return Need(
            cpus=self.cpus, memory_bytes=self.memory_bytes, disk_bytes=self.disk_bytes,
            gpus=self.gpus,
        )  # fmt: skip

    def fits(self, item: Candidate, asks: Asks) -> bool:
        total = self.node.total
        return (
            item.cpus <= total.cpus - self.cpus + 1e-6
            and item.memory_bytes <= total.memory_bytes - self.memory_bytes
            and item.disk_bytes <= self.node.free_disk_bytes - self.disk_bytes
            and asks.gpus <= total.gpus - self.gpus
            and asks.are_met(self.node.labels)
        )


_Line = OrderedDict[str, tuple[int, Candidate]]


class _Waiting:
    """What waits, in its order; and of each kind of step by itself."""

    def __init__(self, items: Sequence[tuple[Candidate, int]]) -> None:
        self._is_old = False
        self._kind = {item.step_id: kind for item, kind in items}
        self._all = OrderedDict((item.step_id, (n, item)) for n, (item, _) in enumerate(items))
        self._of_kind: list[OrderedDict[str, tuple[int, Candidate]]] = [
            OrderedDict() for _ in _STEPS
        ]
        for step_id, entry in self._all.items():
            self._of_kind[self._kind[step_id]][step_id] = entry

    def __len__(self) -> int:
        return len(self._all)

    def first(self, count: int, now: float) -> list[Candidate]:
        self._grow_old(now)
        return [item for _, item in islice(self._all.values(), count)]

    def within(self, gap: Gap, count: int) -> list[Candidate]:
        """As `candidates_within` of SQL."""
        known, missing = set(gap.but_ids), set(gap.but_asks)
        lines = [
            line.values()
            for line, (_, cpus, _, _, asks) in zip(self._of_kind, _STEPS, strict=True)
            if cpus <= gap.cpus and asks not in missing
        ]
        fitting = (
            item
            for _, item in heapq.merge(*lines, key=lambda entry: entry[0])
            if item.step_id not in known
            and item.memory_bytes <= gap.memory_bytes
            and item.disk_bytes <= gap.disk_bytes
        )
        return list(islice(fitting, count))

    def _grow_old(self, now: float) -> None:
        """Once: all came at the same time, and only patience counts."""
        if now <= PATIENCE_S or self._is_old:
            return
        self._is_old = True
        for line in self._of_kind:
            for step_id, (n, item) in line.items():
                line[step_id] = self._all[step_id] = (n, replace(item, waited_s=now))

    def remove(self, step_id: str) -> None:
        del self._all[step_id]
        del self._of_kind[self._kind[step_id]][step_id]

    def smallest(self) -> Iterator[Candidate]:
        """Of each kind one with the least memory: kinds differ by a fifth at the most in it."""
        for line in self._of_kind:
            if line:
                some = islice(line.values(), 64)
                yield min((item for _, item in some), key=lambda item: item.memory_bytes)


class _Run:
    def __init__(self, drawn: random.Random, nodes: int, steps: int) -> None:
        self._machines = [_Machine(node) for node in _nodes(drawn, nodes)]
        self._by_host = {machine.node.host: machine for machine in self._machines}
        made = list(_steps(drawn, steps))
        self._lengths = {item.step_id: length_s for item, _, length_s in made}
        self._waiting = _Waiting([(item, kind) for item, kind, _ in made])
        self._look = look_of([machine.node for machine in self._machines])
        self._running: list[tuple[float, str, _Machine, Candidate]] = []
        self._steps = steps
        self._now = self._cpu_s = self._idle_s = self._work_s = self._most_wait_s = 0.0
        self._sampled, self._sampled_idle, self._look_behind = 0, 0, 0.0

    def go(self) -> Simulated:
        looks = 0
        while self._waiting:
            while self._dispatch() and self._waiting:
                pass
            if not self._waiting:
                break
            looks += 1
            if looks % _CHECK_EVERY == 0:
                self._sample()
            self._pass_time()
        backlog_s = self._now
        share = self._idle_s / (len(self._machines) * backlog_s) if backlog_s else 0.0
        sampled = self._sampled_idle / self._sampled if self._sampled else 0.0
        cores = sum(machine.node.total.cpus for machine in self._machines)
        return Simulated(
            nodes=len(self._machines), steps=self._steps, cpu_s=self._cpu_s,
            busy=1.0 - share - sampled, cores=self._work_s / (cores * backlog_s),
            backlog_s=backlog_s, most_wait_s=self._most_wait_s,
        )  # fmt: skip

    def _dispatch(self) -> bool:
        """One claim; True where there may be more at once."""
        now = self._now
        found = self._waiting.first(self._look, now)
        looks_behind = now >= self._look_behind
        if looks_behind:
            self._look_behind = now + _BEHIND_S
        supply_s = 0.0

        def behind(gap: Gap) -> list[Candidate]:
            nonlocal supply_s
            begun = time.thread_time()
            some = self._waiting.within(gap, self._look)
            supply_s += time.thread_time() - begun
            return some

        begun = time.thread_time()
        rooms = [room_of(machine.node, machine.used) for machine in self._machines]
        chosen = (
            Placing(rooms).round(found, {}, self._look, behind if looks_behind else None).chosen
        )
        self._cpu_s += time.thread_time() - begun - supply_s
        for item, node in chosen:
            self._start(item, self._by_host[node.host])
        return len(chosen) >= self._look

    def _start(self, item: Candidate, machine: _Machine) -> None:
        if not machine.fits(item, parsed(item.asks)):
            raise RuntimeError(f"{machine.node.host} was given more than it has")
        machine.change(item, 1)
        self._waiting.remove(item.step_id)
        if item.cpus >= max(cpus for _, cpus, *_ in _STEPS):
            self._most_wait_s = max(self._most_wait_s, self._now)
        ends_at = self._now + self._lengths[item.step_id]
        heapq.heappush(self._running, (ends_at, item.step_id, machine, item))

    def _pass_time(self) -> None:
        """To the first look after the next end; what ends until then is idle until then."""
        if not self._running:
            raise RuntimeError(f"{len(self._waiting)} steps wait, and nothing runs")
        busy = sum(machine.cpus for machine in self._machines)
        ticks = int(self._running[0][0] / _TICK_S) + 1
        until = max(ticks, round(self._now / _TICK_S) + 1) * _TICK_S
        self._work_s += busy * (until - self._now)
        touched: dict[str, float] = {}
        while self._running and self._running[0][0] <= until:
            ended_at, _, machine, item = heapq.heappop(self._running)
            machine.change(item, -1)
            self._work_s -= item.cpus * (until - ended_at)
            touched.setdefault(machine.node.host, ended_at)
        kinds = [(item, parsed(item.asks)) for item in self._waiting.smallest()]
        for host, ended_at in touched.items():
            if any(self._by_host[host].fits(item, asks) for item, asks in kinds):
                self._idle_s += until - ended_at
        self._now = until

    def _sample(self) -> None:
        """After a look: nodes that a waiting step would fit on all the same."""
        kinds = [(item, parsed(item.asks)) for item in self._waiting.smallest()]
        self._sampled += len(self._machines)
        self._sampled_idle += sum(
            any(machine.fits(item, asks) for item, asks in kinds) for machine in self._machines
        )


def _nodes(drawn: random.Random, count: int) -> Iterator[Node]:
    """Of each sort its share, the rest of the first one; where there are few, one of each."""
    sorts = [sort for sort in reversed(_NODES) for _ in range(max(1, round(sort[0] * count / 100)))]
    sorts = (sorts + [_NODES[0]] * count)[: max(count, len(_NODES))]
    drawn.shuffle(sorts)
    for n, (_, cpus, memory_gib, gpus, labels) in enumerate(sorts):
        total = Need(cpus=float(cpus), memory_bytes=memory_gib * _GIB, gpus=gpus)
        name = {"ray.io/node-id": f"{n:06}"}
        yield Node(
            host=f"node:{n:06}", worker=f"node:{n:06}/1/0/x", total=total, workspaces=_PLACE,
            logs=_PLACE, free_disk_bytes=1000 * _GIB, labels={**labels, **name},
        )  # fmt: skip


def _steps(drawn: random.Random, count: int) -> Iterator[tuple[Candidate, int, float]]:
    """Each with its kind, and the seconds that it takes: 1 to 300, most of them about 20."""
    weights = [of_hundred for of_hundred, *_ in _STEPS]
    for n, kind in enumerate(drawn.choices(range(len(_STEPS)), weights, k=count)):
        _, cpus, memory_gib, disk_gib, asks = _STEPS[kind]
        memory = int(memory_gib * _GIB * drawn.uniform(0.8, 1.2))
        disk = int(disk_gib * _GIB * drawn.uniform(0.8, 1.2))
        length_s = min(300.0, max(1.0, drawn.lognormvariate(3.0, 0.8)))
        name = f"{n:08}"
        yield (
            Candidate(name, "job", name, "ffmpeg", name, cpus, memory, disk, 0, 0.0, 60.0, asks),
            kind,
            length_s,
        )
