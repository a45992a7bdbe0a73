"""Which node a step goes to: pure, and its cost grows with the steps, not with the nodes.

A step goes where most of its inputs are, where that is known and has room; else to the node that
it leaves the least room on (best fit), so that there is room for big ones elsewhere. One that
fits nowhere is overtaken, until it has waited for `PATIENCE_S`: then one node where it could fit is
held for it, and takes nothing smaller until it does.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, islice
from math import log2

from reelwright.engine.asking import Asks, parsed
from reelwright.engine.executor import Need
from reelwright.engine.nodes import Node
from reelwright.store.candidates import Candidate, Gap

# After so long a step that does not fit holds back the smaller ones, on one node.
PATIENCE_S = 30.0
# So many nodes are held at a time at the most, and no more than this part of them: an hour's queue
# of big steps must not empty a pool.
_MOST_HELD, _HELD_SHARE = 10, 1 / 100
# Of so many of the emptiest nodes one is chosen for it.
_LOOKED_AT = 8
# Fewer bytes are not worth a look at where they are.
_WORTH_BYTES = 4 << 20
_NEAREST = 3
# In a drawer of nodes with about as much free so many are tried before the next drawer is.
_TRIES = 8
# Where less is free on every node, nobody looks for what might still fit.
_WORTH_CPUS = 0.25
_UNLIMITED = 1 << 62
_EPSILON = 1e-6
_Vector = tuple[float, int, int, int]
_Entry = tuple[int, int, "Room"]


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
        self.node = rooms[0].node
        self._drawers: dict[int, list[_Entry]] = {}
        for room in rooms:
            # Most nodes of a busy pool are full: they are not sorted.
            if not room.is_held and (room.cpus > 0 or room.node.is_home):
                entry = (room.memory_bytes, room.number, room)
                self._drawers.setdefault(_level(room.cpus), []).append(entry)
        for drawer in self._drawers.values():
            drawer.sort(key=_order)
        self._levels = sorted(self._drawers)

    def find(self, need: _Vector) -> Room | None:
        """The smallest that fits, or nearly so."""
        is_whole = True
        for level in self._levels[bisect_left(self._levels, _level_of_need(need[0])) :]:
            drawer = self._drawers[level]
            start = bisect_left(drawer, (need[1], -1), key=_order)
            for _, _, room in drawer[start : start + _TRIES]:
                if room.has(need):
                    return room
            is_whole = is_whole and len(drawer) - start <= _TRIES
        if is_whole:
            return None
        return next((room for room in self.rooms if not room.is_held and room.has(need)), None)

    def emptiest(self) -> Iterator[Room]:
        """Those that are not held, with the most free cores first."""
        for level in reversed(self._levels):
            yield from (room for _, _, room in reversed(self._drawers[level]))

    def take(self, room: Room, need: _Vector) -> None:
        self.remove(room)
        room.take(need)
        level = _level(room.cpus)
        if level not in self._drawers:
            self._drawers[level] = []
            insort(self._levels, level)
        insort(self._drawers[level], (room.memory_bytes, room.number, room), key=_order)

    def remove(self, room: Room) -> None:
        """Nothing where it is in no drawer: it was full."""
        level = _level(room.cpus)
        drawer = self._drawers.get(level, [])
        at = bisect_left(drawer, (room.memory_bytes, room.number), key=_order)
        if at == len(drawer) or drawer[at][2] is not room:
            return
        del drawer[at]
        if not drawer:
            del self._drawers[level]
            self._levels.remove(level)


@dataclass(slots=True)
class _Class:
    """Steps that may go to the same nodes. `most_cpus`: the largest of them. `failed`: what found
    no room; nor does what is as large in all, as rooms only get smaller."""

    drawers: Sequence[_Drawers]
    most_cpus: float
    gpus: int
    failed: list[_Vector] = field(default_factory=list)

    def has_failed(self, need: _Vector) -> bool:
        cpus, memory, disk, gpus = need
        # No `any` over a generator: this is asked for nearly every step that waits.
        for one in self.failed:
            if one[0] <= cpus and one[1] <= memory and one[2] <= disk and one[3] <= gpus:
                return True
        return False

    def fail(self, need: _Vector) -> None:
        larger = (not all(f >= n for f, n in zip(one, need, strict=True)) for one in self.failed)
        self.failed = [*compress(self.failed, larger), need]


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
        self._groups: list[_Drawers] = []
        self._of_room: dict[int, _Drawers] = {}
        self._classes: dict[tuple[str, str | None, bool, bool], _Class] = {}
        self._may_hold = max(1, min(_MOST_HELD, round(len(self.rooms) * _HELD_SHARE)))

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

    def round(
        self,
        found: Sequence[Candidate],
        inputs: Mapping[str, Mapping[str, int]],
        look: int,
        behind: Callable[[Gap], Sequence[Candidate]] | None,
    ) -> Placed:
        """`found`: the first `look` candidates. Where there are more than these, and these leave
        something, `behind` (if any) is asked for those that may fit the gap."""
        placed = self.place(found, inputs)
        if behind is None or len(found) < look:
            return placed
        gap = self._gap(placed)
        if gap is not None:
            placed.chosen += self.place(behind(gap)).chosen
        return placed

    def _gap(self, placed: Placed) -> Gap | None:
        """The most that is free on any node, each by itself; None where that is next to nothing."""
        loose = [room for room in self.rooms if not room.is_held]
        cpus = max((room.cpus for room in loose), default=0.0)
        if cpus < _WORTH_CPUS:
            return None
        started = {item.asks for item, _ in placed.chosen}
        missing = {item.asks for item in placed.waiting} - started
        return Gap(
            cpus=cpus,
            memory_bytes=max(room.memory_bytes for room in loose),
            disk_bytes=max(room.disk_bytes for room in loose),
            but_ids=[item.step_id for item, _ in placed.chosen]
            + [item.step_id for item in placed.waiting],
            but_asks=sorted(one for one in missing if one is not None),
        )

    def could_fit(self, item: Candidate) -> bool:
        """Whether any node could take it if nothing else ran there."""
        self._tell_apart({item.asks})
        kind = self._class(item)
        need = _need(item, kind)
        return any(room.could_have(need) for some in kind.drawers for room in some.rooms)

    def _tell_apart(self, asks: Iterable[str | None]) -> None:
        """Nodes by the labels that are asked for, and by no others: each has some of its own."""
        names = {name for text in asks for name, _ in parsed(text).labels}
        if not self._groups or not names <= self._labels:
            self._labels |= names
            self._groups, self._of_room = _grouped(self.rooms, sorted(self._labels))
            self._classes.clear()

    def _room_for(self, item: Candidate, inputs: Mapping[str, int] | None) -> Room | None:
        kind = self._class(item)
        need = _need(item, kind)
        room = None
        if not kind.has_failed(need):
            room = self._nearest(kind, need, inputs) if inputs else None
            for drawers in kind.drawers if room is None else ():
                room = drawers.find(need)
                if room is not None:
                    break
            else:
                if room is None:
                    kind.fail(need)
        if room is not None:
            self._of_room[room.number].take(room, need)
        elif item.waited_s > PATIENCE_S and self._may_hold:
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
        """Of the emptiest nodes the one that is the nearest to having room for it."""
        emptiest = (islice(some.emptiest(), _LOOKED_AT) for some in kind.drawers)
        could = [room for some in emptiest for room in some if room.could_have(need)]
        if could:
            best = max(could, key=lambda room: (room.nearness(need), -room.number))
            self._of_room[best.number].remove(best)
            best.is_held = True
            self._may_hold -= 1

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
            node = drawers.node
            if not self._takes(node, kind, asks, is_short=is_short, is_kept=is_kept):
                continue
            # At home first where that is right at all, and GPUs are for those that ask for them.
            found.append((not node.is_home, node.total.gpus > 0 and not asks.gpus, drawers))
        found.sort(key=lambda one: one[:2])
        some = [drawers for _, _, drawers in found]
        totals = [room.node.total.cpus for drawers in some for room in drawers.rooms]
        # One machine for all: what is asked for is there, or the step says what is missing.
        ignores = self._home is not None and self._home.kinds is None
        return _Class(some, max(totals, default=0.0), 0 if ignores else asks.gpus)

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
        labels = tuple([node.labels.get(name) for name in names]) if names else ()
        alike.setdefault((node.is_home, node.kinds, node.total.gpus > 0, labels), []).append(room)
    groups = [_Drawers(some) for some in alike.values()]
    return groups, {room.number: group for group in groups for room in group.rooms}


def _need(item: Candidate, kind: _Class) -> _Vector:
    """More threads than the largest node has cores are slow, not impossible."""
    cpus = item.cpus if item.cpus <= kind.most_cpus else kind.most_cpus
    return cpus, item.memory_bytes, item.disk_bytes, kind.gpus


def _level(cpus: float) -> int:
    """The drawer of a room: quarters of a core, and from 16 cores on eighths of an octave."""
    return _level_of_need(cpus + _EPSILON)


def _level_of_need(cpus: float) -> int:
    return int(cpus * 4) if cpus < 16 else 64 + int(log2(cpus / 16) * 8)


def _order(entry: _Entry) -> tuple[int, int]:
    return entry[0], entry[1]
