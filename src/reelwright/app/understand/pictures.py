"""Pictures of a video as passages without words: they are found by their vectors alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from reelwright.app.understand.drafts import Draft
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

# The result of `embed_frames`, and the file with its vectors.
FRAMES, VECTORS = "frames", "frame-vectors"
# The result of `keyframes`, and the pack of its pictures.
KEYFRAMES, PICTURES = "keyframes", "keyframe-pictures"
# What is no result but a file beside one.
FILES = frozenset({VECTORS, PICTURES})


def passages(body: Mapping[str, Any]) -> Iterator[Draft]:
    """One a picture, in the order of their rows. Each stands for the time up to the middle between
    it and the next."""
    frames: Sequence[Mapping[str, Any]] = body["frames"]
    times = [frame["time"] for frame in frames]
    middles = [(one + other) / 2 for one, other in pairwise(times)]
    starts = [0.0, *middles] if times else []
    ends = [*middles, 2 * times[-1] - starts[-1]] if times else []
    by: Mapping[str, Any] = next(iter(body["by"]), {})
    said = {name: by[name] for name in ("provider", "model") if by.get(name)}
    for frame, start_s, end_s in zip(frames, starts, ends, strict=True):
        yield Draft(
            kind="frame",
            text="",
            start_s=start_s,
            end_s=end_s,
            evidence={**said, "part": FRAMES, "time": frame["time"], "shot": frame["shot"]},
        )


def vectors(body: Mapping[str, Any], path: Path) -> NDArray[np.float32]:
    """A row a picture. Blocking. Raises ARTIFACT_DAMAGED."""
    import numpy as np

    try:
        rows: NDArray[np.float32] = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    if len(rows) != len(body["frames"]):
        raise _damaged(path, f"{len(rows)} vectors for {len(body['frames'])} pictures")
    return rows


def _damaged(path: Path, why: str) -> ReelError:
    return ReelError(Code.ARTIFACT_DAMAGED, f"vectors cannot be read: {why}", where=path.name)
