"""A CLIP and a SigLIP of a few bytes, in the folders in which real exports come: what they give can
be worked out by hand.

The vision half gives the means of red, green and blue of what it is shown, after its preparation;
the text half looks each token up in a table and adds up.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

WORDS = {"[PAD]": 0, "[UNK]": 1, "red": 2, "green": 3, "blue": 4}
# One row a token: what it adds to the vector.
TABLE = np.array([[0, 0, 0.125], [0, 0, 0.25], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=np.float32)
MEAN, STD = (0.5, 0.25, 0.125), (0.5, 0.25, 0.5)


def vision(path: Path, output: str, batch: str | int = "batch", name: str = "pixel_values") -> None:
    image = helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, 3, "h", "w"])
    vector = helper.make_tensor_value_info(output, TensorProto.FLOAT, [batch, 3])
    hidden = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [batch, 3])
    nodes = [
        helper.make_node("ReduceMean", [name], [output], axes=[2, 3], keepdims=0),
        helper.make_node("Neg", [output], ["last_hidden_state"]),
    ]
    _save(path, helper.make_graph(nodes, "vision", [image], [hidden, vector]))


def text(
    path: Path,
    output: str,
    length: str | int = "length",
    *,
    masked: bool = False,
    name: str = "input_ids",
    kind: int = TensorProto.INT64,
) -> None:
    """`masked`: it takes an attention mask, and what is masked adds nothing."""
    shape = ["batch", length]
    inputs = [helper.make_tensor_value_info(name, kind, shape)]
    vector = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", 3])
    nodes = [helper.make_node("Gather", ["table", name], ["rows"])]
    rows = "rows"
    constants = [numpy_helper.from_array(TABLE, "table")]
    if masked:
        inputs.append(helper.make_tensor_value_info("attention_mask", TensorProto.INT64, shape))
        constants.append(numpy_helper.from_array(np.array([2], np.int64), "last"))
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "last"], ["wide"]),
            helper.make_node("Mul", ["rows", "wide"], ["kept"]),
        ]
        rows = "kept"
    constants.append(numpy_helper.from_array(np.array([1], np.int64), "axis"))
    nodes.append(helper.make_node("ReduceSum", [rows, "axis"], [output], keepdims=0))
    _save(path, helper.make_graph(nodes, "text", inputs, [vector], constants))


def tokenizer(path: Path) -> None:
    made = Tokenizer(WordLevel(WORDS, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save(str(path))


def hugging_face(folder: Path, **changes: Any) -> Path:
    """CLIP as Hugging Face has it: the shorter side to 8 pixels, the middle 8 x 8 of it."""
    vision(folder / "onnx" / "vision_model.onnx", "image_embeds")
    text(folder / "onnx" / "text_model.onnx", "text_embeds", masked=True)
    tokenizer(folder / "tokenizer.json")
    prepared = {
        "do_resize": True,
        "size": {"shortest_edge": 8},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": 8, "width": 8},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(MEAN),
        "image_std": list(STD),
    }
    _json(folder / "preprocessor_config.json", {**prepared, **changes})
    _json(folder / "config.json", {"model_type": "clip", "projection_dim": 3})
    _json(folder / "tokenizer_config.json", {"model_max_length": 4})
    return folder


def siglip(folder: Path) -> Path:
    """SigLIP 2: pictures squeezed into a square, texts in small letters and filled up to 6."""
    vision(folder / "vision_model.onnx", "pooler_output", batch=1)
    text(folder / "text_model.onnx", "pooler_output")
    tokenizer(folder / "tokenizer.json")
    prepared = {
        "do_resize": True,
        "size": {"height": 4, "width": 4},
        "resample": 2,
        "image_mean": list(MEAN),
        "image_std": list(STD),
    }
    _json(folder / "preprocessor_config.json", prepared)
    body = {"model_type": "siglip2", "text_config": {"max_position_embeddings": 6}}
    _json(folder / "config.json", body)
    _json(folder / "tokenizer_config.json", {"do_lower_case": True, "pad_token": "[PAD]"})
    return folder


def open_clip(folder: Path, *, cleans: bool = False) -> Path:
    """As photo servers keep OpenCLIP's: texts are filled up to the length that is configured.
    `cleans`: a SigLIP, whose texts have neither capitals nor punctuation."""
    vision(folder / "visual" / "model.onnx", "embedding", batch=1, name="image")
    kind = TensorProto.INT32
    text(folder / "textual" / "model.onnx", "embedding", name="text", kind=kind)
    tokenizer(folder / "textual" / "tokenizer.json")
    _json(folder / "textual" / "tokenizer_config.json", {"pad_token": "[PAD]"})
    told: dict[str, Any] = {"context_length": 5}
    if cleans:
        told["tokenizer_kwargs"] = {"clean": "canonicalize"}
    _json(folder / "config.json", {"embed_dim": 3, "text_cfg": told})
    prepared = {
        "size": [8, 8],
        "mean": list(MEAN),
        "std": list(STD),
        "interpolation": "bicubic",
        "resize_mode": "squash" if cleans else "shortest",
    }
    _json(folder / "visual" / "preprocess_cfg.json", prepared)
    return folder


def _json(path: Path, body: Any) -> None:
    path.write_text(json.dumps(body), "utf-8")


def _save(path: Path, graph: onnx.GraphProto) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
