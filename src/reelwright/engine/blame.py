"""Which of the job's inputs a step's failure is about.

A step knows its files by names of its workspace (``in0``); people know them by those of the spec.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from reelwright.errors import Problem


def named(problem: Problem, payload: Mapping[str, Any], inputs: Mapping[str, Any]) -> Problem:
    """The problem at ``inputs.NAME`` where its place is one of the step's files, or several.

    `payload` is the step; `inputs` are name → [URI, SHA-256] of the job, or a list of such pairs.
    What another step has made has no name of the job's: its place stays.
    """
    if problem.where is None:
        return problem
    uris = {entry["name"]: entry.get("uri") for entry in payload.get("inputs", ())}
    files = problem.where.split(", ")
    if not all(uris.get(file) for file in files):
        return problem
    names = {uri: name for name, given in inputs.items() for uri in _uris(given)}
    places = [f"inputs.{names[uris[f]]}" if uris[f] in names else str(uris[f]) for f in files]
    return replace(problem, where=", ".join(dict.fromkeys(places)))


def _uris(given: Any) -> Iterator[str]:
    if given and isinstance(given[0], list | tuple):
        yield from (uri for uri, *_ in given)
    elif given:
        yield given[0]
