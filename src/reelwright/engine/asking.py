"""What a step asks of a node beside cores, memory and disk: GPUs, and labels that it must have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from reelwright.engine.executor import Need
from reelwright.engine.nodes import SANDBOX_LABEL, SANDBOXED
from reelwright.planning.plan import Step


@dataclass(frozen=True, slots=True)
class Asks:
    """`labels` are those of `Node.labels`, each with the value that it must have, sorted."""

    gpus: int = 0
    labels: tuple[tuple[str, str], ...] = ()

    def are_met(self, labels: Mapping[str, str]) -> bool:
        return all(labels.get(name) == value for name, value in self.labels)


NOTHING = Asks()


def text_of(step: Step, *, walls: bool = False) -> str | None:
    """What is kept with the step: its payload may hold ``{"asks": {"gpus": 1, "labels": {…}}}``.
    The same text for the same, None for nothing. `walls`: what runs media is to go to nodes that
    wall it in."""
    asked = step.payload.get("asks") or {}
    gpus, labels = int(asked.get("gpus") or 0), dict(asked.get("labels") or {})
    if walls and step.commands:
        labels[SANDBOX_LABEL] = SANDBOXED
    if not gpus and not labels:
        return None
    body = {"gpus": gpus, "labels": {str(name): str(labels[name]) for name in labels}}
    return json.dumps(body, sort_keys=True, separators=(",", ":"))


@lru_cache(maxsize=1024)
def parsed(text: str | None) -> Asks:
    if text is None:
        return NOTHING
    body = json.loads(text)
    return Asks(body["gpus"], tuple(sorted(body["labels"].items())))


class Asker(Protocol):
    """A step that needs something."""

    @property
    def cpus(self) -> float: ...
    @property
    def memory_bytes(self) -> int: ...
    @property
    def disk_bytes(self) -> int: ...
    @property
    def asks(self) -> str | None: ...


def need_of(step: Asker) -> Need:
    return Need(
        cpus=step.cpus,
        memory_bytes=step.memory_bytes,
        disk_bytes=step.disk_bytes,
        gpus=parsed(step.asks).gpus,
    )
