"""Asks and answers as one line of JSON and the bytes behind it: between us and a model's process,
and into the response cache.

Bytes and arrays leave the line as ``{"$": n}`` for the n-th block; dataclasses of `kinds` are
named.
"""

from __future__ import annotations

import base64
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.tools.models import kinds

if TYPE_CHECKING:
    from collections.abc import Sequence


def pack(value: Any) -> tuple[Any, list[bytes]]:
    """JSON and blocks. Raises TypeError for what is of no type that asks and answers have."""
    blocks: list[bytes] = []
    return _down(value, blocks), blocks


def unpack(value: Any, blocks: Sequence[bytes]) -> Any:
    """What `pack` was given again. Raises MODEL_ANSWER_INVALID."""
    try:
        return _up(value, blocks)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise ReelError(
            Code.MODEL_ANSWER_INVALID, f"what a model's process said cannot be read: {error}"
        ) from error


def to_json(value: Any) -> Any:
    """One JSON value, blocks and all."""
    body, blocks = pack(value)
    return {"body": body, "blocks": [base64.b64encode(block).decode() for block in blocks]}


def from_json(value: Any) -> Any:
    """Raises MODEL_ANSWER_INVALID."""
    try:
        blocks = [base64.b64decode(block) for block in value["blocks"]]
        body = value["body"]
    except (KeyError, TypeError, ValueError) as error:
        raise ReelError(Code.MODEL_ANSWER_INVALID, f"it cannot be read: {error}") from error
    return unpack(body, blocks)


def _down(value: Any, blocks: list[bytes]) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return {"$path": str(value)}
    if isinstance(value, bytes | bytearray | memoryview):
        blocks.append(bytes(value))
        return {"$": len(blocks) - 1}
    if is_dataclass(value) and not isinstance(value, type):
        body = {f.name: _down(getattr(value, f.name), blocks) for f in fields(value)}
        return {"$type": type(value).__name__, "of": body}
    if isinstance(value, tuple):
        return [_down(item, blocks) for item in value]
    if isinstance(value, list):
        return {"$list": [_down(item, blocks) for item in value]}
    if isinstance(value, dict):
        return {"$map": {str(key): _down(item, blocks) for key, item in value.items()}}
    if hasattr(value, "dtype") and hasattr(value, "tobytes"):
        blocks.append(value.tobytes())
        return {"$": len(blocks) - 1, "dtype": value.dtype.str, "shape": list(value.shape)}
    if hasattr(value, "items"):  # another Mapping
        return _down(dict(value), blocks)
    raise TypeError(f"{type(value).__name__} cannot be sent")


def _up(value: Any, blocks: Sequence[bytes]) -> Any:
    if isinstance(value, list):
        return tuple(_up(item, blocks) for item in value)
    if not isinstance(value, dict):
        return value
    if "$map" in value:
        return {key: _up(item, blocks) for key, item in value["$map"].items()}
    if "$list" in value:
        return [_up(item, blocks) for item in value["$list"]]
    if "$path" in value:
        return Path(value["$path"])
    if "$type" in value:
        of = getattr(kinds, value["$type"])
        return of(**{key: _up(item, blocks) for key, item in value["of"].items()})
    block = blocks[value["$"]]
    if "dtype" not in value:
        return block
    import numpy as np

    return np.frombuffer(block, dtype=value["dtype"]).reshape(value["shape"])
