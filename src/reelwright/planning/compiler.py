"""`compile`: spec and facts to a plan, pass by pass. Pure; the same arguments give the same plan.

The order of the passes, and why:

1. `bind`: references, cycles, unused operations: nothing below needs to think of them.
2. `lower`: operations to nodes, with the facts of every edge.
3. `forms`: copy or encode, decode and mux nodes, conversions. Before sharing, because a decode that
   nobody needs must not be shared.
   Then `quality` (a target becomes a search) and `shards` (a long encode becomes several).
4. `share`: equal nodes become one. Before cascading, so that a rung exists once.
5. `cascade`: rungs of a ladder from each other.
6. `sequences`: readings of a file apart where one would pile up frames.
7. `windows`: which part of a file each reading decodes; last, when it is known who reads.
8. `partition`, `steps`: which process does what, and its argv.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reelwright.errors import Code, Problem, ReelError, SpecErrors
from reelwright.graph.actions import Demux, Fetched
from reelwright.graph.dag import Graph, Pad
from reelwright.graph.registry import Registry
from reelwright.media.info import MediaInfo
from reelwright.planning.bind import Bound, bind
from reelwright.planning.cascade import cascade
from reelwright.planning.facts import Facts
from reelwright.planning.forms import forms
from reelwright.planning.identity import Known, identities
from reelwright.planning.lower import Lowered, lower
from reelwright.planning.partition import partition
from reelwright.planning.plan import Machine, Plan, Step, StepInput, StepKind
from reelwright.planning.quality import quality
from reelwright.planning.shards import shards
from reelwright.planning.share import share
from reelwright.planning.steps import Assembly, Sources, deliveries
from reelwright.planning.windows import sequences, windows
from reelwright.spec.model import JobSpec

# Raised when the same graph is written as commands that give other bytes: what an older planner had
# made is then made again, not taken from the cache.
_REVISION = 2
# x264 scales to about this many threads at 1080p; more cost memory and a little quality.
_MOST_THREADS = 16


@dataclass(slots=True)
class Stages:
    """What each pass left behind, for `reel plan --stage`."""

    bound: Bound
    lowered: Lowered
    graphs: dict[str, Graph]


STAGES = ("lower", "forms", "quality", "shards", "share", "cascade", "sequences", "windows")


def compile(
    spec: JobSpec, facts: Facts, machine: Machine, *, registry: Registry | None = None
) -> Plan:
    """Raises SpecErrors (all that is wrong between spec and media) and ReelError."""
    return _plan(passes(spec, facts, machine, registry=registry), spec, facts, machine, 1, registry)


def expand(
    plan: Plan,
    spec: JobSpec,
    facts: Facts,
    machine: Machine,
    *,
    registry: Registry | None = None,
) -> Plan:
    """The next revision of `plan`, with more results in `facts`. Steps that it had stay as they
    were, with the same ids."""
    stages = passes(spec, facts, machine, registry=registry)
    return _plan(stages, spec, facts, machine, plan.revision + 1, registry)


def passes(
    spec: JobSpec,
    facts: Facts,
    machine: Machine,
    *,
    registry: Registry | None = None,
    until: str | None = None,
) -> Stages:
    """Runs the passes up to and including `until`. Raises USAGE for an unknown name."""
    if until is not None and until not in STAGES:
        raise ReelError(
            Code.USAGE, f"there is no stage '{until}'", hint=f"stages: {', '.join(STAGES)}"
        )
    bound = bind(spec)
    _check_models(bound, machine, registry or _builtin())
    lowered = lower(bound, facts, registry or _builtin())
    demuxers = _demuxers(lowered.graph, facts)
    threads = _threads(machine)
    order: tuple[tuple[str, Callable[[Graph], Graph]], ...] = (
        ("forms", lambda g: forms(g, threads, lowered.awaited)),
        ("quality", quality),
        ("shards", lambda g: shards(g, machine, threads)),
        ("share", share),
        ("cascade", cascade),
        ("sequences", sequences),
        ("windows", lambda g: windows(g, demuxers)),
    )
    graphs = {"lower": lowered.graph}
    graph = lowered.graph
    for name, rewrite in order:
        if until in graphs:
            break
        graph = rewrite(graph)
        graph.check(name)
        graphs[name] = graph
    return Stages(bound, lowered, graphs)


# What may stand in the chain of a kind.
_HOSTED = "openai:…, anthropic:…, google:…, or local:… with its address"
_MEMBERS = {"image-embedding": "clip:FOLDER, the ONNX export of a CLIP or SigLIP"}


def _check_models(bound: Bound, machine: Machine, registry: Registry) -> None:
    """What asks a model that nobody configured is refused before anything runs. Raises SpecErrors.

    A machine that says nothing of a kind is not asked about it."""
    problems = []
    for operation in bound.operations:
        kind = registry.get(operation.op).model
        if kind is None or machine.models.get(kind, kind).partition("#")[0]:
            continue
        setting = f"models.{kind.replace('-', '_')}"
        problems.append(
            Problem(
                Code.MODEL_UNAVAILABLE,
                f"'{operation.op}' asks a {kind} model, and none is configured",
                operation.where,
                f"set {setting}: {_MEMBERS.get(kind, _HOSTED)}",
            )
        )
    if problems:
        raise SpecErrors(problems)


def _builtin() -> Registry:
    from reelwright.operators import REGISTRY

    return REGISTRY


def _threads(machine: Machine) -> int:
    return machine.threads or threads_on(machine.cpus)


def threads_on(cpus: int) -> int:
    """Threads of a command on so many cores."""
    return max(1, min(cpus, _MOST_THREADS))


def _demuxers(graph: Graph, facts: Facts) -> dict[str, str]:
    media = _media(graph, facts)
    return {name: info.demuxer for name, info in media.items()}


def _media(graph: Graph, facts: Facts) -> dict[str, MediaInfo]:
    """MediaInfo by source node."""
    found: dict[str, MediaInfo] = {}
    for node in graph:
        if isinstance(node.action, Demux):
            found[node.id] = _at(facts.media, node.action.input)
        elif isinstance(node.action, Fetched):
            result = facts.results.get(node.inputs[0].node)
            if result is not None:
                found[node.id] = MediaInfo.from_json(result["media"])
    return found


def _at(values: Mapping[str, Any], name: str) -> Any:
    """``clips[2]`` is the third of a glob."""
    base, _, rest = name.partition("[")
    return values[base][int(rest[:-1])] if rest else values[base]


def _plan(
    stages: Stages,
    spec: JobSpec,
    facts: Facts,
    machine: Machine,
    revision: int,
    registry: Registry | None,
) -> Plan:
    graph = stages.graphs[STAGES[-1]]
    media = _media(graph, facts)
    assembly = Assembly(
        graph=graph,
        machine=machine,
        identities=identities(graph, _known(stages, facts, media, machine, registry or _builtin())),
        sources=_sources(graph, facts, media),
        threads=_threads(machine),
        on_damage=_on_damage(spec),
        costs=dict(stages.lowered.costs),
    )
    cached = frozenset(n for n, i in assembly.identities.items() if i in facts.have)
    steps = [assembly.step(g) for g in partition(graph, stages.lowered.marks, cached)]
    delivered = deliveries(graph, assembly.made, {s.id: s for s in steps})
    _check_paths(delivered, spec)
    steps += _unresolved(stages.lowered, assembly)
    return Plan(
        revision=revision,
        steps=tuple(steps),
        deliveries=delivered,
        warnings=stages.lowered.warnings,
        unresolved=stages.lowered.unresolved,
    )


def _known(
    stages: Stages,
    facts: Facts,
    media: Mapping[str, MediaInfo],
    machine: Machine,
    registry: Registry,
) -> Known:
    operators = {o.id: o.op for o in stages.bound.operations}
    versions = {o: f"{op}@{registry.get(op).version}" for o, op in operators.items()}
    digests = {name: info.sha256 for name, info in media.items()}
    tools = [f"{k}={v}" for k, v in sorted(machine.tools.items())]
    build = ",".join([f"planner={_REVISION}", *tools])
    return Known(digests, versions, build, facts.job, machine.models)


def _sources(graph: Graph, facts: Facts, media: Mapping[str, MediaInfo]) -> Sources:
    files: dict[str, StepInput] = {}
    for node in graph:
        if isinstance(node.action, Demux):
            info = media[node.id]
            uri = _at(facts.uris, node.action.input)
            files[node.id] = StepInput(name="", uri=uri, sha256=info.sha256, demuxer=info.demuxer)
    return Sources(files, media)


def _on_damage(spec: JobSpec) -> dict[str, str]:
    found = {name: i.on_damage for name, i in spec.inputs.items()}
    if spec.on_damage == "keep":
        found = dict.fromkeys(found, "keep")
    return found


def _check_paths(delivered: tuple[Any, ...], spec: JobSpec) -> None:
    """Two outputs at one path: only now are the numbered names known."""
    seen: dict[str, int] = {}
    for delivery in delivered:
        other = seen.setdefault(delivery.to, delivery.index)
        if other != delivery.index:
            where = spec.outputs[delivery.index].where
            raise SpecErrors(
                [Problem(Code.OUTPUT_DUPLICATE, f"'{delivery.to}' is written twice", where)]
            )


def _unresolved(lowered: Lowered, assembly: Assembly) -> list[Step]:
    """One step for all that waits for the same results."""
    waiting: dict[tuple[str, ...], list[str]] = {}
    for operation, nodes in lowered.unresolved.items():
        waiting.setdefault(nodes, []).append(operation)
    made: list[Step] = []
    for nodes, operations in waiting.items():
        needs = tuple(
            dict.fromkeys(assembly.made[Pad(n)][0] for n in nodes if Pad(n) in assembly.made)
        )
        names = ", ".join(operations)
        made.append(
            Step(
                id=f"unresolved-{operations[0]}".replace("[", "-").replace("]", ""),
                kind=StepKind.UNRESOLVED,
                identity="",
                operations=tuple(operations),
                needs=needs,
                because=(f"{names}: known when {', '.join(nodes)} has a result",),
            )
        )
    return made
