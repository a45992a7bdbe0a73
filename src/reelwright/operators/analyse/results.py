"""Results of operations before, by their labels, for operations that need some of them."""

from __future__ import annotations

from collections.abc import Sequence

from reelwright.errors import Code, ReelError
from reelwright.graph.operator import Bundle, Inputs, Port, Strand
from reelwright.media.streams import StreamKind, VideoStream

TRANSCRIPT, TEXT, DESCRIPTIONS = "transcript", "text", "descriptions"


def ports(*labels: str) -> tuple[Port, ...]:
    """Ports for results that may come from another operation than the main input."""
    return tuple(
        Port(label, required=False, doc=f"Where `{label}` is from, if not from `input`.")
        for label in labels
    )


def found(inputs: Inputs, label: str) -> Strand | None:
    """The result `label`: of the port of that name, else of the main input. Raises STREAM_MISSING
    where something without it is connected to its port."""
    given = inputs.get(label, ())
    for bundle in given or inputs["input"]:
        strand = next((s for s in bundle if s.label == label), None)
        if strand is not None:
            return strand
    if not given:
        return None
    labels = [s.label for bundle in given for s in bundle if s.label]
    raise ReelError(
        Code.STREAM_MISSING,
        f"what is connected to '{label}' has no result of that name",
        where=f"inputs.{label}",
        hint=f"it has: {', '.join(labels) or 'no results'}",
    )


def missing(operator: str, labels: Sequence[str], makers: str) -> ReelError:
    return ReelError(
        Code.STREAM_MISSING,
        f"'{operator}' is given nothing to work with: {' or '.join(labels)}",
        where="input",
        hint=f"put {makers} before it",
    )


def duration_s(bundle: Bundle) -> float | None:
    """How long the video (or the sound) is in seconds; None: not known."""
    known = [
        float((s.stream.start or 0) + s.stream.duration)
        for s in bundle
        if s.kind in (StreamKind.VIDEO, StreamKind.AUDIO)
        and s.stream.duration is not None
        and not (isinstance(s.stream, VideoStream) and s.stream.is_still)
    ]
    return max(known, default=None)
