"""Writes the tables of docs/guides/capacity.md: what 10, 100 and 1,000 nodes cost, from what was
measured at smaller sizes and from the code's own intervals. `--check` says whether they are old."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from reelwright.app.cluster import nodes as looking
from reelwright.engine import serving
from reelwright.engine.executor import Need
from reelwright.engine.progress import FLUSH_S
from reelwright.engine.settings import EngineSettings
from reelwright.store import object_store
from reelwright.store.workers import BEAT_S

PAGE = Path(__file__).resolve().parents[1] / "docs" / "guides" / "capacity.md"
SIZES = (10, 100, 1000)
_RENEW_S = EngineSettings(home=Path(), machine=Need()).renew_s
_MIB = 1 << 20


Three = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Measured:
    """What each thing costs, on two cores at 2.5 GHz or so (AMD EPYC). The page says where from."""

    # `cluster-writes`: CPU of PostgreSQL for a row of progress or of a lease, its share of the
    # commit with it; the dearest of three shapes.
    row_ms: float = 0.102
    row_wal_bytes: int = 530
    connections_of_node: float = 2.1
    # `dispatch`: all statements of a step from ready to its end; of the server and of the process.
    step_postgres_ms: float = 1.7
    step_dispatcher_ms: float = 3.5
    # `cluster-claims`, at 10, 100 and 1,000 nodes: a round that starts one step, and one that
    # starts twenty.
    one_dispatcher_ms: Three = (18.2, 21.1, 55.6)
    one_postgres_ms: Three = (10.8, 13.3, 30.2)
    twenty_dispatcher_ms: Three = (26.2, 26.4, 68.0)
    twenty_postgres_ms: Three = (13.2, 13.7, 30.3)
    # Ray 2.60, one node, 3,000 calls of an actor and 300 placement groups made and removed.
    call_driver_ms: float = 0.19
    reservation_head_ms: float = 2.8


@dataclass(frozen=True, slots=True)
class Work:
    """What the nodes do. Other work is other numbers: change it and run this."""

    steps_of_node: int = 10
    step_s: float = 60.0
    steps_of_job: int = 20
    read_bytes: int = 100 * _MIB
    written_bytes: int = 20 * _MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """What is there of each; the settings of others are their defaults."""

    connections: int = 100
    connections_of_service: int = 20
    network_bytes_per_s: float = 1.25e9
    store_reads_per_s: int = 5500
    store_writes_per_s: int = 3500


@dataclass(frozen=True, slots=True)
class Cluster:
    """The arithmetic, for so many nodes."""

    nodes: int
    place: int
    measured: Measured = Measured()
    work: Work = Work()

    @property
    def running(self) -> int:
        return self.nodes * self.work.steps_of_node

    @property
    def ends_per_s(self) -> float:
        """Steps that end, and as many that start."""
        return self.running / self.work.step_s

    @property
    def rows_per_s(self) -> float:
        """Progress of each step, its lease, the fractions of jobs, and signs of life."""
        jobs = self.running / self.work.steps_of_job
        return self.running / FLUSH_S + self.running / _RENEW_S + jobs / FLUSH_S + self.beats

    @property
    def beats(self) -> float:
        return self.nodes / BEAT_S

    @property
    def commits_per_s(self) -> float:
        return self.nodes / FLUSH_S + self.nodes / _RENEW_S + self.beats + self.ends_per_s

    @property
    def wal_bytes_per_s(self) -> float:
        return self.rows_per_s * self.measured.row_wal_bytes

    @property
    def connections(self) -> float:
        return self.nodes * self.measured.connections_of_node + Limits().connections_of_service

    def _round_ms(self, one: Three, twenty: Three) -> tuple[float, float]:
        """What a round takes whatever it starts, and for each step that it starts."""
        each = (twenty[self.place] - one[self.place]) / 19
        return one[self.place] - each, each

    @property
    def round_dispatcher_ms(self) -> tuple[float, float]:
        return self._round_ms(self.measured.one_dispatcher_ms, self.measured.twenty_dispatcher_ms)

    @property
    def round_postgres_ms(self) -> tuple[float, float]:
        return self._round_ms(self.measured.one_postgres_ms, self.measured.twenty_postgres_ms)

    @property
    def most_ends_per_s(self) -> float:
        """Rounds come one after the other: no more than these fit in."""
        return 1000 / (self.round_dispatcher_ms[1] + self.round_postgres_ms[1])

    @property
    def rounds_per_s(self) -> float:
        """Each end asks for one, until there is none between two of them: then they grow."""
        (fixed, each), (fixed_there, each_there) = self.round_dispatcher_ms, self.round_postgres_ms
        busy = self.ends_per_s * (each + each_there) / 1000
        fitting = max(0.0, 1 - busy) / (serving._RINGS_S + (fixed + fixed_there) / 1000)
        return min(self.ends_per_s, fitting)

    @property
    def writes_cores(self) -> float:
        return self.rows_per_s * self.measured.row_ms / 1000

    @property
    def steps_cores(self) -> float:
        return self.ends_per_s * self.measured.step_postgres_ms / 1000

    @property
    def claims_cores(self) -> float:
        fixed, each = self.round_postgres_ms
        return (self.rounds_per_s * fixed + self.ends_per_s * each) / 1000

    @property
    def postgres_cores(self) -> float:
        return self.writes_cores + self.steps_cores + self.claims_cores

    @property
    def looks_cores(self) -> float:
        """The dispatcher looks at each agent, through its child."""
        return self.nodes / looking._LOOK_S * self.measured.call_driver_ms / 1000

    @property
    def dispatcher_cores(self) -> float:
        fixed, each = self.round_dispatcher_ms
        rounds = self.rounds_per_s * fixed + self.ends_per_s * each
        return (self.ends_per_s * self.measured.step_dispatcher_ms + rounds) / 1000

    @property
    def head_cores(self) -> float:
        return self.ends_per_s * self.measured.reservation_head_ms / 1000

    @property
    def store_bytes_per_s(self) -> float:
        return self.ends_per_s * (self.work.read_bytes + self.work.written_bytes)

    @property
    def store_reads_per_s(self) -> float:
        """A question and a range for each block."""
        return self.ends_per_s * (1 + _blocks(self.work.read_bytes))

    @property
    def store_writes_per_s(self) -> float:
        """A question, the parts, their beginning and end."""
        parts = _blocks(self.work.written_bytes)
        return self.ends_per_s * (1 + (1 if parts == 1 else parts + 2))


def _blocks(size_bytes: int) -> int:
    return ceil(size_bytes / object_store._BLOCK_BYTES)


Line = tuple[str, Callable[[Cluster], str]]


def tables() -> str:
    """All that stands between the marks of the page."""
    made = [Cluster(count, place) for place, count in enumerate(SIZES)]
    parts = ["**What was measured**", "", *_measures(made[0].measured), ""]
    for title, lines in _TABLES:
        parts += [f"**{title}**", "", *_table(made, lines), ""]
    parts += ["**Where each runs out**, all else being equal", "", *_ends(made[-1]), ""]
    return "\n".join(parts)


def _measures(of: Measured) -> Iterator[str]:
    claims = zip(
        of.one_dispatcher_ms,
        of.one_postgres_ms,
        of.twenty_dispatcher_ms,
        of.twenty_postgres_ms,
        strict=True,
    )
    yield "| what | measured | by | at |"
    yield "|---|---:|---|---|"
    writes = "`cluster-writes`", "1,000 steps on 50 and 100 nodes"
    yield _row("PostgreSQL: a row of progress or of a lease", f"{of.row_ms} ms", *writes)
    yield _row("write-ahead log of one", f"{of.row_wal_bytes} bytes", *writes)
    yield _row("connections of a node", f"{of.connections_of_node}", *writes)
    jobs = "`dispatch`", "10,000 jobs of a step, one process"
    yield _row("PostgreSQL: a step from ready to its end", f"{of.step_postgres_ms} ms", *jobs)
    yield _row("the dispatcher: the same", f"{of.step_dispatcher_ms} ms", *jobs)
    for nodes, (one, one_there, twenty, twenty_there) in zip(SIZES, claims, strict=True):
        place = "`cluster-claims`", f"{nodes:,} nodes, {nodes * 10:,} running steps"
        text = f"{one} + {one_there} ms"
        yield _row("a round of claims for one step: dispatcher + PostgreSQL", text, *place)
        text = f"{twenty} + {twenty_there} ms"
        yield _row("a round of claims for twenty steps", text, *place)
    ray = "by hand", "Ray 2.60, one node"
    yield _row("Ray: a call of an actor, in the caller", f"{of.call_driver_ms} ms", *ray)
    yield _row(
        "Ray: a reservation made and removed, in the head", f"{of.reservation_head_ms} ms", *ray
    )
    yield _row("seconds between words of progress", f"{FLUSH_S:g}", "the code", "")
    yield _row("seconds between renewals of a lease", f"{_RENEW_S:g}", "the code", "")
    yield _row("seconds between looks at an agent", f"{looking._LOOK_S:g}", "the code", "")


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _table(made: Sequence[Cluster], lines: Sequence[Line]) -> Iterator[str]:
    yield "| | " + " | ".join(f"{one.nodes:,} nodes" for one in made) + " |"
    yield "|---|" + "---:|" * len(made)
    for name, value in lines:
        yield f"| {name} | " + " | ".join(value(one) for one in made) + " |"


def _number(value: float) -> str:
    """Two digits that count."""
    if value >= 100:
        return f"{float(f'{value:.2g}'):,.0f}"
    return f"{value:.2g}"


def _size(value: float) -> str:
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{_number(value)} {unit}"
        value /= 1000
    return f"{_number(value)} GB"


_TABLES: tuple[tuple[str, tuple[Line, ...]], ...] = (
    (
        "What there is to do",
        (
            ("steps that run", lambda c: f"{c.running:,}"),
            ("steps that end, and start, a second", lambda c: _number(c.ends_per_s)),
        ),
    ),
    (
        "PostgreSQL",
        (
            ("rows of progress and leases a second", lambda c: _number(c.rows_per_s)),
            ("commits a second", lambda c: _number(c.commits_per_s)),
            ("write-ahead log of them", lambda c: f"{_size(c.wal_bytes_per_s)}/s"),
            ("cores: leases and progress", lambda c: _number(c.writes_cores)),
            ("cores: steps that start and end", lambda c: _number(c.steps_cores)),
            ("cores: claims", lambda c: _number(c.claims_cores)),
            ("cores in all", lambda c: f"**{_number(c.postgres_cores)}**"),
            ("connections", lambda c: f"**{c.connections:,.0f}**"),
        ),
    ),
    (
        "The dispatcher and the head of Ray",
        (
            ("rounds of claims a second", lambda c: _number(c.rounds_per_s)),
            ("cores of the dispatcher", lambda c: f"**{_number(c.dispatcher_cores)}**"),
            ("cores of its child, for looks at agents", lambda c: _number(c.looks_cores)),
            ("cores of the head, for reservations", lambda c: f"**{_number(c.head_cores)}**"),
        ),
    ),
    (
        "Object storage, where nothing is in a node's cache",
        (
            ("bytes a second", lambda c: f"**{_size(c.store_bytes_per_s)}/s**"),
            ("requests that read", lambda c: f"{_number(c.store_reads_per_s)}/s"),
            ("requests that write", lambda c: f"{_number(c.store_writes_per_s)}/s"),
        ),
    ),
)


def _ends(largest: Cluster) -> Iterator[str]:
    """By the number of nodes: what is reached first stands first. Costs of the largest cluster are
    taken for those a node: a round of claims is cheaper in a smaller one."""
    had, count = Limits(), largest.nodes
    room = had.connections - had.connections_of_service
    found = [
        (room / largest.measured.connections_of_node, "connections of PostgreSQL as it comes",
         f"`max_connections` {had.connections}"),
        (count * had.network_bytes_per_s / largest.store_bytes_per_s,
         "bytes of one server of artifacts", "10 Gbit/s"),
        (count * largest.most_ends_per_s / largest.ends_per_s, "rounds of claims",
         "one after the other"),
        (count / largest.dispatcher_cores, "the dispatcher", "one core: Python has one"),
        (count / largest.head_cores, "the head of Ray", "one core: its main loop has one"),
        (count / largest.looks_cores, "the dispatcher's child", "one core"),
        (count / largest.postgres_cores, "PostgreSQL", "one core; it takes more"),
        (count * had.store_reads_per_s / largest.store_reads_per_s, "reads of one prefix of S3",
         f"{had.store_reads_per_s:,} a second"),
        (count * had.store_writes_per_s / largest.store_writes_per_s, "writes of one prefix of S3",
         f"{had.store_writes_per_s:,} a second"),
    ]  # fmt: skip
    yield "| what | of which there is | is used up at |"
    yield "|---|---|---:|"
    for nodes, name, limit in sorted(found):
        yield f"| {name} | {limit} | {_number(nodes)} nodes |"


BEGIN, END = "<!-- made by scripts/capacity.py -->\n", "<!-- end -->"


def page_with(text: str, made: str) -> str:
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{made}\n{END}{tail}"


def main() -> int:
    text = PAGE.read_text()
    fresh = page_with(text, tables())
    if "--check" in sys.argv:
        if fresh != text:
            print("docs/guides/capacity.md is old: python -m scripts.capacity", file=sys.stderr)
        return int(fresh != text)
    PAGE.write_text(fresh)
    return 0


if __name__ == "__main__":
    sys.exit(main())
