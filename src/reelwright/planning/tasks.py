"""Steps of our own work on what earlier steps found, and the one that indexes it: their payloads.

A TASK step's, which ``runners.task`` reads::

    {"nodes": {node: RESULT}, "task": name, "params": {…}, "model": kind or None,
     "reads": [{"file": input name, "result": node or None}, …]     one a connected strand
     "files": ["transcript.vtt", …]}

An INDEX step's: ``{"node", "options", "reads": as above}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reelwright.graph.actions import Index, Task
from reelwright.graph.dag import Graph, Node, Pad
from reelwright.planning.identity import pad_identity
from reelwright.planning.plan import Estimate, Step, StepInput, StepKind, StepOutput, StepTap

RESULT = "result.json"


@dataclass(frozen=True, slots=True)
class Reads:
    """What a node takes, strand by strand: files, and the nodes whose results it is handed."""

    inputs: tuple[StepInput, ...]
    strands: tuple[Mapping[str, str | None], ...]


def reads_of(
    graph: Graph,
    node: Node,
    sources: Mapping[str, StepInput],
    made: Mapping[Pad, tuple[str, str]],
) -> Reads:
    """A strand of an opened file stands for the whole file."""
    inputs: dict[Any, StepInput] = {}
    strands: list[Mapping[str, str | None]] = []
    for pad in node.inputs:
        key: Any = pad
        if pad in made:
            step, output = made[pad]
            item = StepInput(name="", step=step, output=output)
        else:
            key, item = pad.node, sources[pad.node]
        named = inputs.setdefault(key, replace(item, name=f"in{len(inputs)}"))
        has_result = pad in made and pad.index == 0
        strands.append({"file": named.name, "result": pad.node if has_result else None})
    return Reads(tuple(inputs.values()), tuple(strands))


def task_step(
    name: str,
    node: Node,
    task: Task,
    *,
    reads: Reads,
    identity: str,
    operations: tuple[str, ...],
    needs: tuple[str, ...],
) -> Step:
    outputs = [StepOutput(name=RESULT, container="json", identity=identity)]
    for number, file in enumerate(task.files, 1):
        own = pad_identity({node.id: identity}, Pad(node.id, number))
        outputs.append(StepOutput(name=file, container=file.rpartition(".")[2], identity=own))
    return Step(
        id=name,
        kind=StepKind.TASK,
        identity=identity,
        operations=operations,
        inputs=reads.inputs,
        outputs=tuple(outputs),
        payload={
            "nodes": {node.id: RESULT},
            "task": task.name,
            "params": json.loads(task.params),
            "model": task.model,
            "reads": [dict(strand) for strand in reads.strands],
            "files": list(task.files),
        },
        because=node.because,
        needs=needs,
        estimate=Estimate(
            cpu_seconds=task.cpu_seconds,
            memory_bytes=task.memory_bytes,
            wall_seconds=(task.cpu_seconds / 2, max(1.0, 4 * task.cpu_seconds)),
        ),
    )


def index_step(
    name: str,
    node: Node,
    index: Index,
    *,
    reads: Reads,
    identity: str,
    operations: tuple[str, ...],
    needs: tuple[str, ...],
) -> Step:
    return Step(
        id=name,
        kind=StepKind.INDEX,
        identity=identity,
        operations=operations,
        inputs=reads.inputs,
        payload={
            "node": node.id,
            "options": json.loads(index.options),
            "reads": [dict(strand) for strand in reads.strands],
        },
        because=("what was found can be searched for",),
        needs=needs,
        estimate=Estimate(cpu_seconds=1.0, memory_bytes=200 << 20, wall_seconds=(0.1, 60.0)),
    )


def tap_outputs(taps: Sequence[StepTap], identities: Mapping[str, str]) -> tuple[StepOutput, ...]:
    """The results of taps, and the files that stand beside them."""
    made: list[StepOutput] = []
    for tap in taps:
        identity = identities[tap.node]
        made.append(StepOutput(name=tap.output, container="json", identity=identity))
        if tap.pack:
            own = pad_identity(identities, Pad(tap.node, 1))
            container = tap.pack.rpartition(".")[2]
            made.append(StepOutput(name=tap.pack, container=container, identity=own))
    return tuple(made)
