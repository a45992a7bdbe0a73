"""A plan for people: the DAG as a tree, the commands, the reasons, the estimates; and for Graphviz.

Plain text without colours; whoever prints it may add them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from reelwright.graph.actions import (
    Cut,
    Decode,
    Demux,
    Filter,
    Packets,
    SmartCut,
    Still,
    Tap,
)
from reelwright.graph.dag import Edge, Graph, Node
from reelwright.media.streams import AudioStream, VideoStream
from reelwright.media.time import clock_text
from reelwright.planning.plan import Estimate, Plan, Step, StepKind


def explain(plan: Plan, *, commands: bool = True) -> str:
    """The whole plan as text."""
    lines = [f"plan, revision {plan.revision}: {_count(len(plan.steps), 'step')}", "", *tree(plan)]
    for number, step in enumerate(plan.steps, start=1):
        lines += ["", *_step(number, step, commands=commands)]
    lines += ["", "outputs"]
    for delivery in plan.deliveries:
        lines.append(f"  {delivery.to}  <- {delivery.step} ({delivery.output})")
    for step in plan.steps:
        if step.kind is StepKind.UNRESOLVED:
            waiting = [n for n in step.operations if n.startswith("outputs[")]
            lines += [f"  {name}  <- {step.id}: how many is not known yet" for name in waiting]
    total = sum(s.estimate.cpu_seconds for s in plan.steps)
    peak = max((s.estimate.memory_bytes for s in plan.steps), default=0)
    lines += ["", f"in all: about {seconds_text_of(total)} of CPU, {bytes_text(peak)} of memory"]
    if any(s.kind is StepKind.UNRESOLVED for s in plan.steps):
        lines.append("more steps follow when what is unresolved is known")
    lines += [f"warning: {w}" for w in plan.warnings]
    return "\n".join(lines)


def tree(plan: Plan) -> list[str]:
    """The DAG as a tree: inputs, the steps that read them, the outputs. What has several parents is
    drawn below the first, and named again below the others."""
    below: dict[str, list[str]] = {}
    roots: dict[str, None] = {}
    for step in plan.steps:
        # A step that follows another one is drawn below that, not below its inputs again.
        parents = dict.fromkeys(step.needs or [i.uri for i in step.inputs if i.uri])
        roots.update(dict.fromkeys(() if step.needs else parents or [step.id]))
        for parent in parents:
            below.setdefault(parent, []).append(step.id)
    for delivery in plan.deliveries:
        below.setdefault(delivery.step, []).append(f"=> {delivery.to}")
    drawn: set[str] = set()
    lines: list[str] = []
    # An own stack: a chain of steps may be longer than Python's.
    stack = [(root, "", "") for root in reversed(roots)]
    while stack:
        name, lead, branch = stack.pop()
        children = below.get(name, [])
        again = name in drawn and bool(children)
        lines.append(f"{lead}{branch}{name}{'  (see above)' if again else ''}")
        drawn.add(name)
        if again:
            continue
        deeper = lead + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
        ends = [*["├─ "] * (len(children) - 1), "└─ "]
        stack += reversed([(c, deeper, e) for c, e in zip(children, ends, strict=False)])
    return lines


def _step(number: int, step: Step, *, commands: bool) -> Iterator[str]:
    after = f"  after {', '.join(step.needs)}" if step.needs else ""
    yield f"{number}. {step.id}  [{step.kind.value}]{after}"
    if step.operations:
        yield f"   does      {', '.join(step.operations)}"
    for item in step.inputs:
        source = item.uri or f"{item.output} of {item.step}"
        yield f"   reads     {item.name} = {source}"
    for output in step.outputs:
        streams = "; ".join(edge_text(Edge(s, True)) for s in output.expect.streams)
        yield f"   makes     {output.name}" + (f"  ({streams})" if streams else "")
    if step.kind is not StepKind.UNRESOLVED:
        yield f"   estimate  {estimate_text(step.estimate)}"
    for reason in step.because:
        yield f"   because   {reason}"
    if commands:
        for argv in step.commands:
            yield f"   $ {shlex.join(argv)}"


def estimate_text(estimate: Estimate) -> str:
    low, high = estimate.wall_seconds
    return (
        f"{seconds_text_of(estimate.cpu_seconds)} of CPU, {seconds_text_of(low)} to"
        f" {seconds_text_of(high)} by the clock, {bytes_text(estimate.memory_bytes)} of memory,"
        f" {bytes_text(estimate.disk_bytes)} of disk"
    )


def seconds_text_of(seconds: float) -> str:
    """``0.21 s``, ``42 s``, ``3 min 20 s``."""
    if seconds < 10:
        return f"{seconds:.2g} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def bytes_text(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def edge_text(edge: Edge) -> str:
    """``video h264 1280x720 30 fps 5.0 s``; what is not known is left out."""
    stream = edge.stream
    parts: list[str] = [stream.kind.value, stream.codec or "raw"]
    if isinstance(stream, VideoStream):
        if stream.width_px and stream.height_px:
            parts.append(f"{stream.width_px}x{stream.height_px}")
        if stream.pix_fmt:
            parts.append(stream.pix_fmt)
        if stream.frame_rate and not stream.is_still:
            parts.append(f"{float(stream.frame_rate):.5g} fps{' VFR' if stream.is_vfr else ''}")
    elif isinstance(stream, AudioStream):
        if stream.sample_rate_hz:
            parts.append(f"{stream.sample_rate_hz} Hz")
        if stream.channel_layout or stream.channels:
            parts.append(stream.channel_layout or f"{stream.channels} channels")
    if stream.duration is not None:
        parts.append(clock_text(stream.duration))
    return " ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def graph_text(graph: Graph) -> str:
    """One stage of the media graph, a line a node."""
    lines = []
    for node in graph:
        reads = ", ".join(f"{p.node}:{p.index}" for p in node.inputs)
        makes = "; ".join(edge_text(e) for e in node.outputs)
        lines.append(f"{node.id}: {action_text(node)}  <- {reads or 'nothing'}")
        if makes:
            lines.append(f"    {makes}")
        lines += [f"    because {b}" for b in node.because]
    return "\n".join(lines)


def action_text(node: Node) -> str:
    """What a node does, in a few words."""
    action = node.action
    if isinstance(action, Filter):
        shown = ":".join(f"{k}={v}" for k, v in action.args if isinstance(v, str | int | float))
        return f"{action.name}={shown}" if shown else action.name
    if isinstance(action, Decode) and action.window is not None:
        return f"decode from {clock_text(action.window.start)}"
    if isinstance(action, Cut):
        end = "the end" if action.range.end is None else clock_text(action.range.end)
        return f"cut {clock_text(action.range.start)} to {end}"
    words = [_WORDS.get(type(action), type(action).__name__.lower())]
    words += [str(getattr(action, n)) for n in _SHOWN if hasattr(action, n)]
    return " ".join(words)


_WORDS: dict[type, str] = {Demux: "open", Tap: "analyse", Packets: "copy packets",
                           SmartCut: "smart cut", Still: "stills"}  # fmt: skip
# The one attribute of each action that tells most.
_SHOWN = ("input", "codec", "analyser", "container", "to", "degrees", "segments", "url")


def dot(plan: Plan) -> str:
    """The plan's DAG in Graphviz's language: steps as boxes, outputs as notes."""
    lines = ["digraph plan {", "  rankdir=LR;", '  node [shape=box, fontname="sans-serif"];']
    for step in plan.steps:
        style = ", style=dashed" if step.kind is StepKind.UNRESOLVED else ""
        label = f"{step.id}\\n{', '.join(step.operations[:6])}"
        lines.append(f"  {_quoted(step.id)} [label={_quoted(label)}{style}];")
        lines += [f"  {_quoted(n)} -> {_quoted(step.id)};" for n in step.needs]
        for item in step.inputs:
            if item.uri:
                lines.append(f"  {_quoted(item.uri)} [shape=ellipse];")
                lines.append(f"  {_quoted(item.uri)} -> {_quoted(step.id)};")
    for delivery in plan.deliveries:
        lines.append(f"  {_quoted(delivery.to)} [shape=note];")
        lines.append(f"  {_quoted(delivery.step)} -> {_quoted(delivery.to)};")
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'
