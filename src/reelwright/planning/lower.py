"""Pass `lower`: operations build the media graph; outputs choose their strands.

The facts of every edge are inferred here, since building and inferring are the same code. What
waits for a result that is not there yet stays behind as unresolved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from reelwright.errors import Code, Problem, ReelError, SpecErrors
from reelwright.graph.actions import Deliver, Demux
from reelwright.graph.builder import Builder, Unknown
from reelwright.graph.dag import Edge, Graph, Node, Pad
from reelwright.graph.operator import Bundle, Cost, Fan, Inputs, Operator, Strand
from reelwright.graph.registry import Registry
from reelwright.media.info import MediaInfo
from reelwright.media.streams import StreamKind
from reelwright.planning.bind import Bound
from reelwright.planning.facts import Facts
from reelwright.planning.outputs import choose_strands
from reelwright.spec.model import OperationSpec, OutputSpec, Ref


@dataclass(frozen=True, slots=True)
class Missing:
    """A value that waits for the results of `nodes`."""

    nodes: frozenset[str]


Value = Bundle | Fan | Missing


@dataclass(frozen=True, slots=True)
class Lowered:
    """`marks`: the results that had been read when a node was built. Nodes fuse only with nodes
    that wait for the same results, so that a later revision never changes an earlier step."""

    graph: Graph
    marks: Mapping[str, frozenset[str]]
    awaited: frozenset[str]
    unresolved: Mapping[str, tuple[str, ...]]
    warnings: tuple[str, ...] = ()
    costs: Mapping[str, Cost] = field(default_factory=dict)  # operators' own, by operation


@dataclass(slots=True)
class _State:
    bound: Bound
    facts: Facts
    registry: Registry
    nodes: dict[str, Node] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    marks: dict[str, frozenset[str]] = field(default_factory=dict)
    awaited: set[str] = field(default_factory=set)
    unresolved: dict[str, tuple[str, ...]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    costs: dict[str, Cost] = field(default_factory=dict)
    brought: dict[str, tuple[Strand, ...]] = field(default_factory=dict)


def lower(bound: Bound, facts: Facts, registry: Registry) -> Lowered:
    """Raises SpecErrors with all that is wrong between operations and what they are given."""
    state = _State(bound, facts, registry)
    for name in bound.inputs:
        state.values[name] = _open(state, name)
    for operation in bound.operations:
        _operation(state, operation)
    for index, output in enumerate(bound.spec.outputs):
        _output(state, index, output)
    if state.problems:
        raise SpecErrors(state.problems)
    graph = Graph(state.nodes)
    graph.check("lower")
    wanted = _wanted(bound, registry)
    return Lowered(
        graph,
        state.marks,
        frozenset(state.awaited),
        {name: nodes for name, nodes in state.unresolved.items() if name in wanted},
        (*bound.warnings, *state.warnings),
        state.costs,
    )


def _wanted(bound: Bound, registry: Registry) -> set[str]:
    """Outputs, and operations whose streams somebody reads: of what is only kept as it is fetched,
    nobody needs to know what is in it."""
    wanted = {f"outputs[{index}]" for index in range(len(bound.spec.outputs))}
    wanted |= {ref.name for output in bound.spec.outputs for ref in output.refs}
    for operation in reversed(bound.operations):
        if operation.id in wanted or operation.is_goal:
            early = {port.name for port in registry.get(operation.op).ports if port.fetched}
            read = (refs for port, refs in operation.inputs.items() if port not in early)
            wanted.update(ref.name for refs in read for ref in refs)
    return wanted


def _open(state: _State, name: str) -> Value:
    media = state.facts.media[name]
    if isinstance(media, MediaInfo):
        return _demux(state, name, name, media)
    return Fan(tuple(_demux(state, name, f"{name}[{i}]", m) for i, m in enumerate(media)))


def _demux(state: _State, origin: str, node: str, media: MediaInfo) -> Bundle:
    edges = tuple(Edge(s, True) for s in media.opened)
    state.nodes[node] = Node(node, Demux(node), (), edges, origin)
    return Bundle(tuple(Strand(Pad(node, i), s, True) for i, s in enumerate(media.opened)))


def _operation(state: _State, operation: OperationSpec) -> None:
    operator = state.registry.get(operation.op)
    early = {port.name for port in operator.ports if port.fetched}
    # What is taken as it is fetched waits for nothing.
    names = [
        ref.name for port, refs in operation.inputs.items() if port not in early for ref in refs
    ]
    missing: frozenset[str] = frozenset().union(
        *(v.nodes for n in names if isinstance(v := state.values.get(n), Missing))
    )
    if missing or any(name not in state.values for name in names):
        # An operation whose input failed is not reported again: one cause, one message.
        if missing:
            _wait(state, operation.id, missing)
        return
    awaited: set[str] = set()
    try:
        state.values[operation.id] = _build(state, operation, operator, awaited)
    except Unknown as unknown:
        _wait(state, operation.id, frozenset({unknown.node}))
    except ReelError as error:
        state.problems += [
            replace(p, where=_place(p.where, operation.where)) for p in error.problems
        ]
    state.awaited |= awaited


def _place(where: str | None, operation: str) -> str:
    """An operator names a parameter of its own at the most (``at[1]``)."""
    if where is None:
        return operation
    return where if _is_place(where) else f"{operation}.{where}"


def _is_place(where: str | None) -> bool:
    return where is not None and where.startswith(("operations", "inputs", "outputs"))


def _wait(state: _State, operation: str, nodes: frozenset[str]) -> None:
    state.values[operation] = Missing(nodes)
    state.unresolved[operation] = tuple(sorted(nodes))


def _build(state: _State, operation: OperationSpec, operator: Operator, awaited: set[str]) -> Value:
    lanes = _lanes(state, operation, operator)
    made: list[Bundle] = []
    fanned = len(lanes) > 1 or _is_fanned(state, operation, operator)
    for number, inputs in enumerate(lanes):
        _check_ports(operation, operator, inputs)
        builder = Builder(
            operation.id,
            state.nodes,
            state.facts.results,
            operator=operation.op,
            lane=number if fanned else None,
            awaited=awaited,
            marks=state.marks,
        )
        try:
            value = operator.build(operation.params, inputs, builder)
        finally:
            state.brought[operation.id] = tuple(builder.brought)
        told = [f"{operation.where}: {text}" for text in builder.warnings]
        state.warnings += [w for w in told if w not in state.warnings]
        _add_cost(state, operation.id, operator.estimate(operation.params, inputs))
        made += value.lanes if isinstance(value, Fan) else [value]
        fanned = fanned or isinstance(value, Fan)
    return Fan(tuple(made)) if fanned else made[0]


def _add_cost(state: _State, operation: str, cost: Cost | None) -> None:
    if cost is not None:
        old = state.costs.get(operation, Cost())
        state.costs[operation] = Cost(
            old.cpu_seconds + cost.cpu_seconds,
            max(old.memory_bytes, cost.memory_bytes),
            old.disk_bytes + cost.disk_bytes,
        )


def _is_fanned(state: _State, operation: OperationSpec, operator: Operator) -> bool:
    whole = {p.name for p in operator.ports if p.many or p.fetched}
    return any(
        isinstance(state.values[ref.name], Fan)
        for port, refs in operation.inputs.items()
        if port not in whole
        for ref in refs
    )


def _lanes(state: _State, operation: OperationSpec, operator: Operator) -> list[Inputs]:
    """One set of inputs per lane; what is not fanned goes to every lane. A `many` port takes all
    lanes at once."""
    many = {p.name for p in operator.ports if p.many}
    early = {p.name for p in operator.ports if p.fetched}
    fixed: dict[str, tuple[Bundle, ...]] = {}
    fanned: dict[str, tuple[Bundle, ...]] = {}
    for port, refs in operation.inputs.items():
        if port in early:
            fixed[port] = tuple(_as_fetched(state, operation, port, ref) for ref in refs)
            continue
        found: list[Bundle] = []
        for ref in refs:
            value = state.values[ref.name]
            assert not isinstance(value, Missing)
            bundles = value.lanes if isinstance(value, Fan) else (value,)
            picked = [pick(b, ref, f"{operation.where}.input") for b in bundles]
            if isinstance(value, Fan) and port not in many:
                fanned[port] = tuple(picked)
            else:
                found += picked
        if found:
            fixed[port] = tuple(found)
    if not fanned:
        return [fixed]
    counts = {len(lanes) for lanes in fanned.values()}
    if len(counts) > 1:
        raise ReelError(
            Code.PORT_MISSING,
            f"its inputs come in different numbers: {sorted(counts)}",
            where=operation.where,
            hint="feed all ports from the same fan-out, or from single streams",
        )
    return [
        fixed | {port: (lanes[i],) for port, lanes in fanned.items()} for i in range(counts.pop())
    ]


def _as_fetched(state: _State, operation: OperationSpec, port: str, ref: Ref) -> Bundle:
    """The files that a fetch brings, whatever is in them. Raises STREAM_KIND."""
    brought = state.brought.get(ref.name, ())
    if not brought:
        raise ReelError(
            Code.STREAM_KIND,
            f"'{operation.op}' takes what is fetched from an address, and '{ref.name}' is not",
            where=f"{operation.where}.inputs.{port}",
            hint="name a `fetch`, `metadata`, `captions` or a `thumbnail` with `url`",
        )
    if ref.kind is not None:  # a stream of the file: what is taken is the file
        ref = Ref(ref.name)
    return pick(Bundle(brought), ref, f"{operation.where}.inputs.{port}")


def _check_ports(operation: OperationSpec, operator: Operator, inputs: Inputs) -> None:
    for port in operator.ports_beside(vars(operation.params)):
        bundles = inputs.get(port.name, ())
        if port.required and not bundles:
            raise ReelError(
                Code.PORT_MISSING, f"'{operation.op}' needs its port '{port.name}' connected"
            )
        for bundle in bundles:
            for kind in sorted(port.needs):
                if not bundle.of_kind(kind):
                    has = ", ".join(sorted({s.kind.value for s in bundle})) or "nothing"
                    raise ReelError(
                        Code.STREAM_MISSING,
                        f"'{operation.op}' needs {kind.value} on its port '{port.name}',"
                        f" but is given {has}",
                        where=f"{operation.where}.input",
                    )


def pick(bundle: Bundle, ref: Ref, where: str) -> Bundle:
    """The part of a bundle that a reference names. Raises STREAM_MISSING, PORT_UNKNOWN."""
    strands: Iterable[Strand] = bundle
    if ref.kind is not None:
        strands = bundle.of_kind(ref.kind)
    elif ref.label is not None:
        strands = [s for s in bundle if s.label == ref.label]
    found = tuple(strands)
    if ref.index is not None:
        found = found[ref.index : ref.index + 1]
    if not found and (ref.kind or ref.label or ref.index is not None):
        kinds = [f"{ref.name}.{k.value}" for k in StreamKind if bundle.of_kind(k)]
        labels = [f"{ref.name}.{s.label}" for s in bundle if s.label]
        raise ReelError(
            Code.STREAM_MISSING,
            f"'{ref}' does not exist",
            where=where,
            hint=f"there is: {', '.join([*kinds, *labels]) or 'nothing'}",
        )
    return Bundle(found)


def _output(state: _State, index: int, output: OutputSpec) -> None:
    values = [state.values.get(ref.name) for ref in output.refs]
    name = f"outputs[{index}]"
    if any(v is None for v in values):
        return
    missing: frozenset[str] = frozenset().union(
        *(v.nodes for v in values if isinstance(v, Missing))
    )
    if missing:
        state.unresolved[name] = tuple(sorted(missing))
        return
    try:
        _deliver(state, index, output, name)
    except ReelError as error:
        state.problems += [
            replace(p, where=p.where if _is_place(p.where) else output.where)
            for p in error.problems
        ]


def _deliver(state: _State, index: int, output: OutputSpec, name: str) -> None:
    fans: list[tuple[Bundle, ...]] = []
    for ref in output.refs:
        value = state.values[ref.name]
        assert not isinstance(value, Missing)
        bundles = value.lanes if isinstance(value, Fan) else (value,)
        fans.append(tuple(pick(b, ref, f"{output.where}.from") for b in bundles))
    count = max(len(f) for f in fans)
    if any(len(f) not in (1, count) for f in fans):
        raise ReelError(Code.OUTPUT_FORMAT, "its references come in different numbers")
    for lane in range(count):
        chosen = Bundle(tuple(s for f in fans for s in f[lane if len(f) > 1 else 0]))
        strands, warnings = choose_strands(chosen, output)
        state.warnings += [w for w in warnings if w not in state.warnings]
        node = name if count == 1 else f"{name}[{lane}]"
        action = Deliver(index, output.to, (output, lane + 1 if count > 1 else None))
        state.nodes[node] = Node(node, action, tuple(s.pad for s in strands), (), name)
