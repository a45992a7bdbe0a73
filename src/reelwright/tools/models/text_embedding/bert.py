"""A small BERT encoder in numpy: sentence embeddings by the mean of its last layer.

Enough for MiniLM (Wang and others, 2020; Reimers and Gurevych, 2019): six layers of width 384. It
needs neither torch nor a graph; texts of one length go through together, so nothing is padded and
nothing masked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    Array = NDArray[np.float32]

# So many tokens go through at once: their activations stay in the cache of a core.
_TOKENS = 2048


@dataclass(frozen=True, slots=True)
class _Layer:
    """Weights as they are multiplied from the right; `attend` is query, key and value in one."""

    attend: Array
    attend_bias: Array
    join: Array
    join_bias: Array
    join_norm: tuple[Array, Array]
    widen: Array
    widen_bias: Array
    narrow: Array
    narrow_bias: Array
    narrow_norm: tuple[Array, Array]


class Encoder:
    """``encode(texts)``: one row a text, of length 1. Texts longer than the model's limit
    (256 word pieces) are cut there."""

    def __init__(self, folder: Path) -> None:
        """`folder` has ``config.json``, ``model.safetensors`` and ``tokenizer.json``.

        Raises MODEL_UNAVAILABLE where one of them is missing or not a model of this form.
        """
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        try:
            config = json.loads((folder / "config.json").read_bytes())
            limits = json.loads((folder / "sentence_bert_config.json").read_bytes())
            weights = load_file(folder / "model.safetensors")
            self._tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._load(config, weights)
        except (OSError, KeyError, ValueError) as error:
            said = f"no embedding model: {error}"
            raise ReelError(Code.MODEL_UNAVAILABLE, said, where=str(folder)) from error
        self._tokenizer.enable_truncation(int(limits["max_seq_length"]))
        self._tokenizer.no_padding()

    @property
    def dimension(self) -> int:
        return int(self._words.shape[1])

    def encode(self, texts: Sequence[str]) -> Array:
        """float32, ``(len(texts), dimension)``. A text without a word is a place, too."""
        rows = np.empty((len(texts), self.dimension), dtype=np.float32)
        pieces = [found.ids for found in self._tokenizer.encode_batch(list(texts))]
        for at in _alike(pieces):
            ids = np.array([pieces[n] for n in at], dtype=np.int64)
            rows[at] = self._forward(ids).mean(axis=1)
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        return rows

    def _load(self, config: Mapping[str, Any], weights: Mapping[str, Array]) -> None:
        if config["model_type"] != "bert" or config["hidden_act"] != "gelu":
            raise ValueError("it is not BERT with GELU")
        self._heads = int(config["num_attention_heads"])
        self._epsilon = np.float32(config["layer_norm_eps"])
        table = {name: np.asarray(value, dtype=np.float32) for name, value in weights.items()}
        self._words = table["embeddings.word_embeddings.weight"]
        # Every text is of the first type, so that is a part of each place.
        types = table["embeddings.token_type_embeddings.weight"]
        self._places = table["embeddings.position_embeddings.weight"] + types[0]
        self._norm = _norm(table, "embeddings.LayerNorm")
        count = int(config["num_hidden_layers"])
        self._layers = [_layer(table, f"encoder.layer.{n}") for n in range(count)]

    def _forward(self, ids: NDArray[np.int64]) -> Array:
        """``(texts, length)`` to ``(texts, length, dimension)``."""
        count, length = ids.shape
        found = self._words[ids] + self._places[:length]
        x = found.reshape(count * length, -1)
        self._normalise(x, self._norm)
        for layer in self._layers:
            heard = self._attend(x, layer, count, length)
            heard += layer.join_bias
            heard += x
            self._normalise(heard, layer.join_norm)
            wide = heard @ layer.widen
            wide += layer.widen_bias
            x = _gelu(wide) @ layer.narrow
            x += layer.narrow_bias
            x += heard
            self._normalise(x, layer.narrow_norm)
        encoded: Array = x.reshape(count, length, -1)
        return encoded

    def _attend(self, x: Array, layer: _Layer, count: int, length: int) -> Array:
        width = x.shape[1] // self._heads
        mixed = x @ layer.attend
        mixed += layer.attend_bias
        parts = mixed.reshape(count, length, 3, self._heads, width).transpose(2, 0, 3, 1, 4)
        query, key, value = parts[0], parts[1], parts[2]
        scores = query @ key.swapaxes(-1, -2)
        scores *= np.float32(width**-0.5)
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        heard = (scores @ value).transpose(0, 2, 1, 3).reshape(count * length, -1)
        joined: Array = heard @ layer.join
        return joined

    def _normalise(self, x: Array, norm: tuple[Array, Array]) -> None:
        """In place: mean 0 and variance 1 a row, then the layer's own scale and place."""
        x -= x.mean(axis=1, keepdims=True)
        variance = np.einsum("ij,ij->i", x, x)[:, None] / np.float32(x.shape[1])
        x /= np.sqrt(variance + self._epsilon)
        x *= norm[0]
        x += norm[1]


def _alike(pieces: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Places of texts of one length, not too many at once."""
    by_length: dict[int, list[int]] = {}
    for number, ids in enumerate(pieces):
        by_length.setdefault(len(ids), []).append(number)
    for length, numbers in by_length.items():
        step = max(1, _TOKENS // max(1, length))
        for start in range(0, len(numbers), step):
            yield numbers[start : start + step]


def _layer(table: Mapping[str, Array], name: str) -> _Layer:
    own = f"{name}.attention.self"
    three = ("query", "key", "value")
    return _Layer(
        attend=_turned(np.concatenate([table[f"{own}.{part}.weight"] for part in three])),
        attend_bias=np.concatenate([table[f"{own}.{part}.bias"] for part in three]),
        join=_turned(table[f"{name}.attention.output.dense.weight"]),
        join_bias=table[f"{name}.attention.output.dense.bias"],
        join_norm=_norm(table, f"{name}.attention.output.LayerNorm"),
        widen=_turned(table[f"{name}.intermediate.dense.weight"]),
        widen_bias=table[f"{name}.intermediate.dense.bias"],
        narrow=_turned(table[f"{name}.output.dense.weight"]),
        narrow_bias=table[f"{name}.output.dense.bias"],
        narrow_norm=_norm(table, f"{name}.output.LayerNorm"),
    )


def _norm(table: Mapping[str, Array], name: str) -> tuple[Array, Array]:
    return table[f"{name}.weight"], table[f"{name}.bias"]


def _turned(weight: Array) -> Array:
    return np.ascontiguousarray(weight.T)


def _gelu(x: Array) -> Array:
    """x Φ(x), in place. Φ by Abramowitz and Stegun 7.1.26: numpy has no erf; its error, 1.5e-7, is
    that of a float32."""
    # |x| / √2, then erf of it as 1 - t (a1 + t (a2 + …)) exp(-z²).
    z = np.abs(x) * np.float32(0.7071067811865476)
    t = np.float32(1.0) / (np.float32(1.0) + np.float32(0.3275911) * z)
    tail = t * np.float32(1.061405429)
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        tail += np.float32(factor)
        tail *= t
    np.multiply(z, -z, out=z)
    np.exp(z, out=z)
    tail *= z
    # Φ(x) is 1 - tail / 2 on the right and tail / 2 on the left.
    tail *= np.float32(0.5)
    np.subtract(np.float32(1.0), tail, out=tail, where=x >= 0)
    tail *= x
    return tail
