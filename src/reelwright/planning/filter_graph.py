"""From raw nodes to the text of FFmpeg's filter graph, escaped, with exact splits.

Two levels of escaping suffice without a shell (ffmpeg-filters, "Notes on filtergraph escaping"): a
value within its filter, then the filter within the graph. User text and paths never come here: they
are files beside the command, known by generated names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from reelwright.graph.actions import Asset, Filter, Late, Still, Text, Value
from reelwright.graph.dag import Edge, Node, Pad
from reelwright.media.streams import StreamKind
from reelwright.media.time import seconds_text

# Filters that give what they are asked for whatever they get: formats are not negotiated across.
_CONVERTERS = {"scale", "zscale"}


@dataclass(slots=True)
class FilterText:
    """Collects chains. `source` gives the label of a pad that comes from an opened file."""

    uses: Mapping[Pad, int]
    source: Callable[[Pad], str | None]
    texts: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    chains: list[str] = field(default_factory=list)
    instances: Mapping[str, str] = field(default_factory=dict)
    _labels: dict[Pad, list[str]] = field(default_factory=dict)
    _pending: dict[Pad, str] = field(default_factory=dict)
    _waiting: list[str] = field(default_factory=list)
    _tied: set[Pad] = field(default_factory=set)
    _count: int = 0

    def take(self, pad: Pad, edge: Edge) -> str:
        """A label of `pad` that is used once. A file's pad with one user needs no chain."""
        labels = self._labels.get(pad)
        if labels is None:
            labels = self._open(pad, edge)
        return labels.pop()

    def add(self, node: Node, edges: tuple[Edge, ...]) -> None:
        """A filter node, appended to the chain that ends in its only input where there is one."""
        text = self._untied(node) + self._render(node)
        pads = [Pad(node.id, i) for i in range(len(node.outputs))]
        chain = self._pending.pop(node.inputs[0], None) if len(node.inputs) == 1 else None
        if chain is None:
            labels = [self.take(p, e) for p, e in zip(node.inputs, edges, strict=True)]
            chain = "".join(f"[{label}]" for label in labels) + text
        else:
            chain = f"{chain},{text}"
        if len(pads) == 1 and self.uses.get(pads[0], 0) == 1:
            self._pending[pads[0]] = chain
            return
        outs = []
        for pad, edge in zip(pads, node.outputs, strict=True):
            users = self.uses.get(pad, 0)
            if users == 0:
                outs.append(self._sunk(edge))
            else:
                outs.append(self._label())
                self._split(pad, outs[-1], users, edge)
        self.chains.append(chain + "".join(f"[{o}]" for o in outs))
        self._flush_splits()

    def text(self) -> str:
        return ";\n".join(self.chains)

    def _open(self, pad: Pad, edge: Edge) -> list[str]:
        if pad in self._pending:
            label = self._label()
            self.chains.append(f"{self._pending.pop(pad)}[{label}]")
            return self._labels.setdefault(pad, [label])
        source = self.source(pad)
        assert source is not None, f"{pad} comes from nowhere"
        users = self.uses.get(pad, 1)
        self._split(pad, source, users, edge)
        self._flush_splits()
        return self._labels[pad]

    def _split(self, pad: Pad, label: str, users: int, edge: Edge) -> None:
        if users <= 1:
            self._labels[pad] = [label]
            return
        made = [self._label() for _ in range(users)]
        name = "asplit" if edge.kind is StreamKind.AUDIO else "split"
        ends = "".join(f"[{m}]" for m in made)
        self._waiting.append(f"[{label}]{name}={users}{ends}")
        self._labels[pad] = made[::-1]

    def _flush_splits(self) -> None:
        self.chains += self._waiting
        self._waiting.clear()

    def _sunk(self, edge: Edge) -> str:
        """An output that nobody wants still has to go somewhere."""
        label = self._label()
        sink = "anullsink" if edge.kind is StreamKind.AUDIO else "nullsink"
        self._waiting.append(f"[{label}]{sink}")
        return label

    def _label(self) -> str:
        self._count += 1
        return f"p{self._count}"

    def _untied(self, node: Node) -> str:
        """A converter before what fixes the pixel format of one branch of a split.

        FFmpeg negotiates one format for all branches: without it a JPEG's full range, or the RGB of
        a palette, would be forced on the videos beside it.
        """
        if isinstance(node.action, Filter) and node.action.name in _CONVERTERS:
            return ""
        if not any(p in self._tied or self.uses.get(p, 1) > 1 for p in node.inputs):
            return ""
        if isinstance(node.action, Filter) and node.action.name in {"format", "@palette"}:
            return "scale,"
        self._tied.update(Pad(node.id, i) for i in range(len(node.outputs)))
        return ""

    def _render(self, node: Node) -> str:
        if isinstance(node.action, Still):
            return _select(node.action)
        assert isinstance(node.action, Filter)
        if node.action.name == "@palette":
            a, b, c = self._label(), self._label(), self._label()
            return (
                f"split[{a}][{b}];[{a}]palettegen=stats_mode=single[{c}];[{b}][{c}]paletteuse=new=1"
            )
        name = self.instances.get(node.id, node.action.name)
        values = [f"{key}={self._value(value)}" for key, value in node.action.args]
        return f"{name}={':'.join(values)}" if values else name

    def _value(self, value: Value) -> str:
        match value:
            case Text():
                name = f"text{len(self.texts) + 1}{value.suffix}"
                self.texts[name] = value.value
                return name
            case Asset():
                return self._link(value)
            case Late():
                return f"{{{value.node}.{value.key}}}"
            case bool():
                return str(int(value))
            case Fraction():
                return escape(str(value))
        return escape(str(value))

    def _link(self, asset: Asset) -> str:
        for name, path in self.links.items():
            if path == asset.path:
                return name
        ending = asset.path.rpartition(".")[2]
        name = f"asset{len(self.links) + 1}.{ending if ending.isalnum() else 'bin'}"
        self.links[name] = asset.path
        return name


def escape(value: str) -> str:
    """A literal value in a filter graph.

    >>> escape("a:b,c")
    'a\\\\\\\\:b\\\\,c'
    """
    inner = "".join(f"\\{c}" if c in "\\':" else c for c in value)
    return "".join(f"\\{c}" if c in "\\'[],;" else c for c in inner)


def _select(still: Still) -> str:
    """Each frame that is on screen at one of the times, once."""
    if still.rate is None:
        # On a grid of 1 ms, rounding up, point n has the last frame at or before n ms. The last
        # frame may end before the duration that the container tells: it stays for a second more.
        points = "+".join(f"eq(n,{int(t * 1000)})" for t in still.times)
        grid = "fps=fps=1000:start_time=0:round=up,tpad=stop=1000:stop_mode=clone"
        return f"{grid},select=expr={escape(points)}"
    # From half a frame before: containers round times (Matroska to 1 ms).
    times = [seconds_text(t - 1 / (2 * still.rate)) for t in still.times]
    tests = [f"(isnan(prev_pts)+lt(prev_pts*TB,{t}))*gte(pts*TB,{t})" for t in times]
    return f"select=expr={escape('+'.join(tests))}"
