"""Pass `partition`: which sinks one FFmpeg process makes together.

Sinks fuse when they share a decode, at the same stage, waiting for the same results; and parts of
what is at one address, asked alike, come by one extraction. They are kept apart where a value must
be measured first (a later stage), where a result is not known yet, where the cache holds one of
them, and where too many encoders would be open at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reelwright.graph.actions import (
    Decode,
    Encode,
    Fetch,
    Fetched,
    Filter,
    Index,
    Keep,
    Mux,
    Reopen,
    Search,
    SmartCut,
    Tap,
    Task,
    Write,
)
from reelwright.graph.dag import Graph, Node
from reelwright.planning.identity import late_nodes

SINKS = (Mux, SmartCut, Search, Tap, Task, Write, Fetch, Keep, Index)
# Each is a step of its own.
_ALONE = (SmartCut, Search, Task, Write, Keep, Index)
# An x264 1080p encoder holds about 150 MB with its lookahead: twelve of them fill a small machine.
_MOST_ENCODERS = 12


@dataclass(frozen=True, slots=True)
class Group:
    """`sinks` are made by one step from `nodes` (in graph order, sinks among them). `needs` are
    sinks of other groups that it reads."""

    sinks: tuple[str, ...]
    nodes: tuple[str, ...]
    needs: tuple[str, ...]


def partition(
    graph: Graph,
    marks: Mapping[str, frozenset[str]],
    cached: frozenset[str],
) -> list[Group]:
    """Groups in an order in which each stands after what it needs. `cached` are sinks."""
    sinks = [n.id for n in graph if isinstance(n.action, SINKS)]
    above = {s: _above(graph, s) for s in sinks}
    stages: dict[str, int] = {}
    for sink in sinks:
        needs = above[sink][1]
        stages[sink] = max((stages[n] + 1 for n in needs), default=0)
    keys = _keys(graph, marks)
    _wait_for_company(graph, above, stages, keys)
    groups = _fused(graph, sinks, above, stages, keys, cached)
    order = {n: i for i, n in enumerate(graph.nodes)}
    made = [_group(g, above, order) for g in groups]
    return sorted(made, key=lambda g: (max(stages[s] for s in g.sinks), order[g.sinks[0]]))


def _group(
    sinks: list[str], above: Mapping[str, tuple[set[str], set[str]]], order: Mapping[str, int]
) -> Group:
    nodes = set().union(*(above[s][0] for s in sinks))
    needs = set().union(*(above[s][1] for s in sinks)) - set(sinks)
    return Group(
        tuple(sinks),
        tuple(sorted(nodes, key=order.__getitem__)),
        tuple(sorted(needs, key=order.__getitem__)),
    )


def _above(graph: Graph, sink: str) -> tuple[set[str], set[str]]:
    """The nodes that make a sink, up to other sinks; and those sinks."""
    nodes: set[str] = set()
    needs: set[str] = set()
    stack = [sink]
    while stack:
        name = stack.pop()
        if name in nodes:
            continue
        nodes.add(name)
        node = graph[name]
        needs.update(late_nodes(node))
        for pad in node.inputs:
            reads_file = isinstance(node.action, Reopen | Fetched | Search)
            if reads_file or (pad.node != sink and isinstance(graph[pad.node].action, SINKS)):
                needs.add(pad.node)
            else:
                stack.append(pad.node)
    return nodes, needs


def _wait_for_company(
    graph: Graph,
    above: Mapping[str, tuple[set[str], set[str]]],
    stages: dict[str, int],
    keys: Mapping[str, frozenset[str]],
) -> None:
    """A sink that nobody waits for runs with the last one that shares a decode with it: pictures
    need no decode of their own beside an encode that has to wait for a measurement."""
    needed = set().union(*(needs for _, needs in above.values())) if above else set()
    last: dict[tuple[str, frozenset[str]], int] = {}
    spots = {
        sink: [(n, keys[sink]) for n in nodes if isinstance(graph[n].action, Decode)]
        for sink, (nodes, _) in above.items()
    }
    for sink, found in spots.items():
        for spot in found:
            last[spot] = max(last.get(spot, 0), stages[sink])
    for sink, found in spots.items():
        if sink not in needed:
            stages[sink] = max([stages[sink], *(last[s] for s in found)])


def _keys(graph: Graph, marks: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    keys: dict[str, frozenset[str]] = {}
    for node in graph:
        key = marks.get(node.id, frozenset())
        for pad in node.inputs:
            if keys[pad.node]:
                key |= keys[pad.node]
        keys[node.id] = key
    return keys


def _fused(
    graph: Graph,
    sinks: list[str],
    above: Mapping[str, tuple[set[str], set[str]]],
    stages: Mapping[str, int],
    keys: Mapping[str, frozenset[str]],
    cached: frozenset[str],
) -> list[list[str]]:
    """Groups of sinks that share a decode, found in one walk over (decode, stage, key)."""
    leader = {s: s for s in sinks}

    def find(sink: str) -> str:
        while leader[sink] != sink:
            leader[sink] = leader[leader[sink]]
            sink = leader[sink]
        return sink

    asked: dict[Any, list[_Extraction]] = {}
    owner: dict[tuple[str, int, frozenset[str]], str] = {}
    for sink in sinks:
        action = graph[sink].action
        if sink in cached or isinstance(action, _ALONE):
            continue
        if isinstance(action, Fetch):
            leader[find(sink)] = find(_extraction(asked, sink, action, keys[sink]))
            continue
        for name in above[sink][0]:
            if isinstance(graph[name].action, Decode) or _is_source(graph[name]):
                spot = (name, stages[sink], keys[sink])
                first = owner.setdefault(spot, sink)
                leader[find(sink)] = find(first)
    groups: dict[str, list[str]] = {}
    for sink in sinks:
        groups.setdefault(find(sink), []).append(sink)
    return [part for g in groups.values() for part in _bounded(graph, g, above)]


@dataclass(frozen=True, slots=True)
class _Extraction:
    """Parts that come together, with their options; `first` is the sink that began it."""

    first: str
    parts: dict[str, Any]


def _extraction(
    asked: dict[Any, list[_Extraction]], sink: str, fetch: Fetch, key: frozenset[str]
) -> str:
    """The first sink of the extraction that brings `fetch` too: of the same address, asked alike,
    and without another wish for the same part."""
    alike = asked.setdefault((fetch.url, fetch.session, key), [])
    for one in alike:
        if one.parts.setdefault(fetch.kind, fetch.options) == fetch.options:
            return one.first
    alike.append(_Extraction(sink, {fetch.kind: fetch.options}))
    return sink


def _is_source(node: Node) -> bool:
    return isinstance(node.action, Filter) and not node.inputs


def _bounded(
    graph: Graph, sinks: list[str], above: Mapping[str, tuple[set[str], set[str]]]
) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    open_now: set[str] = set()
    for sink in sinks:
        own = {
            n
            for n in above[sink][0]
            if isinstance(graph[n].action, Encode) and graph[n].outputs[0].kind == "video"
        }
        if parts[-1] and len(open_now | own) > _MOST_ENCODERS:
            parts.append([])
            open_now = set()
        parts[-1].append(sink)
        open_now |= own
    return parts
