"""Models of speech that are small enough to be made in a test, in the real layouts. They hear
nothing: whatever the sound is, each says what it was made to say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reelwright.tools.flac import RATE_HZ, flac_of

_WIDTH, _MELS, _POSITIONS = 32, 80, 448
_HEAD = _WIDTH // 2
_SHARE = 25  # frames of 20 ms


def sound(path: Path, duration_s: float) -> Path:
    """A low hum."""
    at = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    path.write_bytes(flac_of((8000 * np.sin(2 * np.pi * 110 * at)).astype(np.int16)))
    return path


def whisper(folder: Path, words: Sequence[str], end_s: float) -> Path:
    """For CTranslate2: says `words` from 0 up to `end_s`, in English. Each position of
    the decoder knows its next token; perceptrons are zero."""
    from ctranslate2.specs import WhisperSpec

    tokens = ["<unk>", *(f"\u0120{word}" for word in words), "<|endoftext|>"]
    tokens += ["<|startoftranscript|>", "<|en|>", "<|translate|>", "<|transcribe|>"]
    tokens += ["<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    tokens += [f"<|{n * 0.02:.2f}|>" for n in range(1501)]
    said = ["<|0.00|>", *(f"\u0120{word}" for word in words), f"<|{end_s:.2f}|>", "<|endoftext|>"]
    folder.mkdir(parents=True)
    spec: Any = WhisperSpec(1, 2, 1, 2)
    _fill_whisper(spec, [tokens.index(token) for token in said], len(tokens))
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids = [tokens.index("<unk>")]
    spec.config.suppress_ids_begin = [tokens.index("<|endoftext|>")]
    spec.config.lang_ids = [tokens.index("<|en|>")]
    spec.config.alignment_heads = [(0, 0), (0, 1)]
    spec.validate()
    spec.optimize()
    spec.save(str(folder))
    _tokenizer(folder / "tokenizer.json", tokens)
    prepared = {"feature_size": _MELS, "sampling_rate": RATE_HZ, "hop_length": 160, "n_fft": 400}
    (folder / "preprocessor_config.json").write_text(json.dumps(prepared))
    return folder


def _zeros(*shape: int) -> Any:
    return np.zeros(shape, np.float32)


def _linear(into: Any, rows: int, columns: int) -> None:
    into.weight, into.bias = _zeros(rows, columns), _zeros(rows)


def _norm(into: Any) -> None:
    into.gamma, into.beta = np.ones(_WIDTH, np.float32), _zeros(_WIDTH)


def _attention(into: Any, widths: Sequence[int]) -> None:
    _norm(into.layer_norm)
    for one, rows in zip(into.linear, widths, strict=True):
        _linear(one, rows * _WIDTH, _WIDTH)


def _layer(into: Any) -> None:
    _attention(into.self_attention, (3, 1))
    _norm(into.ffn.layer_norm)
    _linear(into.ffn.linear_0, 4 * _WIDTH, _WIDTH)
    _linear(into.ffn.linear_1, _WIDTH, 4 * _WIDTH)


def _fill_whisper(spec: Any, said: Sequence[int], tokens: int) -> None:
    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = _zeros(_WIDTH, _MELS, 3), _zeros(_WIDTH)
    encoder.conv2.weight, encoder.conv2.bias = _zeros(_WIDTH, _WIDTH, 3), _zeros(_WIDTH)
    frames = _zeros(1500, _WIDTH)
    frames[np.arange(1500), np.arange(1500) // _SHARE % _HEAD] = 1
    encoder.position_encodings.encodings = frames
    positions = _zeros(_POSITIONS, _WIDTH)
    positions[np.arange(_WIDTH), np.arange(_WIDTH)] = 1
    decoder.position_encodings.encodings = positions
    decoder.embeddings.weight = _zeros(tokens, _WIDTH)
    for half in (encoder, decoder):
        _norm(half.layer_norm)
        _layer(half.layer[0])
    _attention(decoder.layer[0].attention, (1, 2, 1))
    # Times of words come from what the decoder looks at: its n-th token at the n-th share of sound.
    ask, told, _ = decoder.layer[0].attention.linear
    rows = np.arange(_HEAD)
    for head in range(2):
        ask.weight[head * _HEAD + rows, rows] = 5
        told.weight[head * _HEAD + rows, rows] = 5
    decoder.projection.weight, decoder.projection.bias = _zeros(tokens, _WIDTH), _zeros(tokens)
    for position, token in enumerate(said):
        decoder.projection.weight[token, position] = 10


def _tokenizer(path: Path, tokens: Sequence[str]) -> None:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    made = Tokenizer(models.WordLevel({t: n for n, t in enumerate(tokens)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(t, special=True) for t in tokens if t.startswith("<|")])
    made.save(str(path))


# Each letter is said in a frame of its own: 80 ms.
FRAME_S = 0.08


def _frames(vocabulary: Sequence[str], said: Sequence[str | None], extra: int) -> Any:
    """Logits (1, frames, vocabulary and `extra` durations) that say `said`, None for silence."""
    blank = len(vocabulary) - 1
    frames = np.full((1, 4000, len(vocabulary) + extra), -20, np.float32)
    frames[0, :, blank] = 0
    for at, token in enumerate(said):
        if token is not None:
            frames[0, at, blank] = -20
            frames[0, at, vocabulary.index(token)] = 0
    if extra:
        frames[0, :, len(vocabulary) + 1] = 5  # one frame on
    return frames


def _vocabulary(folder: Path, said: Sequence[str | None]) -> list[str]:
    vocabulary = [*dict.fromkeys(token for token in said if token), "<blk>"]
    folder.mkdir(parents=True)
    lines = [f"{token} {number}\n" for number, token in enumerate(vocabulary)]
    (folder / "vocab.txt").write_text("".join(lines), encoding="utf-8")
    return vocabulary


def conformer_ctc(folder: Path, said: Sequence[str | None]) -> Path:
    """For onnx-asr, of NeMo's kind: says a token a frame of 80 ms."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    vocabulary = _vocabulary(folder, said)
    frames = numpy_helper.from_array(_frames(vocabulary, said, 0), "frames")
    graph = helper.make_graph(
        [helper.make_node("Identity", ["frames"], ["logprobs"])],
        "ctc",
        [
            helper.make_tensor_value_info("audio_signal", TensorProto.FLOAT, ["b", _MELS, "t"]),
            helper.make_tensor_value_info("length", TensorProto.INT64, ["b"]),
        ],
        [helper.make_tensor_value_info("logprobs", TensorProto.FLOAT, None)],
        [frames],
    )
    _save(onnx, graph, folder / "model.onnx")
    config = {"model_type": "nemo-conformer-ctc", "features_size": _MELS}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def parakeet_tdt(folder: Path, said: Sequence[str | None]) -> Path:
    """For onnx-asr, of Parakeet's kind (a transducer that says how far to go on)."""
    vocabulary = _vocabulary(folder, said)
    frames = np.ascontiguousarray(_frames(vocabulary, said, 3).transpose(0, 2, 1))
    _tdt_encoder(folder / "encoder-model.onnx", frames)
    _tdt_decoder(folder / "decoder_joint-model.onnx", frames.shape[1])
    config = {"model_type": "nemo-conformer-tdt", "features_size": _MELS}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def _tdt_encoder(path: Path, frames: Any) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    one, eight = (numpy_helper.from_array(np.array([n]), f"n{n}") for n in (1, 8))
    graph = helper.make_graph(
        [
            helper.make_node("Identity", ["frames"], ["outputs"]),
            helper.make_node("Sub", ["length", "n1"], ["before"]),
            helper.make_node("Div", ["before", "n8"], ["steps"]),
            helper.make_node("Add", ["steps", "n1"], ["encoded_lengths"]),
        ],
        "encoder",
        [
            helper.make_tensor_value_info("audio_signal", TensorProto.FLOAT, ["b", _MELS, "t"]),
            helper.make_tensor_value_info("length", TensorProto.INT64, ["b"]),
        ],
        [
            helper.make_tensor_value_info("outputs", TensorProto.FLOAT, None),
            helper.make_tensor_value_info("encoded_lengths", TensorProto.INT64, ["b"]),
        ],
        [numpy_helper.from_array(frames, "frames"), one, eight],
    )
    _save(onnx, graph, path)


def _tdt_decoder(path: Path, size: int) -> None:
    import onnx
    from onnx import TensorProto, helper

    state: list[str | int | None] = [1, "b", 4]
    states = ("input_states_1", "input_states_2")
    graph = helper.make_graph(
        [
            helper.make_node("Transpose", ["encoder_outputs"], ["outputs"], perm=[0, 2, 1]),
            *(helper.make_node("Identity", [s], [s.replace("in", "out", 1)]) for s in states),
        ],
        "decoder_joint",
        [
            helper.make_tensor_value_info("encoder_outputs", TensorProto.FLOAT, ["b", size, 1]),
            helper.make_tensor_value_info("targets", TensorProto.INT32, ["b", 1]),
            helper.make_tensor_value_info("target_length", TensorProto.INT32, ["b"]),
            *(helper.make_tensor_value_info(s, TensorProto.FLOAT, state) for s in states),
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            for name in ("outputs", "output_states_1", "output_states_2")
        ],
    )
    _save(onnx, graph, path)


def _save(onnx: Any, graph: Any, path: Path) -> None:
    opsets = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9), str(path))
