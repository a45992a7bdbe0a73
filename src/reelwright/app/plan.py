"""From a request to a plan: parse, look at the inputs, compile. Nothing is written."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelwright.app.request import Kept, Request, check_count, kept_inputs, parse

if TYPE_CHECKING:
    from reelwright.app.inputs import Uploads
    from reelwright.app.wiring import App
    from reelwright.planning.compiler import Stages
    from reelwright.planning.facts import Facts
    from reelwright.planning.plan import Machine, Plan, Step
    from reelwright.spec.model import JobSpec


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with what it was made from. `cached` are the ids of steps that the cache holds."""

    request: Request
    spec: JobSpec
    plan: Plan
    kept: Kept
    cached: frozenset[str] = frozenset()


async def plan_request(
    app: App, request: Request, uploads: Uploads | None = None, owner: str | None = None
) -> Planned:
    """`uploads` and `owner` as for `find_inputs`.

    Raises SpecErrors (all that is wrong), TOOL_MISSING, STORE_*.
    """
    spec, facts, machine, kept = await _facts(app, request, uploads, owner)
    return compiled(app, request, spec, facts, machine, kept)


def compiled(
    app: App, request: Request, spec: JobSpec, facts: Facts, machine: Machine, kept: Kept
) -> Planned:
    """Raises SpecErrors."""
    from reelwright.planning.compiler import compile as compile_plan

    plan = compile_plan(spec, facts, machine)
    have = _held(app, plan)
    if have and not _all_alone(plan, have):
        # What is there already is planned on its own: nothing else drags it through an encode.
        facts = _with(facts, have)
        plan = compile_plan(spec, facts, machine)
        kept = Kept(**{**kept.to_json(), "have": tuple(sorted(have))})
        have = _held(app, plan)
    return Planned(request, spec, plan, kept, _cached(plan, have))


async def plan_stages(app: App, request: Request, until: str) -> Stages:
    """The graph after each pass, up to `until`. Raises USAGE for an unknown name."""
    from reelwright.planning.compiler import passes

    spec, facts, machine, _ = await _facts(app, request)
    return passes(spec, facts, machine, until=until)


async def _facts(
    app: App, request: Request, uploads: Uploads | None = None, owner: str | None = None
) -> tuple[JobSpec, Facts, Machine, Kept]:
    from reelwright.app.inputs import find_inputs
    from reelwright.app.machine import kept_of
    from reelwright.app.replan import apart
    from reelwright.planning.bind import bind
    from reelwright.planning.facts import Facts

    spec = parse(request, request.base, request.name)
    check_count(spec, app.settings.limits.operations)
    # Before any file is opened: what is wrong with the references is not the inputs' fault.
    used = bind(spec).inputs
    found = await find_inputs(app, {name: spec.inputs[name] for name in used}, uploads, owner)
    nonce = None
    if not request.use_cache:
        import secrets

        nonce = secrets.token_hex(8)
    machine = app.machine
    kept = Kept(
        text=request.text,
        variables=dict(request.variables),
        allow_outside=request.allow_outside,
        inputs=kept_inputs(found),
        nonce=nonce,
        own=os.urandom(8).hex(),
        operators={o.id: o.op for o in spec.operations},
        machine=kept_of(machine),
    )
    facts = Facts(media=found.media, uris=found.uris, job=kept.own)
    return spec, facts, apart(machine, nonce), kept


def _with(facts: Facts, have: frozenset[str]) -> Facts:
    from dataclasses import replace

    return replace(facts, have=have)


def _held(app: App, plan: Plan) -> frozenset[str]:
    """Identities of steps and outputs that the cache holds whole."""
    from reelwright.store import artifacts

    wanted = {step.identity for step in plan.steps if step.identity}
    wanted |= {output.identity for step in plan.steps for output in step.outputs}
    with app.store.read() as tx:
        return frozenset(artifacts.outcomes_of(tx, wanted))


def _all_alone(plan: Plan, have: frozenset[str]) -> bool:
    """Whether every output that is held belongs to a step that is held as a whole."""
    return all(
        step.identity in have or not any(output.identity in have for output in step.outputs)
        for step in plan.steps
    )


def _cached(plan: Plan, have: frozenset[str]) -> frozenset[str]:
    return frozenset(step.id for step in plan.steps if step.identity in have)


def to_json(planned: Planned) -> dict[str, Any]:
    """The plan for programs; `cached` steps will be taken as they are."""
    return plan_json(planned.plan, planned.cached)


def plan_json(plan: Plan, cached: Collection[str]) -> dict[str, Any]:
    """`cached` are ids of steps."""
    return {
        "steps": [_step(step, step.id in cached) for step in plan.steps],
        "outputs": [
            {"to": d.to, "step": d.step, "output": d.output, "index": d.index}
            for d in plan.deliveries
        ],
        "warnings": list(plan.warnings),
        "unresolved": {name: list(nodes) for name, nodes in plan.unresolved.items()},
        "revision": plan.revision,
    }


def _step(step: Step, is_cached: bool) -> dict[str, Any]:
    estimate = step.estimate
    return {
        "id": step.id,
        "kind": step.kind.value,
        "operations": list(step.operations),
        "argv": [list(argv) for argv in step.commands],
        "because": list(step.because),
        "needs": list(step.needs),
        "inputs": [
            {"name": i.name, "uri": i.uri, "step": i.step, "output": i.output} for i in step.inputs
        ],
        "outputs": [{"name": o.name, "container": o.container} for o in step.outputs],
        "estimate": {
            "cpu_seconds": estimate.cpu_seconds,
            "memory_bytes": estimate.memory_bytes,
            "disk_bytes": estimate.disk_bytes,
            "wall_seconds": list(estimate.wall_seconds),
        },
        "cached": is_cached,
        "identity": step.identity,
    }
