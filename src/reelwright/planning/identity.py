"""Identities: a Merkle hash over everything upstream of a node that can change its outcome.

Names of nodes and operations, priorities and labels are not part of it: a renamed operation finds
its cached result (BuildKit, ``solver/types.go``, leaves its options out of the vertex digest).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from reelwright.graph.actions import (
    Demux,
    Encode,
    Fetch,
    Fetched,
    Filter,
    Index,
    Keep,
    Late,
    Task,
)
from reelwright.graph.dag import Graph, Node, Pad


@dataclass(frozen=True, slots=True)
class Known:
    """What a graph does not say itself: `digests` of the files behind Demux and Fetched nodes, the
    operator and its version by operation, the tools that run it all (`build`).

    `job` sets what is fetched apart: the next job asks its origin anew. What follows a fetch
    depends on the content that came, whoever fetched it and from where. `models`: the configured
    chain by kind of model.
    """

    digests: Mapping[str, str]
    versions: Mapping[str, str]
    build: str
    job: str = ""
    models: Mapping[str, str] = field(default_factory=dict)


def identities(graph: Graph, known: Known) -> dict[str, str]:
    """Hex SHA-256 by node."""
    found: dict[str, str] = {}
    for node in graph:
        found[node.id] = _of(node, found, known)
    return found


def _of(node: Node, found: Mapping[str, str], known: Known) -> str:
    parts = [known.build, known.versions.get(node.origin or "", ""), _action(node, found, known)]
    if not isinstance(node.action, Fetched):
        parts += [f"{found[p.node]}:{p.index}" for p in node.inputs]
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


def _action(node: Node, found: Mapping[str, str], known: Known) -> str:
    match node.action:
        case Demux() | Fetched():
            return f"file {known.digests[node.id]}"
        case Fetch() | Keep() | Index():
            return f"{node.action!r} for {known.job}"
        case Task(name=name, params=params, model=model, files=files):
            asked = known.models.get(model, "") if model else ""
            return f"task {name} {params!r} {files!r} by {model} {asked}"
        case Filter(args=args) | Encode(options=args) if late_nodes(node):
            shown = [
                (k, f"late {found[v.node]} {v.key}" if isinstance(v, Late) else repr(v))
                for k, v in args
            ]
            name = node.action.name if isinstance(node.action, Filter) else node.action.codec
            return f"{name} {shown!r}"
    return repr(node.action)


def pad_identity(found: Mapping[str, str], pad: Pad) -> str:
    """Of what flows out of one pad: files that stand beside a node's result have their own."""
    own = found[pad.node]
    return hashlib.sha256(f"{own}:{pad.index}".encode()).hexdigest() if pad.index else own


def late_nodes(node: Node) -> list[str]:
    """The nodes whose results this one needs before it can run."""
    match node.action:
        case Filter(args=args) | Encode(options=args):
            return [v.node for _, v in args if isinstance(v, Late)]
    return []
