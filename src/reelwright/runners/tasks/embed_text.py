"""What `embed_text` does: asks for vectors of all texts, and keeps them in one NumPy file."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reelwright.analysis.told import Told, told
from reelwright.errors import Code, ReelError
from reelwright.runners.context import StepProgress
from reelwright.runners.tasks import Done, Given
from reelwright.tools.models.kinds import TextsAsk

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from reelwright.tools.models.kinds import Models, Served, Vectors

_FILE = "texts.npy"
# Texts of one ask: an answer is remembered, and paid, as one.
_AT_ONCE = 64


async def embed(given: Given) -> Done:
    """``{"texts": [{"label", "start", "end", "text", "row"}, …], "dimension", "identity":
    {provider, model, revision, …}, "by": [provenance, …]}``; ``row`` counts from 0 in
    ``texts.npy`` beside it (float32, of length 1). `identity` is None where there was no text.

    Raises MODEL_UNAVAILABLE, BUDGET_REACHED, and MODEL_FAILED where two models answered: their
    vectors cannot be compared.
    """
    models = given.context.models
    if models is None:
        raise ReelError(Code.MODEL_UNAVAILABLE, "this engine asks no models")
    labelled = zip(given.params["labels"], given.strands, strict=True)
    texts = [(label, one) for label, strand in labelled for one in told(label, strand.result)]
    answers = await _answers(models, [one for _, one in texts], given)
    identity = _the_one(answers)
    rows = [answer.value.rows for answer in answers]
    await asyncio.to_thread(_save, given.context.workspace / _FILE, rows)
    by: list[dict[str, Any]] = []
    for answer in answers:
        if answer.provenance() not in by:
            by.append(answer.provenance())
    return Done(
        result={
            "texts": [_entry(label, one, row) for row, (label, one) in enumerate(texts)],
            "dimension": None if identity is None else identity["dimension"],
            "identity": identity,
            "by": by,
        },
        report={"embed_text": {"texts": len(texts)}},
    )


async def _answers(models: Models, texts: Sequence[Told], given: Given) -> list[Served[Vectors]]:
    answers: list[Served[Vectors]] = []
    for start in range(0, len(texts), _AT_ONCE):
        some = tuple(one.text for one in texts[start : start + _AT_ONCE])
        answers.append(await models.embed_texts(TextsAsk(texts=some), key=f"texts:{start}"))
        given.context.on_progress(StepProgress(fraction=(start + len(some)) / len(texts)))
    return answers


def _the_one(answers: Sequence[Served[Vectors]]) -> dict[str, Any] | None:
    found: dict[str, dict[str, Any]] = {}
    for answer in answers:
        one = answer.identity
        found[one.text()] = {
            "provider": one.provider,
            "model": one.model,
            "revision": one.revision,
            "dtype": one.dtype,
            "preprocessing": one.preprocessing,
            "dimension": int(answer.value.rows.shape[1]),
        }
    if len(found) > 1:
        names = " and ".join(f"{one['provider']}:{one['model']}" for one in found.values())
        raise ReelError(
            Code.MODEL_FAILED,
            f"texts of one video were embedded by {names}: they cannot be compared",
            hint="one model in models.text_embedding, or a chain whose first is always there",
        )
    return next(iter(found.values()), None)


def _entry(label: str, one: Told, row: int) -> dict[str, Any]:
    return {
        "label": label,
        "start": one.start_s,
        "end": one.end_s,
        "text": one.text,
        "row": row,
    }


def _save(path: Path, rows: Sequence[NDArray[np.float32]]) -> None:
    import numpy as np

    joined = np.concatenate(rows) if rows else np.zeros((0, 0), "<f4")
    np.save(path, joined.astype("<f4"), allow_pickle=False)
