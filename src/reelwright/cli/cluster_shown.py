"""The state of a cluster as people read it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from reelwright.cli import terminal

_ID_CHARS = 12
# FFmpeg's is a digest of its build.
_VERSION_CHARS = 8
_NAMES = ("reelwright", "python", "ray", "ffmpeg")


def show(status: Mapping[str, Any]) -> None:
    """All of it: what stands around the nodes, the nodes, the models, what waits."""
    now = time.time()
    for name, text in _around(status, now):
        terminal.out(f"{name:<11}{terminal.printable(text)}")
    nodes = status["nodes"]
    terminal.out()
    if status["joined"]:
        _joined(status["joined"])
    if nodes:
        _nodes(nodes, now)
    elif not status["joined"]:
        terminal.out("No node has joined: `reel cluster join` on the machines that run steps.")
    if status["models"]:
        terminal.out()
        _models(status["models"], now)
    _waiting(status["waiting"])


def node_line(node: Mapping[str, Any]) -> str:
    """What people call it, with the first of its id."""
    name = node["name"] or node["address"]
    short = node["id"][:_ID_CHARS]
    return terminal.printable(f"{name} ({short})" if name else short)


def _around(status: Mapping[str, Any], now: float) -> Iterator[tuple[str, str]]:
    head = status["head"]
    yield "head", f"{head['address'] or 'of this machine'}, {_answers(head['is_reachable'])}"
    if head["problem"]:
        yield "", head["problem"]
    for part in status["here"]:
        up = "up" if part["is_up"] else part["problem"] or "starting"
        yield "here", f"{part['name'].replace('-', ' ', 1)} at {part['host']}, {up}"
    decides = status["dispatcher"]
    if decides is None:
        yield "dispatcher", "none has used a cluster yet: `reel serve --engine ray`"
    elif decides["is_silent"]:
        ago = terminal.span(now - decides["seen_at"])
        yield "dispatcher", f"silent, last seen {ago} ago; what follows is as old: {decides['id']}"
    else:
        yield "dispatcher", decides["id"]
    database = status["database"]
    alone = "" if database["is_shared"] else " (only for nodes on this machine)"
    yield "database", f"{database['url']}{alone}"
    store = status["artifacts"]
    yield "artifacts", _store(store)


def _store(store: Mapping[str, Any]) -> str:
    if store["at"] is None:
        return "`cluster.artifacts` is not set here"
    return f"{store['at']}, {store['problem'] or _answers(store['is_reachable'])}"


def _answers(is_reachable: bool | None) -> str:
    return {True: "reachable", False: "not reachable", None: "not asked"}[is_reachable]


def _nodes(nodes: list[Mapping[str, Any]], now: float) -> None:
    terminal.table(
        ["node", "id", "state", "cores", "memory", "disk free", "gpus", "steps", "since", "runs"],
        [
            (
                node["name"] or node["address"],
                node["id"][:_ID_CHARS],
                state_of(node),
                f"{node['cpus']['used']:g}/{node['cpus']['total']:g}",
                f"{_gib(node['memory_bytes']['used'])}/{_gib(node['memory_bytes']['total'])} GiB",
                terminal.size(node["disk_bytes"]["free"]),
                node["gpus"] or "",
                node["steps"],
                f"{terminal.span(now - node['since'])} ago",
                _versions(node["versions"]),
            )
            for node in nodes
        ],
        right="cores memory steps gpus",
    )
    for node in nodes:
        if node["problem"]:
            terminal.out(f"{node_line(node)}: {terminal.printable(node['problem'])}")


def _joined(nodes: list[Mapping[str, Any]]) -> None:
    terminal.out("These have joined, says the head; no service uses them now:")
    for node in nodes:
        terminal.out(f"  {node_line(node)} at {node['address']}, {node['cpus']:g} cores")
    terminal.out()


def state_of(node: Mapping[str, Any]) -> str:
    """A node that drains and runs nothing any more has done so."""
    is_done = node["state"] == "draining" and not node["steps"]
    return "drained" if is_done else str(node["state"])


def _gib(size_bytes: float) -> str:
    return f"{size_bytes / (1 << 30):.1f}"


def _versions(versions: Mapping[str, str]) -> str:
    known = [name for name in _NAMES if versions.get(name)]
    return ", ".join(f"{name} {versions[name][:_VERSION_CHARS]}" for name in known)


def _models(models: list[Mapping[str, Any]], now: float) -> None:
    rows = []
    for model in models:
        loaded = model["loaded_since"]
        since = f"{terminal.span(now - loaded)} ago" if loaded else "loading"
        name = f"{model['kind'] or '?'} {model['model'] or '?'}"
        count = len(model["actors"])
        rows.append((name, count, model["queue"], since, model["restarts"]))
    terminal.table(
        ["model", "actors", "queue", "loaded", "restarts"], rows, right="actors queue restarts"
    )


def _waiting(waiting: Mapping[str, Any]) -> None:
    terminal.out()
    if not waiting["steps"]:
        terminal.out("Nothing waits.")
        return
    terminal.out(f"{waiting['steps']} steps are ready and wait:")
    for reason in waiting["reasons"]:
        example = f"{reason['step']} of job {reason['job']}"
        waited = terminal.span(reason["longest_s"])
        line = f"  {reason['steps']:>6}  {reason['text']}; for {waited}: {example}"
        terminal.out(terminal.printable(line))
