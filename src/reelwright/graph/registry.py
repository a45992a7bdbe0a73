"""Operators by name: the built-in ones by module path, others through entry points.

A built-in operator is imported when it is named, not before: `reel run` of a trim need not load
the other sixteen.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from reelwright.errors import Code, ReelError
from reelwright.graph.operator import Operator

ENTRY_POINT_GROUP = "reelwright.operators"


class Registry:
    """`builtin` maps a name to ``module:Class``."""

    def __init__(self, builtin: Mapping[str, str]) -> None:
        self._builtin = dict(builtin)
        self._loaded: dict[str, Operator] = {}
        self._foreign: dict[str, str] | None = None

    def names(self) -> list[str]:
        return sorted({*self._builtin, *self._entry_points()})

    def get(self, name: str) -> Operator:
        """Raises OPERATOR_UNKNOWN with the nearest names."""
        if name not in self._loaded:
            target = self._builtin.get(name) or self._entry_points().get(name)
            if target is None:
                raise self._unknown(name)
            self._loaded[name] = _load(name, target)
        return self._loaded[name]

    def add(self, operator: Operator) -> None:
        self._loaded[operator.name] = operator
        self._builtin[operator.name] = f"{type(operator).__module__}:{type(operator).__name__}"

    def _entry_points(self) -> dict[str, str]:
        # Scanning the installed distributions costs 30 ms: only for a name that is not built in.
        if self._foreign is None:
            from importlib.metadata import entry_points

            self._foreign = {e.name: e.value for e in entry_points(group=ENTRY_POINT_GROUP)}
        return self._foreign

    def _unknown(self, name: str) -> ReelError:
        from difflib import get_close_matches

        near = get_close_matches(name, self.names(), n=1, cutoff=0.5)
        meant = f", did you mean '{near[0]}'?" if near else ""
        return ReelError(
            Code.OPERATOR_UNKNOWN,
            f"unknown operator '{name}'{meant}",
            hint=f"known operators: {', '.join(self.names())}",
        )


def _load(name: str, target: str) -> Operator:
    module, _, attribute = target.partition(":")
    try:
        made = getattr(import_module(module), attribute)()
    except (ImportError, AttributeError) as error:
        raise ReelError(
            Code.LIBRARY_MISSING,
            f"operator '{name}' cannot be loaded from {target}: {error}",
            hint="reinstall the package that provides it",
        ) from error
    if not isinstance(made, Operator):
        raise ReelError(Code.LIBRARY_MISSING, f"{target} is not an Operator")
    return made
