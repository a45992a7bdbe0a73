"""Asks that are joined to one, and its answer taken apart again: pure.

Only what a model takes several of at a time anyway: texts and pictures to embed. Each row of the
answer depends on its own text or picture alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

from reelwright.tools.models.kinds import PicturesAsk, TextsAsk, Usage, Vectors


def joins_by(ask: Any) -> Hashable | None:
    """Asks of the same value may be joined; None: this one is asked alone."""
    if isinstance(ask, TextsAsk):
        return ("texts", ask.purpose)
    if isinstance(ask, PicturesAsk) and not (ask.images and ask.texts):
        return "pictures" if ask.images else "words"
    return None


def size_of(ask: Any) -> int:
    """How much of a batch it fills."""
    if isinstance(ask, TextsAsk):
        return len(ask.texts)
    if isinstance(ask, PicturesAsk):
        return len(ask.images) + len(ask.texts)
    return 1


def joined(asks: Sequence[Any]) -> Any:
    """One ask for all of them, which are joined by the same value; at least one."""
    first = asks[0]
    if len(asks) == 1:
        return first
    texts = tuple(text for ask in asks for text in ask.texts)
    if isinstance(first, PicturesAsk):
        images = tuple(image for ask in asks for image in ask.images)
        return replace(first, images=images, texts=texts)
    return replace(first, texts=texts)


def apart(asks: Sequence[Any], answer: Any, usage: Usage) -> list[tuple[Any, Usage]]:
    """The answers to each of `asks`, of that to all of them. Raises ValueError where rows are
    missing."""
    if len(asks) == 1:
        return [(answer, usage)]
    sizes = [size_of(ask) for ask in asks]
    if len(answer.rows) != sum(sizes):
        raise ValueError(f"{len(answer.rows)} rows came for {sum(sizes)} asked for")
    parts: list[tuple[Any, Usage]] = []
    at = 0
    for ask, size in zip(asks, sizes, strict=True):
        rows = answer.rows[at : at + size]
        parts.append((Vectors(rows=rows), _share(ask, usage)))
        at += size
    return parts


def _share(ask: Any, usage: Usage) -> Usage:
    characters = sum(len(text) for text in ask.texts)
    if isinstance(ask, PicturesAsk):
        return replace(usage, images=len(ask.images), characters=characters)
    return replace(usage, characters=characters)
