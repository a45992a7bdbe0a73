"""Attempts on their way to an agent and back, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelwright.engine.executor import Attempt, Need


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    need = attempt.need
    return {
        "step": attempt.step_id,
        "number": attempt.number,
        "job": attempt.job_id,
        "key": attempt.key,
        "host": attempt.host,
        "owner": attempt.owner,
        "need": [need.cpus, need.memory_bytes, need.disk_bytes, need.gpus],
    }


def attempt_of(body: Mapping[str, Any]) -> Attempt:
    cpus, memory_bytes, disk_bytes, gpus = body["need"]
    return Attempt(
        body["step"],
        body["number"],
        body["job"],
        body["key"],
        Need(cpus=cpus, memory_bytes=memory_bytes, disk_bytes=disk_bytes, gpus=gpus),
        host=body["host"],
        owner=body["owner"],
    )
