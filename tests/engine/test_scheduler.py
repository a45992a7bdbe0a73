"""What starts next: in order, and never more than there is."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from reelwright.engine import demand
from reelwright.engine.disk import free_bytes, held_bytes, used_bytes
from reelwright.engine.executor import Need
from reelwright.engine.nodes import Node
from reelwright.engine.placement import PATIENCE_S, Placing, room_of
from reelwright.store.candidates import Candidate
from reelwright.store.states import JobState
from tests.engine.jobs import plan, shell, world


def _candidate(
    key: str, cpus: float = 1, memory: int = 0, disk: int = 0, waited_s: float = 0
) -> Candidate:
    return Candidate(key, "job", key, "ffmpeg", key, cpus, memory, disk, 0, waited_s)


_FREE = Need(cpus=4, memory_bytes=100, disk_bytes=100)
_TOTAL = Need(cpus=8, memory_bytes=200, disk_bytes=200)


def choose(items: list[Candidate], making: set[str]) -> list[Candidate]:
    """What one machine starts that has `_FREE` left of `_TOTAL`."""
    place = Path("/home/work")
    home = Node(
        host="here", worker="w", total=_TOTAL, workspaces=place, logs=place,
        free_disk_bytes=_FREE.disk_bytes, is_home=True,
    )  # fmt: skip
    used = Need(cpus=_TOTAL.cpus - _FREE.cpus, memory_bytes=100)
    placed = Placing([room_of(home, used)], making=making).place(items)
    return [item for item, _ in placed.chosen]


_SIZES = st.tuples(st.integers(0, 6), st.integers(0, 150), st.integers(0, 150), st.floats(0, 60))


@given(st.lists(_SIZES, max_size=20))
def test_what_is_chosen_fits_together(sizes: list[tuple[int, int, int, float]]) -> None:
    given_ = [_candidate(str(n), *size) for n, size in enumerate(sizes)]
    chosen = choose(given_, set())
    assert sum(c.cpus for c in chosen) <= _FREE.cpus
    assert sum(c.memory_bytes for c in chosen) <= _FREE.memory_bytes
    assert sum(c.disk_bytes for c in chosen) <= _FREE.disk_bytes
    order = [given_.index(c) for c in chosen]
    assert order == sorted(order)


def test_a_smaller_step_may_overtake() -> None:
    found = choose([_candidate("big", 8), _candidate("small")], set())
    assert [c.key for c in found] == ["small"]


def test_but_not_for_ever() -> None:
    waiting = _candidate("big", 8, waited_s=PATIENCE_S + 1)
    assert choose([waiting, _candidate("small")], set()) == []


def test_what_is_made_elsewhere_is_waited_for() -> None:
    found = choose([_candidate("a"), _candidate("b")], {"a"})
    assert [c.key for c in found] == ["b"]


def test_twins_start_one_after_the_other() -> None:
    one, two = _candidate("a"), _candidate("a")
    assert choose([one, two], set()) == [one]


def test_running_steps_never_exceed_the_machine(tmp_path: Path) -> None:
    here = world(tmp_path / "home", machine=Need(cpus=3, memory_bytes=100))
    log = tmp_path / "log"
    made = [
        shell(
            f"s{n}",
            f"echo +{n % 2 + 1} >> {log}; sleep 0.05; echo -{n % 2 + 1} >> {log}",
            threads=n % 2 + 1,
            memory_bytes=30,
        )
        for n in range(8)
    ]
    assert here.go(plan(made)).state is JobState.SUCCEEDED
    now = most = 0
    for change in map(int, log.read_text().split()):
        now += change
        most = max(most, now)
    assert 1 < most <= 3


def test_more_threads_than_cores_is_slow_not_impossible(tmp_path: Path) -> None:
    here = world(tmp_path / "home", machine=Need(cpus=1))
    assert here.go(plan([shell("a", "printf a > out", threads=16)])).state is JobState.SUCCEEDED


def test_promises_count_less_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "a").write_bytes(b"x" * 8192)
    used = used_bytes(tmp_path / "w")
    assert used >= 8192
    assert held_bytes([(str(tmp_path / "w"), used + 100), (str(tmp_path / "none"), 7)]) == 107
    assert held_bytes([(str(tmp_path / "w"), 10)]) == 0
    assert free_bytes(tmp_path / "not" / "yet") > 0


def test_demand_stops_at_what_is_there() -> None:
    needs = {"a": [], "b": ["a"], "c": ["b"], "d": ["a"]}
    assert demand.sinks(needs) == {"c", "d"}
    assert demand.demanded(needs, ["c"], {"b"}) == {"c", "b"}
    assert demand.demanded(needs, ["c", "d"], {"c"}) == {"c", "d", "a"}
    assert demand.demanded(needs, [], set()) == set()
