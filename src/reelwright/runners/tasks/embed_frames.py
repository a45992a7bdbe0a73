"""Embeds pictures of a video, and joins the parts: times as JSON, vectors as one NumPy file."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.runners.context import StepProgress
from reelwright.runners.tasks import Done, Given, Strand
from reelwright.tools.models.kinds import PicturesAsk

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

# Pictures of one ask: an answer is remembered and paid as one.
_AT_ONCE = 8
_FILE, _VECTORS = "frames.npy", "vectors.npy"


async def embed(given: Given) -> Done:
    """``{"frames": [{"time", "shot"}, …], "by": [provenance, …], "identity": {…}}`` and a row of
    ``vectors.npy`` (float32, of length 1) for each.

    Raises MODEL_UNAVAILABLE, BUDGET_REACHED, and MODEL_FAILED where two models answered: their
    vectors cannot be compared.
    """
    found, pack = given.strands
    models = given.context.models
    if models is None:
        raise ReelError(Code.MODEL_UNAVAILABLE, "this engine asks no models")
    first, count = given.params["first"], given.params["count"]
    frames = found.result["keyframes"][first : first + count]
    rows: list[Rows] = []
    by: list[dict[str, Any]] = []
    identities: list[dict[str, Any]] = []
    for at in range(0, count, _AT_ONCE):
        some = frames[at : at + _AT_ONCE]
        images = await asyncio.to_thread(_read, pack.path, [frame["file"] for frame in some])
        served = await models.embed_pictures(PicturesAsk(images=images), key=some[0]["file"])
        rows.append(served.value.rows)
        _note(by, served.provenance())
        _note(identities, _identity(served.identity, served.value.rows.shape[1]))
        given.context.on_progress(StepProgress(fraction=(at + len(some)) / count))
    await asyncio.to_thread(_save, given.context.workspace / _VECTORS, rows)
    return Done(
        result={
            "frames": [{"time": frame["time"], "shot": frame["shot"]} for frame in frames],
            "by": by,
            "identity": _the_one(identities),
        }
    )


async def merge(given: Given) -> Done:
    """The result of `embed_frames`: ``{"frames": [{"time", "shot", "row"}, …], "dimension",
    "identity": {provider, model, revision, …}, "by": [provenance, …]}``; ``row`` counts from 0 in
    ``frames.npy`` beside it. `identity` is None where there was no picture.

    Raises MODEL_FAILED where the parts are of two models.
    """
    # Without any picture the one strand is that of the keyframes.
    pairs = list(zip(given.strands[::2], given.strands[1::2], strict=False))
    by: list[dict[str, Any]] = []
    identities: list[dict[str, Any]] = []
    frames: list[dict[str, Any]] = []
    for part, _ in pairs:
        frames += part.result["frames"]
        _note(identities, part.result["identity"])
        for one in part.result["by"]:
            _note(by, one)
    identity = _the_one(identities)
    await asyncio.to_thread(_join, given.context.workspace / _FILE, [file for _, file in pairs])
    return Done(
        result={
            "frames": [{**frame, "row": row} for row, frame in enumerate(frames)],
            "dimension": None if identity is None else identity["dimension"],
            "identity": identity,
            "by": by,
        },
        report={"embed_frames": {"frames": len(frames)}},
    )


def _the_one(identities: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    if len(identities) > 1:
        names = " and ".join(f"{one['provider']}:{one['model']}" for one in identities)
        raise ReelError(
            Code.MODEL_FAILED,
            f"pictures of one video were embedded by {names}: they cannot be compared",
            hint="one model in models.image_embedding, or a chain whose first is always there",
        )
    return identities[0] if identities else None


def _identity(identity: Any, dimension: int) -> dict[str, Any]:
    return {
        "provider": identity.provider,
        "model": identity.model,
        "revision": identity.revision,
        "dtype": identity.dtype,
        "preprocessing": identity.preprocessing,
        "dimension": dimension,
    }


def _note(seen: list[dict[str, Any]], one: dict[str, Any]) -> None:
    if one not in seen:
        seen.append(one)


def _read(pack: Path, names: Sequence[str]) -> tuple[bytes, ...]:
    with zipfile.ZipFile(pack) as pictures:
        return tuple(pictures.read(name) for name in names)


def _save(path: Path, rows: Sequence[Rows]) -> None:
    import numpy as np

    np.save(path, np.concatenate(rows).astype("<f4"), allow_pickle=False)


def _join(path: Path, files: Sequence[Strand]) -> None:
    import numpy as np

    parts = [np.load(file.path, allow_pickle=False) for file in files]
    joined = np.concatenate(parts) if parts else np.zeros((0, 0), "<f4")
    np.save(path, joined.astype("<f4"), allow_pickle=False)
