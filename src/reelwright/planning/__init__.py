"""Planning: pure functions from a spec and facts to a plan. No I/O of any kind.

The names are loaded when they are first used: whoever only reads a plan (a runner, a second run of
an unchanged spec) need not load the passes, the operators' base and Pydantic, 0.15 s of CPU.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelwright.planning.compiler import STAGES, compile, expand, passes
    from reelwright.planning.facts import Facts
    from reelwright.planning.plan import Machine, Plan

_HOMES = {
    "STAGES": "compiler",
    "compile": "compiler",
    "expand": "compiler",
    "passes": "compiler",
    "Facts": "facts",
    "Machine": "plan",
    "Plan": "plan",
}

__all__ = ["STAGES", "Facts", "Machine", "Plan", "compile", "expand", "passes"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
