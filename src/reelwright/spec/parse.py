"""Text to JobSpec: everything that is wrong at once, nothing opened, nothing changed elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError, SpecErrors
from reelwright.graph.params import Object
from reelwright.graph.params.form import form_of, shown
from reelwright.operators import REGISTRY
from reelwright.spec.destinations import Destinations
from reelwright.spec.forms import LABELS, ON_DAMAGE, TIME_LIMIT, WEBHOOK, whole
from reelwright.spec.inputs import read_inputs
from reelwright.spec.model import JobSpec
from reelwright.spec.operations import Operations
from reelwright.spec.outputs import Outputs
from reelwright.spec.report import Field, Fields, Report, in_order
from reelwright.spec.text import load, places
from reelwright.spec.variables import Variables, is_name

if TYPE_CHECKING:
    from reelwright.graph.registry import Registry

VERSION = 1
_OBJECT = form_of(Object)

FIELDS: Fields = {
    "version": Field(None, "of this form; 1"),
    "inputs": Field(None, "name: path, or name: {path: ..., on_damage: ...}"),
    "operations": Field(None, "what is done, each with `op` and its parameters"),
    "outputs": Field(None, "what is kept, and where"),
    "vars": Field(_OBJECT, "values for ${name}; --set name=value goes before them"),
    "priority": Field(whole("priority", -100, 100), "higher goes first; 0 is the default"),
    "timeout": Field(TIME_LIMIT, "the job is stopped after this time"),
    "labels": Field(LABELS, "names and texts to find the job by"),
    "webhook": Field(WEBHOOK, "is told of the job's end"),
    "on_damage": Field(ON_DAMAGE, "for inputs that do not say their own"),
}


def parse_text(
    text: str,
    *,
    base: Path | None = None,
    variables: Mapping[str, str] | None = None,
    name: str | None = None,
    registry: Registry = REGISTRY,
    allow_outside: bool = False,
    confined: bool = False,
) -> JobSpec:
    """A job spec of YAML or JSON text.

    `base` is the folder that relative paths are relative to (absolute; without it they stay
    relative). `variables` are texts for ``${name}``, before those of `vars`. `name` is the text's,
    for messages. `allow_outside` lets relative output paths leave `base`; `confined` (for a
    service) lets no path leave it. Raises SpecErrors with every problem, in document order.
    """
    try:
        body, problems = load(text)
    except ReelError as error:
        raise _of_text(error, name) from error
    if not isinstance(body, dict):
        raise SpecErrors([_no_mapping(body).problem])
    report = Report({"base": base})
    report.problems.extend(problems)
    body = _fill_variables(report, body, variables or {})
    spec = _read(report, body, registry, base, allow_outside=allow_outside, confined=confined)
    if report.problems:
        raise SpecErrors(in_order(report.problems, lambda: places(text)))
    return spec


def _read(
    report: Report,
    body: dict[str, Any],
    registry: Registry,
    base: Path | None,
    *,
    allow_outside: bool,
    confined: bool,
) -> JobSpec:
    fields = report.fields(body, "", FIELDS, "the spec")
    _check_version(report, fields.get("version", VERSION))
    on_damage = fields.get("on_damage", "fail")
    written = fields.get("inputs", {})
    inputs = read_inputs(report, written, on_damage)
    names = written if isinstance(written, dict) else None
    operations = Operations(report, registry, fields.get("operations"), names)
    made = operations.read()
    goals = Destinations(report, inputs, base, allow_outside=allow_outside, confined=confined)
    has_goal = any(operation.is_goal for operation in made)
    outputs = Outputs(report, operations, goals).read(fields.get("outputs"), has_goal=has_goal)
    return JobSpec(
        version=VERSION,
        inputs=inputs,
        operations=made,
        outputs=outputs,
        priority=fields.get("priority", 0),
        timeout=fields.get("timeout"),
        labels=fields.get("labels", {}),
        webhook=fields.get("webhook"),
        on_damage=on_damage,
        source=body,
    )


def _fill_variables(
    report: Report, body: dict[str, Any], given: Mapping[str, str]
) -> dict[str, Any]:
    defined = body.get("vars")
    known = defined if isinstance(defined, dict) else {}
    for key in known:
        if not is_name(key):
            report.add(
                Code.FIELD_INVALID,
                f"vars.{key}",
                f"'{key}' is not a name of a variable; write letters, digits, '_' and '-'",
            )
    variables = Variables(known, given)
    filled = {k: v if k == "vars" else variables.fill(v, k) for k, v in body.items()}
    variables.check_given()
    report.problems.extend(variables.problems)
    return filled


def _check_version(report: Report, value: Any) -> None:
    if value is True or str(value) not in {str(VERSION), f"{VERSION}.0"}:
        report.add(
            Code.SPEC_VERSION,
            "version",
            f"{shown(value)} is not a version of the spec that this release knows",
            f"write version: {VERSION}, or leave it out",
        )


def _of_text(error: ReelError, name: str | None) -> SpecErrors:
    problem = error.problem
    if name is None:
        return SpecErrors([problem])
    named = ReelError(
        problem.code,
        problem.message,
        where=name,
        hint=problem.hint,
        evidence=problem.evidence,
    )
    return SpecErrors([named.problem])


def _no_mapping(body: Any) -> ReelError:
    if body is None:
        what = "the spec is empty"
    else:
        what = f"a spec is a mapping with inputs, operations and outputs, not {shown(body)}"
    example = "inputs: {talk: talk.mp4}, operations: [...], outputs: [{from: talk, to: out.mp4}]"
    return ReelError(Code.SPEC_SYNTAX, what, hint=f"begin with {example}")
