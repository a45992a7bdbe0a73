"""Analysers that need more than arithmetic (a codec, a neural network): operators, which are pure,
only name them. As for tasks, each stands in a module that is loaded when it is wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TypeAlias

from reelwright.graph.operator import Analyser
from reelwright.media.streams import DataStream, Stream
from reelwright.operators import REGISTRY

Make: TypeAlias = Callable[[Mapping[str, Any], Stream], Analyser]

ANALYSERS: dict[str, str] = {
    "speech:speech": "reelwright.runners.analysers.speech:speech",
}
"""``operator:name`` of a tap → ``module:function`` of its parameters and stream."""


def analyser_of(name: str, params: Mapping[str, Any], stream: Stream | None) -> Analyser:
    """The consumer of the tap `name` (``operator:name``): one of the table above, else the one that
    its operator gives."""
    known = stream or DataStream()
    target = ANALYSERS.get(name)
    if target is None:
        operator, _, own = name.partition(":")
        return REGISTRY.get(operator).analyser(own, params, known)
    module, _, function = target.partition(":")
    make: Make = getattr(import_module(module), function)
    return make(params, known)
