"""The `operations` of a spec: ids, connections and parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from types import NoneType
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from reelwright.errors import Code, ReelError
from reelwright.graph.params.form import shown
from reelwright.media.streams import StreamKind
from reelwright.spec.forms import NAME, REFERENCE
from reelwright.spec.model import OperationSpec, Ref
from reelwright.spec.refusals import RESERVED, report_refusals
from reelwright.spec.variables import is_name

if TYPE_CHECKING:
    from reelwright.graph.operator import Operator, Port
    from reelwright.graph.registry import Registry
    from reelwright.spec.report import Report

_KINDS = [kind.value for kind in StreamKind]


class Operations:
    """Reads the list in two walks: first the ids, so that references may look forward, then each
    operation."""

    def __init__(
        self, report: Report, registry: Registry, value: Any, input_names: Iterable[str] | None
    ) -> None:
        self.report = report
        # False: inputs or operations cannot be read at all, which is said once and not again at
        # each reference.
        self._knows_names = input_names is not None and isinstance(value, list | NoneType)
        self.inputs = [str(name) for name in input_names or ()]
        self._registry = registry
        self._operators: dict[str, Operator | ReelError] = {}
        self._entries = self._list(value)
        self._ids = self._read_ids()
        self.names = {*self.inputs, *self._ids}

    def read(self) -> tuple[OperationSpec, ...]:
        made = [self._operation(i, entry) for i, entry in enumerate(self._entries)]
        return tuple(o for o in made if o is not None)

    def reference(self, value: Any, where: str) -> Ref | None:
        """A reference to something that is there; else None, and noted."""
        ref: Ref | None = self.report.convert(REFERENCE, value, where)
        if ref is None:
            return None
        if ref.name not in self.names and not self._knows_names:
            return None
        if ref.name not in self.names:
            near = self.report.meant(ref.name, self.names)
            self.report.add(
                Code.REFERENCE_UNKNOWN,
                where,
                f"there is no input or operation '{ref.name}'{near}",
                self._known_names,
            )
            return None
        if ref.label is not None and ref.name in self.inputs:
            near = self.report.meant(ref.label, _KINDS)
            self.report.add(
                Code.REFERENCE_UNKNOWN,
                where,
                f"input '{ref.name}' has no '{ref.label}'{near}",
                f"an input's streams are {', '.join(_KINDS)}",
            )
            return None
        return ref

    @cached_property
    def _known_names(self) -> str:
        names = list(dict.fromkeys([*self.inputs, *self._ids]))
        if not names:
            return "the spec has no inputs and no operations"
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        return f"known names: {', '.join(names[:12])}{more}"

    def _list(self, value: Any) -> list[Any]:
        if value is None:
            return []
        if isinstance(value, list):
            return value
        self.report.add(
            Code.FIELD_INVALID,
            "operations",
            f"{shown(value)} is not a list of operations; write one a line: "
            "- {id: cut, op: trim, input: talk, start: 10s}",
        )
        return []

    def _read_ids(self) -> list[str]:
        """One id for each entry: as given, or made of the operator and a number."""
        taken = {name: f"inputs.{name}" for name in self.inputs}
        ids = [self._given_id(i, entry, taken) for i, entry in enumerate(self._entries)]
        counts: dict[str, int] = {}
        for i, entry in enumerate(self._entries):
            if ids[i] is None:
                ids[i] = _make_id(entry, counts, taken)
        return [made or "" for made in ids]

    def _given_id(self, i: int, entry: Any, taken: dict[str, str]) -> str | None:
        if not isinstance(entry, dict) or entry.get("id") is None:
            return None
        where = f"operations[{i}]"
        name: str | None = self.report.convert(NAME, entry["id"], f"{where}.id")
        if name is None:
            return None
        if name in taken:
            self.report.add(
                Code.OPERATION_DUPLICATE,
                f"{where}.id",
                f"the name '{name}' is already taken by {taken[name]}",
            )
            return name
        taken[name] = where
        return name

    def _operation(self, i: int, entry: Any) -> OperationSpec | None:
        where = f"operations[{i}]"
        body = self.report.mapping(
            entry, where, "an operation", "{op: trim, input: talk, start: 10s}"
        )
        if body is None:
            return None
        operator = self._operator(body, where)
        if operator is None:
            for place, value in _written_references(body, where):
                self.reference(value, place)
            return None
        inputs = self._connect(operator, body, where, i)
        params = self._params(operator, body, where)
        if params is None:
            return None
        return OperationSpec(
            id=self._ids[i],
            op=operator.name,
            inputs=inputs,
            params=params,
            where=where,
            is_goal=operator.is_goal,
        )

    def _operator(self, body: Mapping[str, Any], where: str) -> Operator | None:
        name = body.get("op")
        if name is None:
            near = next((k for k in ("operator", "operation", "type", "kind") if k in body), None)
            instead = f" (it has '{near}')" if near else ""
            self.report.missing(f"{where}.op", f"an operation needs 'op', the operator{instead}")
            return None
        if not isinstance(name, str):
            self.report.add(
                Code.FIELD_INVALID,
                f"{where}.op",
                f"{shown(name)} is not an operator; write its name, like trim",
            )
            return None
        if name not in self._operators:
            self._operators[name] = self._load(name)
        found = self._operators[name]
        if isinstance(found, ReelError):
            self.report.add(found.code, f"{where}.op", str(found), found.problem.hint)
            return None
        return found

    def _load(self, name: str) -> Operator | ReelError:
        try:
            return self._registry.get(name)
        except ReelError as error:
            return error

    def _params(self, operator: Operator, body: Mapping[str, Any], where: str) -> Any:
        given = {k: v for k, v in body.items() if k not in RESERVED and v is not None}
        try:
            return operator.params.model_validate(given, context=self.report.context)
        except ValidationError as error:
            report_refusals(self.report, error, operator, given, where)
            return None

    def _connect(
        self, operator: Operator, body: Mapping[str, Any], where: str, i: int
    ) -> dict[str, tuple[Ref, ...]]:
        one, several = body.get("input"), body.get("inputs")
        if one is not None and several is not None:
            self.report.add(
                Code.FIELD_INVALID,
                f"{where}.inputs",
                "'input' and 'inputs' say the same; give one of them",
            )
            return {}
        ports = operator.ports_beside(body)
        if one is None and several is None:
            return self._follow(operator, ports, where, i)
        if isinstance(several, dict):
            found = self._by_port(operator, ports, several, f"{where}.inputs")
        else:
            place = f"{where}.{'input' if several is None else 'inputs'}"
            found = self._by_order(operator, ports, one if several is None else several, place)
        missing = [p for p in ports if p.required and p.name not in found]
        # A port by a wrong name was told already; that it is missing too is no news.
        given = several if isinstance(several, dict) else {}
        if missing and given.keys() <= {p.name for p in ports}:
            self._port_missing(operator, missing, where)
        return {port: refs for port, refs in found.items() if refs}

    def _by_port(
        self, operator: Operator, ports: Sequence[Port], body: Mapping[str, Any], where: str
    ) -> dict[str, tuple[Ref, ...]]:
        known = {port.name: port for port in ports}
        found: dict[str, tuple[Ref, ...]] = {}
        for name, value in body.items():
            if name not in known:
                self._port_unknown(operator, ports, name, f"{where}.{name}")
            elif value is not None:
                found[name] = self._refs(operator, known[name], value, f"{where}.{name}")
        return found

    def _by_order(
        self, operator: Operator, ports: Sequence[Port], value: Any, where: str
    ) -> dict[str, tuple[Ref, ...]]:
        given = list(_each(value, where))
        if not ports:
            beside = f" beside '{operator.instead}'" if operator.ports else ""
            said = f"'{operator.name}' takes no input{beside}"
            self.report.add(Code.PORT_UNKNOWN, where, said)
            return {}
        found: dict[str, tuple[Ref, ...]] = {}
        for port in ports:
            if not given:
                break
            mine = given if port.many else given[:1]
            given = given[len(mine) :]
            refs = (self.reference(v, place) for place, v in mine)
            found[port.name] = tuple(r for r in refs if r is not None)
        if given:
            self.report.add(
                Code.PORT_UNKNOWN,
                given[0][0],
                f"'{operator.name}' takes {_count(len(ports))}: {', '.join(p.name for p in ports)}",
            )
        return found

    def _refs(self, operator: Operator, port: Port, value: Any, where: str) -> tuple[Ref, ...]:
        given = list(_each(value, where))
        if len(given) > 1 and not port.many:
            self.report.add(
                Code.FIELD_INVALID,
                where,
                f"'{port.name}' of '{operator.name}' takes one reference, {len(given)} are given",
            )
        refs = (self.reference(v, place) for place, v in given)
        return tuple(r for r in refs if r is not None)

    def _follow(
        self, operator: Operator, ports: Sequence[Port], where: str, i: int
    ) -> dict[str, tuple[Ref, ...]]:
        """Without `input`, an operation takes the one before it; the first takes the only input."""
        required = [port for port in ports if port.required]
        if not required:
            return {}
        if len(required) > 1 or required[0].many:
            self._port_missing(operator, required, where)
            return {}
        if i > 0:
            return {required[0].name: (Ref(self._ids[i - 1]),)}
        if len(self.inputs) == 1:
            return {required[0].name: (Ref(self.inputs[0]),)}
        if not self._knows_names:
            return {}
        names = (
            f"name one of {', '.join(self.inputs[:12])}" if self.inputs else "there are no inputs"
        )
        self.report.add(
            Code.PORT_MISSING, f"{where}.input", f"'{operator.name}' needs 'input': {names}"
        )
        return {}

    def _port_unknown(
        self, operator: Operator, ports: Sequence[Port], name: str, where: str
    ) -> None:
        names = [port.name for port in ports]
        near = self.report.meant(name, names)
        listed = f"its inputs are {', '.join(names)}" if names else "it takes no input"
        self.report.add(
            Code.PORT_UNKNOWN, where, f"'{operator.name}' has no input '{name}'{near}", listed
        )

    def _port_missing(self, operator: Operator, missing: Sequence[Port], where: str) -> None:
        names = " and ".join(f"'{port.name}'" for port in missing)
        shape = ", ".join(f"{p.name}: {'[...]' if p.many else '...'}" for p in operator.ports)
        self.report.add(
            Code.PORT_MISSING,
            f"{where}.inputs",
            f"'{operator.name}' needs {names} to be connected",
            f"write inputs: {{{shape}}}",
        )


def _make_id(entry: Any, counts: dict[str, int], taken: dict[str, str]) -> str:
    op = entry.get("op") if isinstance(entry, dict) else None
    base = op if isinstance(op, str) and is_name(op) else "operation"
    while True:
        counts[base] = counts.get(base, 0) + 1
        name = f"{base}-{counts[base]}"
        if name not in taken:
            taken[name] = name
            return name


def _each(value: Any, where: str) -> Iterable[tuple[str, Any]]:
    if isinstance(value, list):
        return [(f"{where}[{i}]", v) for i, v in enumerate(value)]
    return [(where, value)]


def _written_references(body: Mapping[str, Any], where: str) -> Iterable[tuple[str, Any]]:
    """All references of an operation whose operator is not known."""
    for key in ("input", "inputs"):
        value = body.get(key)
        if isinstance(value, dict):
            for port, refs in value.items():
                yield from _each(refs, f"{where}.{key}.{port}")
        elif value is not None:
            yield from _each(value, f"{where}.{key}")


def _count(number: int) -> str:
    return "one input" if number == 1 else f"{number} inputs"
