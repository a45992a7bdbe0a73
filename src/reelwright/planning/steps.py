"""Pass `steps`: groups of nodes become steps with commands, identities, expectations, estimates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from reelwright.graph.actions import (
    Deliver,
    Demux,
    Encode,
    Fetch,
    Fetched,
    Index,
    Keep,
    Mux,
    Reopen,
    Search,
    SmartCut,
    Task,
    Write,
)
from reelwright.graph.dag import Graph, Node, Pad
from reelwright.graph.operator import Cost
from reelwright.media.containers import CONTAINERS
from reelwright.media.info import MediaInfo
from reelwright.planning.commands import Composer
from reelwright.planning.cutting import smart_cut_payload
from reelwright.planning.estimate import costs, estimate
from reelwright.planning.expect import expectation
from reelwright.planning.fetching import (
    delivered_by_language,
    fetch_outputs,
    fetch_payload,
    fetch_reasons,
    keep_inputs,
    keep_payload,
)
from reelwright.planning.identity import pad_identity
from reelwright.planning.looking import BECAUSE, cheaper, look_payload
from reelwright.planning.muxing import option_text
from reelwright.planning.names import numbered
from reelwright.planning.partition import Group
from reelwright.planning.plan import (
    Delivery,
    Estimate,
    Machine,
    Step,
    StepInput,
    StepKind,
    StepOutput,
)
from reelwright.planning.shards import threads_of
from reelwright.planning.tasks import index_step, reads_of, tap_outputs, task_step
from reelwright.spec.model import OutputSpec


@dataclass(slots=True)
class Sources:
    """Where the file behind a source node comes from."""

    files: dict[str, StepInput]
    media: Mapping[str, MediaInfo]


@dataclass(slots=True)
class Assembly:
    graph: Graph
    machine: Machine
    identities: Mapping[str, str]
    sources: Sources
    threads: int
    on_damage: Mapping[str, str]
    costs: dict[str, Cost] = field(default_factory=dict)  # operators' own; each is counted once
    made: dict[Pad, tuple[str, str]] = field(default_factory=dict)  # (step, output)
    names: dict[str, None] = field(default_factory=dict)
    fetched: list[Fetch] = field(default_factory=list)

    def step(self, group: Group) -> Step:
        sink = self.graph[group.sinks[0]]
        self._link(group)
        match sink.action:
            case Write():
                step = self._write(group, sink, sink.action)
            case Fetch():
                step = self._fetch(group)
            case Keep():
                step = self._keep(group, sink, sink.action)
            case Task():
                step = self._task(group, sink, sink.action)
            case Index():
                step = self._index(group, sink, sink.action)
            case Search():
                step = self._search(group, sink, sink.action)
            case SmartCut():
                step = self._smart_cut(group, sink, sink.action)
            case _:
                step = self._ffmpeg(group)
        for pad, output in self._outputs_of(step, group):
            self.made[pad] = (step.id, output)
        return step

    def _link(self, group: Group) -> None:
        """Files of earlier steps, for the source nodes that read them."""
        for name in group.nodes:
            node = self.graph[name]
            if isinstance(node.action, Reopen | Fetched):
                step, output = self.made[node.inputs[0]]
                demuxer = self._demuxer(node)
                self.sources.files[name] = StepInput(
                    name="", step=step, output=output, demuxer=demuxer
                )

    def _demuxer(self, node: Node) -> str | None:
        if isinstance(node.action, Reopen):
            made = self.graph[node.inputs[0].node].action
            muxer = made.container if isinstance(made, Mux) else ""
            if isinstance(made, SmartCut):
                muxer = CONTAINERS[made.container].muxer
            return {"mp4": "mov", "ipod": "mov", "webm": "matroska"}.get(muxer, muxer)
        media = self.sources.media.get(node.id)
        return media.demuxer if media else None

    def _needs(self, group: Group) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.made[Pad(n)][0] for n in group.needs))

    def _operations(self, group: Group) -> tuple[str, ...]:
        found = (self.graph[n].origin for n in group.nodes)
        inputs = {self.graph[n].origin for n in group.nodes if self._is_input(n)}
        return tuple(dict.fromkeys(o for o in found if o and o not in inputs))

    def _is_input(self, name: str) -> bool:
        return isinstance(self.graph[name].action, Demux)

    def _because(self, group: Group) -> tuple[str, ...]:
        lines = []
        for name in group.nodes:
            node = self.graph[name]
            lines += [f"{name}: {reason}" for reason in node.because]
        if len(group.sinks) > 1:
            lines.append(f"one decode makes {len(group.sinks)} results together")
        return tuple(dict.fromkeys(lines))

    def _identity(self, group: Group) -> str:
        parts = sorted(self.identities[s] for s in group.sinks)
        return parts[0] if len(parts) == 1 else hashlib.sha256("".join(parts).encode()).hexdigest()

    def _id(self, label: str, identity: str) -> str:
        """Readable, and the same in every revision of the plan."""
        name = f"{label}-{identity[:8]}"
        while name in self.names:
            name += "x"
        self.names[name] = None
        return name

    def _estimate(self, group: Group) -> Estimate:
        own = [self.costs.pop(o) for o in self._operations(group) if o in self.costs]
        return estimate(self.graph, group.nodes, self.machine, own)

    def _ffmpeg(self, group: Group) -> Step:
        composer = Composer(self.graph, group, self.sources.files, self.machine.max_pixels)
        command = composer.compose()
        identity = self._identity(group)
        outputs = tuple(
            StepOutput(
                name=command.files[s],
                container=_container(self.graph[s]),
                identity=self.identities[s],
                expect=expectation(self.graph, self.graph[s]),
            )
            for s in group.sinks
            if isinstance(self.graph[s].action, Mux)
        )
        taps = tap_outputs(command.taps, self.identities)
        look = look_payload(self.graph, group.nodes)
        because = self._because(group)
        return Step(
            id=self._id(_label(self.graph, group), identity),
            kind=StepKind.LOOK if look else StepKind.FFMPEG,
            identity=identity,
            operations=self._operations(group),
            inputs=command.inputs,
            commands=(command.argv,),
            texts=command.texts,
            links=command.links,
            outputs=(*outputs, *taps),
            taps=command.taps,
            payload=self._payload(group, look),
            because=(*because, BECAUSE) if look else because,
            needs=self._needs(group),
            threads=threads_of(self.graph, group.nodes, self.threads),
            on_damage=self._damage(group),
            duration=_longest(o.expect.duration for o in outputs) or self._read(group),
            estimate=cheaper(self._estimate(group)) if look else self._estimate(group),
        )

    def _payload(self, group: Group, look: dict[str, Any] | None) -> dict[str, Any]:
        """What is looked at teaches nothing of what FFmpeg costs."""
        return {"look": look} if look else {"costs": costs(self.graph, group.nodes, self.machine)}

    def _read(self, group: Group) -> Fraction | None:
        """Of a step without timed outputs (pictures, analyses): the longest decode."""
        found = (self.graph[n].outputs[0].stream.duration for n in group.nodes
                 if self.graph[n].outputs and not self.graph[n].outputs[0].encoded)  # fmt: skip
        return _longest(found)

    def _damage(self, group: Group) -> str:
        origins = {self.graph[n].origin or "" for n in group.nodes}
        keeps = [self.on_damage.get(o.partition("[")[0], "") for o in origins]
        return "keep" if "keep" in keeps else "fail"

    def _write(self, group: Group, node: Node, write: Write) -> Step:
        identity = self.identities[node.id]
        name = f"text{write.suffix}"
        output = StepOutput(name=name, container=write.suffix.lstrip("."), identity=identity)
        return Step(
            id=self._id("write", identity),
            kind=StepKind.WRITE,
            identity=identity,
            operations=self._operations(group),
            outputs=(output,),
            texts={name: write.text},
            because=("planning already knows this text",),
        )

    def _fetch(self, group: Group) -> Step:
        identity = self._identity(group)
        fetches = {
            s: action for s in group.sinks if isinstance(action := self.graph[s].action, Fetch)
        }
        because = fetch_reasons(fetches, self.fetched)
        self.fetched += fetches.values()
        return Step(
            id=self._id("fetch", identity),
            kind=StepKind.FETCH,
            identity=identity,
            operations=self._operations(group),
            outputs=fetch_outputs(fetches, self.identities),
            payload=fetch_payload(fetches),
            because=because,
            estimate=Estimate(cpu_seconds=0.5, memory_bytes=100 << 20, wall_seconds=(1.0, 600.0)),
        )

    def _keep(self, group: Group, node: Node, keep: Keep) -> Step:
        identity = self.identities[node.id]
        return Step(
            id=self._id("keep", identity),
            kind=StepKind.KEEP,
            identity=identity,
            operations=self._operations(group),
            inputs=keep_inputs(self.graph, node, self.made),
            payload=keep_payload(self.graph, node, keep),
            because=("what was fetched is kept as it came",),
            needs=self._needs(group),
            estimate=Estimate(cpu_seconds=0.1, memory_bytes=20 << 20, wall_seconds=(0.1, 60.0)),
        )

    def _task(self, group: Group, node: Node, task: Task) -> Step:
        return task_step(
            self._id(task.name.replace(".", "-"), self.identities[node.id]),
            node,
            task,
            reads=reads_of(self.graph, node, self.sources.files, self.made),
            identity=self.identities[node.id],
            operations=self._operations(group),
            needs=self._needs(group),
        )

    def _index(self, group: Group, node: Node, index: Index) -> Step:
        return index_step(
            self._id("index", self.identities[node.id]),
            node,
            index,
            reads=reads_of(self.graph, node, self.sources.files, self.made),
            identity=self.identities[node.id],
            operations=self._operations(group),
            needs=self._needs(group),
        )

    def _search(self, group: Group, node: Node, search: Search) -> Step:
        identity = self.identities[node.id]
        sample_step, sample = self.made[node.inputs[0]]
        output = StepOutput(name="quality.json", container="json", identity=identity)
        options = [[k, option_text(v)] for k, v in search.encode.options]
        return Step(
            id=self._id("quality", identity),
            kind=StepKind.QUALITY,
            identity=identity,
            operations=self._operations(group),
            inputs=(
                StepInput(name="in0", step=sample_step, output=sample, demuxer="matroska"),
            ),
            outputs=(output,),
            payload={
                "node": node.id,
                "codec": search.encode.codec,
                "options": options,
                "target": search.target,
                "lowest": search.lowest,
                "highest": search.highest,
            },
            because=node.because,
            needs=self._needs(group),
            threads=self.threads,
            estimate=Estimate(cpu_seconds=60, memory_bytes=600 << 20, disk_bytes=50 << 20,
                              wall_seconds=(10.0, 300.0)),
        )  # fmt: skip

    def _smart_cut(self, group: Group, node: Node, cut: SmartCut) -> Step:
        identity = self.identities[node.id]
        source = self.sources.files[node.inputs[0].node]
        name = f"cut.{CONTAINERS[cut.container].extensions[0]}"
        expect = expectation(self.graph, node)
        output = StepOutput(name=name, container=cut.container, identity=identity, expect=expect)
        linked = replace(source, name="in0")
        return Step(
            id=self._id("smart-cut", identity),
            kind=StepKind.SMART_CUT,
            identity=identity,
            operations=self._operations(group),
            inputs=(linked,),
            outputs=(output,),
            payload=smart_cut_payload(self.graph, node, cut, linked, name, self.threads),
            because=tuple(dict.fromkeys(node.because)),
            needs=self._needs(group),
            threads=self.threads,
            on_damage=self._damage(group),
            duration=expect.duration,
            estimate=self._estimate(group),
        )

    def _outputs_of(self, step: Step, group: Group) -> Iterable[tuple[Pad, str]]:
        by_identity = {o.identity: o.name for o in step.outputs}
        for sink in group.sinks:
            for index in range(max(1, len(self.graph[sink].outputs))):
                pad = Pad(sink, index)
                identity = pad_identity(self.identities, pad)
                if identity in by_identity:
                    yield pad, by_identity[identity]


def _container(node: Node) -> str:
    assert isinstance(node.action, Mux)
    return node.action.name


def _label(graph: Graph, group: Group) -> str:
    """What a person calls it: the kind of work that costs most."""
    muxes = [graph[s].action for s in group.sinks if isinstance(graph[s].action, Mux)]
    if not muxes:
        return "analyse"
    if any(isinstance(m, Mux) and m.stills is None for m in muxes):
        encodes = any(isinstance(graph[n].action, Encode) for n in group.nodes)
        return "encode" if encodes else "copy"
    return "stills"


def _longest(found: Iterable[Fraction | None]) -> Fraction | None:
    return max((d for d in found if d is not None), default=None)


def deliveries(
    graph: Graph, made: Mapping[Pad, tuple[str, str]], steps: Mapping[str, Step]
) -> tuple[Delivery, ...]:
    """Where each output of the job goes. Several files of one output are numbered."""
    found: list[Delivery] = []
    per_output: dict[int, int] = {}
    for node in graph:
        if isinstance(node.action, Deliver):
            per_output[node.action.output] = per_output.get(node.action.output, 0) + 1
    for node in graph:
        if not isinstance(node.action, Deliver):
            continue
        action = node.action
        output: OutputSpec = action.settings[0]
        first: int | None = action.settings[1]
        step, name = made[node.inputs[0]]
        mux = graph[node.inputs[0].node].action
        many = isinstance(mux, Mux) and mux.stills not in (None, 1)
        several = many or per_output[action.output] > 1
        to = numbered(output.to) if several else output.to
        if isinstance(mux, Fetch):
            to = delivered_by_language(mux, to)
        found.append(
            Delivery(
                index=action.output, step=step, output=name, to=to,
                first=(first or 1) if several else None,
            )
        )  # fmt: skip
    return tuple(found)
