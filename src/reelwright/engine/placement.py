"""Which node a step goes to: pure, and its cost grows with the steps, not with the nodes.

A step goes where most of its inputs are, where that is known and has room; else to the node that
it leaves the least room on (best fit), so that there is room for big ones elsewhere. One that
fits nowhere is overtaken, until it has waited for `PATIENCE_S`: then one node where it could fit is
held for it, and takes nothing smaller until it does.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import log2

from reelwright.engine.asking import Asks, parsed
from reelwright.engine.executor import Need
from reelwright.engine.nodes import Node
from reelwright.store.candidates import Candidate

# After so long a step that does not fit holds back the smaller ones, on one node.
PATIENCE_S = 30.0
# So many nodes are held at a time at the most: an hour's queue of big steps must not empty a pool.
_MOST_HELD = 16
# Fewer bytes are not worth a look at where they are.
_WORTH_BYTES = 4 << 20
_NEAREST = 3
# In a drawer of nodes with about as much free so many are tried before the next drawer is.
_TRIES = 8
_UNLIMITED = 1 << 62
_EPSILON = 1e-6
_Vector = tuple[float, int, int, int]


@dataclass(slots=True)
class Room:
    """What is free on a node; less with each step that is placed. `disk_most_bytes`: what would be
    free if nothing ran there. `number`: its place in the order that decides between equals."""

    node: Node
    cpus: float
    memory_bytes: int
    disk_bytes: int
    gpus: int = 0
    disk_most_bytes: int = 0
    number: int = 0
    is_held: bool = False

    def has(self, need: _Vector) -> bool:
        cpus, memory_bytes, disk_bytes, gpus = need
        return (
            cpus <= self.cpus + _EPSILON
            and memory_bytes <= self.memory_bytes
            and disk_bytes <= self.disk_bytes
            and gpus <= self.gpus
        )

    def take(self, need: _Vector) -> None:
        self.cpus -= need[0]
        self.memory_bytes -= need[1]
        self.disk_bytes -= need[2]
        self.gpus -= need[3]

    def could_have(self, need: _Vector) -> bool:
        """If nothing else ran there."""
        total = self.node.total
        return (
            need[0] <= total.cpus + _EPSILON
            and need[1] <= (total.memory_bytes or _UNLIMITED)
            and need[2] <= max(self.disk_most_bytes, self.disk_bytes)
            and need[3] <= total.gpus
        )

    def nearness(self, need: _Vector) -> float:
        """The share of the need that is free, of what is the scarcest: 1 or more where it fits."""
        free = (self.cpus, self.memory_bytes, self.disk_bytes, self.gpus)
        return min(
            (have / want for have, want in zip(free, need, strict=True) if want), default=1.0
        )


def room_of(node: Node, used: Need, promised_bytes: int = 0) -> Room:
    """`used`: what running steps hold there, of disk what they will still write; `promised_bytes`:
    what they were promised of it, in all."""
    total = node.total
    return Room(
        node,
        total.cpus - used.cpus,
        (total.memory_bytes or _UNLIMITED) - used.memory_bytes,
        node.free_disk_bytes - used.disk_bytes,
        total.gpus - used.gpus,
        node.free_disk_bytes + (promised_bytes if node.is_home else 0),
    )


class _Drawers:
    """Rooms by how many cores they have free, and in a drawer by their memory."""

    def __init__(self, rooms: Sequence[Room]) -> None:
        self.rooms = rooms
        self._drawers: dict[int, list[tuple[int, int, Room]]] = {}
        for room in (one for one in rooms if not one.is_held):
            self._drawers.setdefault(_level(room.cpus), []).append(_entry(room))
        for drawer in self._drawers.values():
            drawer.sort(key=_order)
        self._levels = sorted(self._drawers)
        # What found no room: nor does what is as large. Rooms only get smaller.
        self._failed: list[_Vector] = []

    def find(self, need: _Vector) -> Room | None:
        """The smallest that fits, or nearly so."""
        if any(all(f <= n for f, n in zip(one, need, strict=True)) for one in self._failed):
            return None
        is_whole = True
        for level in self._levels[bisect_left(self._levels, _level_of_need(need[0])) :]:
            drawer = self._drawers[level]
            start = bisect_left(drawer, (need[1], -1), key=_order)
            for _, _, room in drawer[start : start + _TRIES]:
                if room.has(need):
                    return room
            is_whole = is_whole and len(drawer) - start <= _TRIES
        found = None if is_whole else next((r for r in self._loose() if r.has(need)), None)
        if found is None:
            kept = [o for o in self._failed if not all(map(_at_least, o, need))]
            self._failed = [*kept, need]
        return found

    def take(self, room: Room, need: _Vector) -> None:
        self.remove(room)
        room.take(need)
        level = _level(room.cpus)
        if level not in self._drawers:
            self._drawers[level] = []
            insort(self._levels, level)
        insort(self._drawers[level], _entry(room), key=_order)

    def remove(self, room: Room) -> None:
        level = _level(room.cpus)
        drawer = self._drawers[level]
        del drawer[bisect_left(drawer, (room.memory_bytes, room.number), key=_order)]
        if not drawer:
            del self._drawers[level]
            self._levels.remove(level)

    def _loose(self) -> Iterator[Room]:
        return (room for room in self.rooms if not room.is_held)


@dataclass(frozen=True, slots=True)
class _Class:
    """Steps that may go to the same nodes. `most_cpus`: the largest of them."""

    drawers: Sequence[_Drawers]
    most_cpus: float


@dataclass(slots=True)
class Placed:
    """`chosen` in the order of the candidates. `waiting`: what found no room, twins of what is
    being made left out."""

    chosen: list[tuple[Candidate, Node]] = field(default_factory=list)
    waiting: list[Candidate] = field(default_factory=list)


class Placing:
    """One round of it. `kept`: ids of steps that must not leave this machine yet; `making`:
    identities of what is being made somewhere, which is waited for."""

    def __init__(
        self,
        rooms: Sequence[Room],
        *,
        kept: Iterable[str] = (),
        making: Iterable[str] = (),
    ) -> None:
        self.rooms = list(rooms)
        for number, room in enumerate(self.rooms):
            room.number = number
        self._kept = set(kept)
        self._making = set(making)
        self._by_host = {room.node.host: room for room in self.rooms}
        self._home = next((room.node for room in self.rooms if room.node.is_home), None)
        self._labels: set[str] = set()
        self._groups, self._of_room = _grouped(self.rooms, ())
        self._classes: dict[tuple[str, str | None, bool, bool], _Class] = {}
        self._held = 0

    def place(
        self, candidates: Sequence[Candidate], inputs: Mapping[str, Mapping[str, int]] | None = None
    ) -> Placed:
        """`inputs`: step → host → bytes that it reads and that were made there."""
        placed = Placed()
        self._tell_apart({item.asks for item in candidates})
        for item in candidates:
            if item.identity and item.identity in self._making:
                continue
            room = self._room_for(item, (inputs or {}).get(item.step_id))
            if room is None:
                placed.waiting.append(item)
                continue
            self._making.add(item.identity)
            placed.chosen.append((item, room.node))
        return placed

    def free(self) -> Need:
        """The most that is free on any node, each by itself."""
        loose = [room for room in self.rooms if not room.is_held]
        return Need(
            cpus=max((room.cpus for room in loose), default=0.0),
            memory_bytes=max((room.memory_bytes for room in loose), default=0),
            disk_bytes=max((room.disk_bytes for room in loose), default=0),
            gpus=max((room.gpus for room in loose), default=0),
        )

    def could_fit(self, item: Candidate) -> bool:
        """Whether any node could take it if nothing else ran there."""
        kind = self._class(item)
        need = _need(item, kind.most_cpus, self._ignores_asks)
        return any(room.could_have(need) for some in kind.drawers for room in some.rooms)

    def _tell_apart(self, asks: Iterable[str | None]) -> None:
        """Nodes by the labels that are asked for, and by no others: each has some of its own."""
        names = {name for text in asks for name, _ in parsed(text).labels}
        if not names <= self._labels:
            self._labels |= names
            self._groups, self._of_room = _grouped(self.rooms, sorted(self._labels))
            self._classes.clear()

    @property
    def _ignores_asks(self) -> bool:
        """One machine for all: what is asked for is there, or the step says what is missing."""
        return self._home is not None and self._home.kinds is None

    def _room_for(self, item: Candidate, inputs: Mapping[str, int] | None) -> Room | None:
        kind = self._class(item)
        need = _need(item, kind.most_cpus, self._ignores_asks)
        room = self._nearest(kind, need, inputs) if inputs else None
        for drawers in kind.drawers if room is None else ():
            room = drawers.find(need)
            if room is not None:
                break
        if room is not None:
            self._of_room[room.number].take(room, need)
        elif item.waited_s > PATIENCE_S and self._held < _MOST_HELD:
            self._hold(kind, need)
        return room

    def _nearest(self, kind: _Class, need: _Vector, inputs: Mapping[str, int]) -> Room | None:
        most = sorted(inputs, key=lambda host: (-inputs[host], host))[:_NEAREST]
        for host in most:
            room = self._by_host.get(host) if inputs[host] >= _WORTH_BYTES else None
            if room is None or room.is_held or self._of_room[room.number] not in kind.drawers:
                continue
            if room.has(need):
                return room
        return None

    def _hold(self, kind: _Class, need: _Vector) -> None:
        """On the node that is the nearest to having room for it."""
        loose = (r for some in kind.drawers for r in some.rooms if not r.is_held)
        could = [room for room in loose if room.could_have(need)]
        if could:
            best = max(could, key=lambda room: (room.nearness(need), -room.number))
            self._of_room[best.number].remove(best)
            best.is_held = True
            self._held += 1

    def _class(self, item: Candidate) -> _Class:
        home = self._home
        is_short = False
        if home is not None and home.short_s is not None:
            is_short = item.weight < home.short_s * max(item.cpus, 1.0)
        key = (item.kind, item.asks, is_short, item.step_id in self._kept)
        if key not in self._classes:
            self._classes[key] = self._fitting(item.kind, parsed(item.asks), *key[2:])
        return self._classes[key]

    def _fitting(self, kind: str, asks: Asks, is_short: bool, is_kept: bool) -> _Class:
        found = []
        for drawers in self._groups:
            node = drawers.rooms[0].node
            if not self._takes(node, kind, asks, is_short=is_short, is_kept=is_kept):
                continue
            # At home first where that is right at all, and GPUs are for those that ask for them.
            found.append((not node.is_home, node.total.gpus > 0 and not asks.gpus, drawers))
        found.sort(key=lambda one: one[:2])
        some = [drawers for _, _, drawers in found]
        totals = [room.node.total.cpus for drawers in some for room in drawers.rooms]
        return _Class(some, max(totals, default=0.0))

    def _takes(self, node: Node, kind: str, asks: Asks, *, is_short: bool, is_kept: bool) -> bool:
        if node.is_home and node.kinds is None:
            return True
        is_met = asks.are_met(node.labels) and (not asks.gpus or node.total.gpus > 0)
        homely = self._home is not None and kind in (self._home.kinds or ())
        if node.is_home:
            return homely or (is_short and is_met)
        return is_met and not homely and not is_kept and (node.kinds is None or kind in node.kinds)


def _grouped(
    rooms: Sequence[Room], names: Sequence[str]
) -> tuple[list[_Drawers], dict[int, _Drawers]]:
    """Rooms of nodes that nothing that is asked for now tells apart; and by the room's number."""
    alike: dict[object, list[Room]] = {}
    for room in rooms:
        node = room.node
        labels = tuple(node.labels.get(name) for name in names)
        alike.setdefault((node.is_home, node.kinds, node.total.gpus > 0, labels), []).append(room)
    groups = [_Drawers(some) for some in alike.values()]
    return groups, {room.number: group for group in groups for room in group.rooms}


def _need(item: Candidate, most_cpus: float, ignores_asks: bool) -> _Vector:
    """More threads than the largest node has cores are slow, not impossible."""
    gpus = 0 if ignores_asks else parsed(item.asks).gpus
    return min(item.cpus, most_cpus), item.memory_bytes, item.disk_bytes, gpus


def _level(cpus: float) -> int:
    """The drawer of a room: quarters of a core, and from 16 cores on eighths of an octave."""
    return _level_of_need(cpus + _EPSILON)


def _level_of_need(cpus: float) -> int:
    return int(cpus * 4) if cpus < 16 else 64 + int(log2(cpus / 16) * 8)


def _entry(room: Room) -> tuple[int, int, Room]:
    return room.memory_bytes, room.number, room


def _order(entry: tuple[int, int, Room]) -> tuple[int, int]:
    return entry[0], entry[1]


def _at_least(one: float, other: float) -> bool:
    return one >= other
