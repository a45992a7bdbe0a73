"""Under which keys the cache keeps what a step gave: by identity, never by name.

Names of operations, nodes and files are no part of an identity: a spec whose operations were
renamed, or whose outputs stand in another order, finds the same results under its own names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

Payload = Mapping[str, Any]


def output_keys(payload: Payload) -> dict[str, str]:
    """File name of each output → its identity, or the name itself where that says nothing more."""
    outputs = payload.get("outputs", ())
    count = Counter(output["identity"] for output in outputs)
    return {
        output["name"]: output["identity"]
        if output["identity"] and count[output["identity"]] == 1
        else output["name"]
        for output in outputs
    }


def output_key(payload: Payload, name: str) -> str:
    return output_keys(payload).get(name, name)


def result_keys(payload: Payload) -> dict[str, str]:
    """Node of each result → the identity of the output that it stands in."""
    outputs = output_keys(payload)
    keys = {tap["node"]: outputs[tap["output"]] for tap in payload.get("taps", ())
            if tap["output"] in outputs}  # fmt: skip
    body = payload.get("payload", {})
    for node, output in body.get("nodes", {}).items():
        if output in outputs:  # of a fetch, whose results are its parts'
            keys[node] = outputs[output]
    node = body.get("node")
    if node is not None and payload.get("identity"):
        keys[node] = payload["identity"]  # it has one result, and is nothing else
    return keys


def stored(payload: Payload, results: Mapping[str, Any]) -> dict[str, Any]:
    """Results by node, as the cache keeps them."""
    keys = result_keys(payload)
    return {keys.get(node, node): value for node, value in results.items()}


def recalled(payload: Payload, kept: Mapping[str, Any]) -> dict[str, Any]:
    """What the cache keeps, under the nodes of this step."""
    keys = result_keys(payload)
    found = {node: kept[key] for node, key in keys.items() if key in kept}
    known = set(keys.values())
    return found | {key: value for key, value in kept.items() if key not in known}
