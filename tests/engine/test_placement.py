"""Placement against what looking at every node for every step would say."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from reelwright.engine.asking import parsed
from reelwright.engine.executor import Need
from reelwright.engine.nodes import Node
from reelwright.engine.placement import PATIENCE_S, Placing, Room, room_of
from reelwright.store.candidates import Candidate, Gap

PLACE = Path("/node")
ASKS = (None, None, '{"gpus":1,"labels":{}}', '{"gpus":0,"labels":{"zone":"eu"}}')


def node(name: str, total: Need, **more: object) -> Node:
    values = {"workspaces": PLACE, "logs": PLACE, "free_disk_bytes": 100, **more}
    return Node(host=name, worker=f"{name}/1/0/x", total=total, **values)  # type: ignore[arg-type]


def step(name: str, cpus: float, memory: int = 0, disk: int = 0, **more: object) -> Candidate:
    values = {"kind": "ffmpeg", "identity": name, "priority": 0, "waited_s": 0.0, "weight": 60.0}
    return Candidate(
        step_id=name, job_id="job", key=name, cpus=cpus, memory_bytes=memory, disk_bytes=disk,
        **{**values, **more},  # type: ignore[arg-type]
    )  # fmt: skip


_NODE = st.tuples(
    st.sampled_from([1, 2, 4, 8, 32]), st.integers(10, 100), st.integers(0, 2), st.booleans()
)
_STEP = st.tuples(
    st.sampled_from([0.0, 0.1, 0.5, 1, 2, 3, 4, 8, 16]),
    st.integers(0, 60),
    st.integers(0, 120),
    st.sampled_from(ASKS),
    st.sampled_from([0.0, PATIENCE_S + 1]),
)


@given(st.lists(_NODE, min_size=1, max_size=40), st.lists(_STEP, max_size=80))
def test_what_could_be_placed_is_and_nothing_else(
    nodes: list[tuple[int, int, int, bool]], made: list[tuple[float, int, int, str | None, float]]
) -> None:
    rooms = [
        room_of(
            node(
                str(n),
                Need(cpus=cpus, memory_bytes=memory, gpus=gpus),
                labels={"zone": "eu"} if is_eu else {"other": str(n)},
            ),
            Need(cpus=cpus / 4),
        )
        for n, (cpus, memory, gpus, is_eu) in enumerate(nodes)
    ]
    most = max(room.node.total.cpus for room in rooms)
    items = [
        step(f"s{n}", cpus, memory, disk, asks=asks, waited_s=waited_s)
        for n, (cpus, memory, disk, asks, waited_s) in enumerate(made)
    ]
    placing = Placing(rooms)
    placed = placing.place(items)
    for room in rooms:
        assert room.cpus > -1e-5
        assert min(room.memory_bytes, room.disk_bytes, room.gpus) >= 0
    for item, where in placed.chosen:
        assert parsed(item.asks).are_met(where.labels)
    assert [i.step_id for i in items if i in placed.waiting] == [i.step_id for i in placed.waiting]
    assert len(placed.chosen) + len(placed.waiting) == len(items)
    for item in placed.waiting:
        assert not any(_fits(room, item, most) for room in rooms if not room.is_held)


def _fits(room: Room, item: Candidate, most_cpus: float) -> bool:
    asks = parsed(item.asks)
    return (
        room.cpus > 0  # what needs no core waits for a node that has any
        and min(item.cpus, most_cpus) <= room.cpus
        and item.memory_bytes <= room.memory_bytes
        and item.disk_bytes <= room.disk_bytes
        and asks.gpus <= room.gpus
        and asks.are_met(room.node.labels)
    )


def test_the_smallest_hole_that_is_enough_is_filled() -> None:
    rooms = [room_of(node(str(n), Need(cpus=n, memory_bytes=100)), Need()) for n in (8, 2, 4)]
    (one, two) = Placing(rooms).place([step("a", 2), step("b", 2)]).chosen
    assert (one[1].host, two[1].host) == ("2", "4")


def test_who_waited_holds_one_node_and_not_all_of_them() -> None:
    used = Need(cpus=2)
    rooms = [room_of(node(str(n), Need(cpus=4, memory_bytes=100)), used) for n in range(3)]
    small = [step(f"s{n}", 1) for n in range(9)]
    placed = Placing(rooms).place([step("big", 4, waited_s=PATIENCE_S + 1), *small])
    assert [item.step_id for item, _ in placed.chosen] == ["s0", "s1", "s2", "s3"]
    assert len({where.host for _, where in placed.chosen}) == 2
    assert sum(room.is_held for room in rooms) == 1


def test_nothing_is_held_for_what_fits_nowhere_at_all() -> None:
    rooms = [room_of(node("a", Need(cpus=4, memory_bytes=100)), Need())]
    huge = step("huge", 1, memory=101, waited_s=PATIENCE_S + 1)
    placing = Placing(rooms)
    assert [i.step_id for i, _ in placing.place([huge, step("b", 1)]).chosen] == ["b"]
    assert not placing.could_fit(huge)


def test_more_threads_than_the_largest_node_has_run_there() -> None:
    rooms = [room_of(node(str(n), Need(cpus=n, memory_bytes=100)), Need()) for n in (2, 8)]
    ((_, where),) = Placing(rooms).place([step("a", 64)]).chosen
    assert where.host == "8"


def test_behind_a_line_that_does_not_fit_it_is_asked_for_what_does() -> None:
    rooms = [room_of(node("a", Need(cpus=4, memory_bytes=100)), Need(cpus=2))]
    line = [step(f"big{n}", 4, asks=ASKS[2] if n else None) for n in range(3)]
    gaps: list[Gap] = []

    def behind(gap: Gap) -> list[Candidate]:
        gaps.append(gap)
        return [step("small", 1)]

    placed = Placing(rooms).round(line, {}, 3, behind)
    assert [item.step_id for item, _ in placed.chosen] == ["small"]
    (gap,) = gaps
    assert (gap.cpus, gap.memory_bytes, gap.disk_bytes) == (2, 100, 100)
    assert sorted(gap.but_ids) == ["big0", "big1", "big2"]
    assert list(gap.but_asks) == [ASKS[2]]
    assert Placing(rooms).round(line[:2], {}, 3, behind).chosen == [], "that was the whole line"
