"""Where the parts of a CLIP or SigLIP lie that was exported to ONNX, in the forms in which such
exports are published: Hugging Face's (``onnx/vision_model.onnx``), Optimum's (the same without the
folder) and OpenCLIP's as photo servers use it (``visual/model.onnx``).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.tools.models.providers import unavailable

if TYPE_CHECKING:
    from reelwright.tools.models.providers import ModelSpec

_VISION = ("onnx/vision_model.onnx", "vision_model.onnx", "visual/model.onnx", "visual.onnx")
_TEXT = ("onnx/text_model.onnx", "text_model.onnx", "textual/model.onnx", "textual.onnx")
_TOKENIZER = ("tokenizer.json", "textual/tokenizer.json")
_PREPARED = ("preprocessor_config.json", "visual/preprocess_cfg.json", "preprocess_cfg.json")
_SAMPLE_BYTES, _SAMPLES = 64 << 10, 16


@dataclass(frozen=True, slots=True)
class Parts:
    """`prepared`: what is done to a picture before the model sees it; `config` and `tokens`: what
    is said of the model and of its tokenizer, empty where nothing is."""

    folder: Path
    vision: Path
    text: Path
    tokenizer: Path
    prepared: dict[str, Any]
    config: dict[str, Any]
    tokens: dict[str, Any]

    @property
    def open_clip(self) -> dict[str, Any]:
        """What OpenCLIP's form of `config` says of texts; empty in other forms."""
        found = self.config.get("text_cfg")
        return found if isinstance(found, dict) else {}


def parts(spec: ModelSpec) -> Parts:
    """Raises MODEL_UNAVAILABLE, naming what is missing."""
    folder = _folder(spec)
    prepared = _first(spec, folder, _PREPARED)
    tokenizer = _first(spec, folder, _TOKENIZER)
    return Parts(
        folder=folder,
        vision=_first(spec, folder, _VISION),
        text=_first(spec, folder, _TEXT),
        tokenizer=tokenizer,
        prepared=_json(spec, prepared),
        config=_json(spec, folder / "config.json", optional=True),
        tokens=_json(spec, tokenizer.with_name("tokenizer_config.json"), optional=True),
    )


def digest(found: Parts) -> str:
    """Of the weights, by their sizes and parts of them (gigabytes are not read to know which model
    it is), and of what is done to texts."""
    total = hashlib.sha256()
    for weights in (found.vision, found.text):
        for path in (weights, *sorted(weights.parent.glob(f"{weights.name}[_.]data*"))):
            _sample(total, path)
    _sample(total, found.tokenizer)
    total.update(json.dumps([found.config, found.tokens], sort_keys=True).encode())
    return total.hexdigest()[:16]


def _sample(total: Any, path: Path) -> None:
    size = path.stat().st_size
    total.update(f"{path.name}:{size};".encode())
    with path.open("rb") as file:
        for number in range(_SAMPLES):
            file.seek(size * number // _SAMPLES)
            total.update(file.read(_SAMPLE_BYTES))


def _folder(spec: ModelSpec) -> Path:
    """What the chain names (a path, or a folder among the weights); without a name the first
    that is there."""
    if spec.model:
        named = spec.folder / Path(spec.model).expanduser()  # an absolute one stays what it is
        if not named.is_dir():
            raise unavailable(spec, f"there is no folder {named}", hint=_HINT)
        return named
    there = sorted(_models_in(spec.folder)) if spec.folder.is_dir() else []
    if not there:
        raise unavailable(spec, f"no such model is in {spec.folder}", hint=_HINT)
    return there[0]


def _models_in(folder: Path) -> list[Path]:
    return [one for one in folder.iterdir() if any((one / name).is_file() for name in _VISION)]


_HINT = (
    "put an ONNX export (onnx/vision_model.onnx, onnx/text_model.onnx, tokenizer.json,"
    " preprocessor_config.json) into a folder and set models.image_embedding to clip:FOLDER"
)


def _first(spec: ModelSpec, folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise unavailable(spec, f"{folder} has no {' or '.join(names)}", hint=_HINT)


def _json(spec: ModelSpec, path: Path, *, optional: bool = False) -> dict[str, Any]:
    if optional and not path.is_file():
        return {}
    try:
        body = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise unavailable(spec, f"{path} cannot be read: {error}") from error
    if not isinstance(body, dict):
        raise unavailable(spec, f"{path} is no JSON object")
    return body
