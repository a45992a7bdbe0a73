"""Weights in ONNX, loaded for one process with few threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelwright.tools.models.providers import unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from reelwright.tools.models.providers import ModelSpec


def session(spec: ModelSpec, path: Path) -> Any:
    """An ``onnxruntime.InferenceSession`` on the CPU. Raises MODEL_UNAVAILABLE for weights that
    cannot be loaded."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = max(1, spec.threads)
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # sizes differ from one picture to the next
    options.log_severity_level = 4
    # A thread that waits for the next part of a layer would burn a core meanwhile.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise unavailable(spec, f"{path.name} cannot be loaded: {error}") from error
