"""What an operation adds to the graph, without anything being run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reelwright.graph.actions import Filter
from reelwright.graph.builder import Builder
from reelwright.graph.dag import Node
from reelwright.graph.operator import Bundle
from reelwright.operators import REGISTRY
from tests.operators.scene import given


@dataclass
class Built:
    """`filters`: name and options of each filter, in order."""

    bundle: Bundle
    nodes: dict[str, Node]
    warnings: list[str]

    @property
    def filters(self) -> list[tuple[str, dict[str, Any]]]:
        found = [n.action for n in self.nodes.values() if isinstance(n.action, Filter)]
        return [(f.name, dict(f.args)) for f in found]

    def options(self, name: str) -> dict[str, Any]:
        """Options of the only filter of this name."""
        (found,) = [args for filter_name, args in self.filters if filter_name == name]
        return found

    def names(self) -> list[str]:
        return [name for name, _ in self.filters]


def build(op: str, inputs: Mapping[str, tuple[Bundle, ...]], **params: Any) -> Built:
    nodes: dict[str, Node] = {}
    builder = Builder(op, nodes, {}, operator=op)
    made = REGISTRY.get(op).build(given(op, **params), inputs, builder)
    assert isinstance(made, Bundle)
    return Built(made, nodes, builder.warnings)
