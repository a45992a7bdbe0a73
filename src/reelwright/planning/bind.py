"""Pass `bind`: which operation reads which; references, cycles, and what nobody uses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reelwright.errors import Code, Problem, SpecErrors
from reelwright.spec.model import JobSpec, OperationSpec


@dataclass(frozen=True, slots=True)
class Bound:
    """Operations that some output or goal needs, in an order in which each stands after what it
    reads."""

    spec: JobSpec
    operations: tuple[OperationSpec, ...]
    inputs: tuple[str, ...]
    warnings: tuple[str, ...]


def bind(spec: JobSpec) -> Bound:
    """Raises SpecErrors for unknown references and cycles (the message shows the cycle)."""
    by_id = {o.id: o for o in spec.operations}
    problems = list(_unknown(spec, by_id.keys() | spec.inputs.keys()))
    if problems:
        raise SpecErrors(problems)
    order = _sorted(spec.operations, by_id)
    used = _reached(spec, order)
    warnings = [
        f"operation '{o.id}' ({o.where}) is not used by any output"
        for o in order
        if o.id not in used
    ]
    warnings += [f"input '{name}' is not used" for name in spec.inputs if name not in used]
    return Bound(
        spec,
        tuple(o for o in order if o.id in used),
        tuple(name for name in spec.inputs if name in used),
        tuple(warnings),
    )


def _reads(operation: OperationSpec) -> Iterable[str]:
    for refs in operation.inputs.values():
        for ref in refs:
            yield ref.name


def _unknown(spec: JobSpec, known: Iterable[str]) -> Iterable[Problem]:
    names = set(known)
    places = [(name, f"{o.where}.input") for o in spec.operations for name in _reads(o)]
    places += [(ref.name, f"{o.where}.from") for o in spec.outputs for ref in o.refs]
    for name, where in places:
        if name not in names:
            yield Problem(
                Code.REFERENCE_UNKNOWN,
                f"'{name}' is neither an input nor an operation{_meant(name, names)}",
                where,
            )


def _meant(name: str, names: set[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, names, n=1, cutoff=0.5)
    return f", did you mean '{near[0]}'?" if near else ""


def _sorted(
    operations: tuple[OperationSpec, ...], by_id: dict[str, OperationSpec]
) -> list[OperationSpec]:
    """Depth first with an own stack: a chain of 10,000 operations is no reason for a deep one."""
    done: dict[str, OperationSpec] = {}
    for root in operations:
        if root.id in done:
            continue
        path: dict[str, None] = {root.id: None}
        stack = [(root, iter(_reads(root)))]
        while stack:
            operation, reads = stack[-1]
            for name in reads:
                if name in path:
                    raise SpecErrors([_cycle(list(path), name, operation)])
                if name in by_id and name not in done:
                    path[name] = None
                    stack.append((by_id[name], iter(_reads(by_id[name]))))
                    break
            else:
                stack.pop()
                path.pop(operation.id)
                done[operation.id] = operation
    return list(done.values())


def _cycle(path: list[str], again: str, at: OperationSpec) -> Problem:
    ring = [*path[path.index(again) :], again]
    # The path walks against the stream; a person reads with it.
    shown = " -> ".join(reversed(ring))
    return Problem(
        Code.REFERENCE_CYCLE, f"operations feed themselves: {shown}", f"{at.where}.input"
    )


def _reached(spec: JobSpec, order: list[OperationSpec]) -> set[str]:
    used = {ref.name for output in spec.outputs for ref in output.refs}
    used |= {operation.id for operation in order if operation.is_goal}
    for operation in reversed(order):
        if operation.id in used:
            used.update(_reads(operation))
    return used
