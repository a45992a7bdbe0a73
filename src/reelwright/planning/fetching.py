"""The steps that bring something from an address, and the one that keeps it: their payloads.

A FETCH step's payload, which ``runners.fetch`` reads::

    {"url": "https://…",
     "headers": {…}, "cookies": path, "proxy": …, "user_agent": …, "country", "sleep", "item"
                                            how it is asked; what is left out is not there
     "want": {"video": {options}, "captions": {options}, "thumbnail": {}, "metadata": {options}}
     "outputs": {"fetched": "video", "captions.vtt": "captions.vtt", …}    output → part
     "nodes": {"get/fetch": "fetched", …}}                                 node → its output

A KEEP step's: ``{"node", "options", "nodes": {input name → node of the fetch}}``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reelwright.graph.actions import Fetch, Keep
from reelwright.graph.dag import Graph, Node, Pad
from reelwright.planning.names import by_language
from reelwright.planning.plan import StepInput, StepOutput

# Part → file in the workspace, and its form where that is known.
_FILES = {
    "video": ("fetched", "any"),
    "thumbnail": ("thumbnail", "any"),
    "captions.vtt": ("captions.vtt", "webvtt"),
    "captions.srt": ("captions.srt", "srt"),
    "metadata": ("metadata.json", "json"),
    "metadata.info": ("info.json", "json"),
    "metadata.description": ("description.txt", "text"),
    "metadata.comments": ("comments.json", "json"),
    "metadata.live_chat": ("live_chat.json", "json"),
}


def fetch_outputs(
    fetches: Mapping[str, Fetch], identities: Mapping[str, str]
) -> tuple[StepOutput, ...]:
    """By node. Two nodes that wish for the same have one output."""
    made: dict[str, StepOutput] = {}
    for node, fetch in fetches.items():
        name, container = _FILES[fetch.part]
        identity = identities[node]
        made.setdefault(name, StepOutput(name=name, container=container, identity=identity))
    return tuple(made.values())


def fetch_payload(fetches: Mapping[str, Fetch]) -> dict[str, Any]:
    first = next(iter(fetches.values()))
    want: dict[str, Any] = {}
    for fetch in fetches.values():
        want.setdefault(fetch.kind, _json(fetch.options))
    return {
        "url": first.url,
        **_json(first.session),
        "want": want,
        "outputs": {_FILES[fetch.part][0]: fetch.part for fetch in fetches.values()},
        "nodes": {node: _FILES[fetch.part][0] for node, fetch in fetches.items()},
    }


def fetch_reasons(fetches: Mapping[str, Fetch], before: Sequence[Fetch]) -> tuple[str, ...]:
    """Why these come together, and apart from `before` of the same address."""
    first = next(iter(fetches.values()))
    reasons = ["what it brings is known when it is here"]
    kinds = list(dict.fromkeys(fetch.kind for fetch in fetches.values()))
    if len(kinds) > 1:
        reasons.append(f"one extraction of {first.url} brings {_listed(kinds)}")
    others = [fetch for fetch in before if fetch.url == first.url]
    if others:
        names = sorted({name for other in others for name in _differing(other, fetches)})
        verb = "differs" if len(names) == 1 else "differ"
        why = f"{_listed(names)} {verb}" if names else "it waits for other results"
        reasons.append(f"{first.url} is asked once more: {why}")
    return tuple(reasons)


def _differing(other: Fetch, fetches: Mapping[str, Fetch]) -> set[str]:
    first = next(iter(fetches.values()))
    differ = {name for name, _ in set(other.session) ^ set(first.session)}
    for fetch in fetches.values():
        if fetch.kind == other.kind:
            differ |= {name for name, _ in set(other.options) ^ set(fetch.options)}
    return differ


def _listed(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def keep_payload(graph: Graph, node: Node, keep: Keep) -> dict[str, Any]:
    return {
        "node": node.id,
        "options": _json(keep.options),
        "nodes": {_input(graph[pad.node]): pad.node for pad in node.inputs},
    }


def keep_inputs(
    graph: Graph, node: Node, made: Mapping[Pad, tuple[str, str]]
) -> tuple[StepInput, ...]:
    return tuple(
        StepInput(name=_input(graph[pad.node]), step=made[pad][0], output=made[pad][1])
        for pad in node.inputs
    )


def _input(node: Node) -> str:
    assert isinstance(node.action, Fetch)
    return node.action.part


def delivered_by_language(fetch: Fetch, to: str) -> str:
    """Captions of several languages have it in their names."""
    if fetch.kind != "captions":
        return to
    languages = _json(fetch.options)["languages"]
    is_one = len(languages) == 1 and languages[0] != "all" and "*" not in languages[0]
    return to if is_one else by_language(to)


def _json(pairs: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """Options as they were before they were frozen; of mappings there is one."""
    return {
        name: (dict(value) if name == "headers" else list(value))
        if isinstance(value, tuple)
        else value
        for name, value in pairs
    }
