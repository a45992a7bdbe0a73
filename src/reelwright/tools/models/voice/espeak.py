"""eSpeak NG: a voice that needs no network and little CPU, and sounds like a machine.

The library comes in the wheel ``espeakng-loader``; where there is none, the system's is taken.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwright.errors import Code, ReelError
from reelwright.tools.models.kinds import ModelIdentity, Spoken, Usage, VoiceAsk
from reelwright.tools.models.providers import ModelSpec, unavailable
from reelwright.tools.models.voice import espeak_child as child
from reelwright.tools.models.voice.wav import wav_of

_WHEEL = "espeakng_loader"
_LIBRARIES = ("libespeak-ng.so", "libespeak-ng.dylib", "espeak-ng.dll")
# Its own default; below 80 and above 450 it does not go (espeak-ng/speak_lib.h).
_WORDS_PER_MINUTE, _SLOWEST, _FASTEST = 175, 80, 450
_MEMORY_BYTES = 1 << 30
# Anything that is not text to be heard: it speaks control characters as nothing, or as an end.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class _Library:
    path: str
    data: str | None
    revision: str


def identify(spec: ModelSpec) -> ModelIdentity:
    """`spec.model` is a voice (``en-us+f3``); empty: that of the text's language."""
    library = _library(spec)
    return ModelIdentity(provider="espeak-ng", model=spec.model, revision=library.revision)


def make(spec: ModelSpec) -> EspeakVoice:
    return EspeakVoice(spec, identify(spec), _library(spec))


def _library(spec: ModelSpec) -> _Library:
    """Without importing the wheel. Raises MODEL_UNAVAILABLE."""
    from ctypes.util import find_library
    from importlib.metadata import version
    from importlib.util import find_spec

    found = find_spec(_WHEEL)
    if found is not None and found.origin is not None:
        folder = Path(found.origin).parent
        for name in _LIBRARIES:
            if (folder / name).is_file():
                revision = version("espeakng-loader")
                return _Library(str(folder / name), str(folder / "espeak-ng-data"), revision)
    system = find_library("espeak-ng")
    if system is not None:
        return _Library(system, None, "system")
    hint = "pip install espeakng-loader"
    raise unavailable(spec, "neither the wheel espeakng-loader nor a library is there", hint=hint)


class EspeakVoice:
    """One process an ask: it starts in 0.1 s, and speaks 100 times faster than one listens."""

    is_local = True

    def __init__(self, spec: ModelSpec, identity: ModelIdentity, library: _Library) -> None:
        self.identity = identity
        self._spec = spec
        self._library = library

    async def answer(self, ask: VoiceAsk) -> tuple[Spoken, Usage]:
        """Raises MODEL_UNAVAILABLE for a voice that it does not have, MODEL_REFUSED for a text of
        which nothing is heard, MODEL_FAILED."""
        text = _CONTROL.sub(" ", ask.text).strip()
        if not text:
            raise ReelError(Code.MODEL_REFUSED, "there is no text to speak")
        rate_hz, raw = await self._run(text, ask)
        if not raw:
            raise ReelError(Code.MODEL_REFUSED, f"nothing is heard of {text[:60]!r}")
        duration_s = len(raw) / 2 / rate_hz
        spoken = Spoken(wav=wav_of(raw, rate_hz), sample_rate_hz=rate_hz, duration_s=duration_s)
        return spoken, Usage(characters=len(ask.text), audio_s=duration_s)

    async def close(self) -> None:
        return None

    async def _run(self, text: str, ask: VoiceAsk) -> tuple[int, bytes]:
        from reelwright.tools.process import run_command

        voices = _voices(ask, self._spec.model)
        with tempfile.TemporaryDirectory(prefix="reel-voice-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            request = {
                "library": self._library.path,
                "data": self._library.data,
                "voices": voices,
                "words_per_minute": _rate(ask.speed),
                "text": text,
            }
            (folder / child.REQUEST).write_text(json.dumps(request), encoding="utf-8")
            done = await run_command(_command(folder, self._spec.timeout_s))
            if done.exit_code == child.NO_VOICE:
                raise ReelError(
                    Code.MODEL_UNAVAILABLE,
                    f"eSpeak NG has no voice '{voices[0]}'",
                    hint="a language is its own voice: en, en-us, de, fr-fr; +f3 makes it another",
                )
            if done.exit_code != child.OK:
                log = list(done.stderr_tail[-5:])
                raise ReelError(
                    Code.MODEL_FAILED,
                    f"eSpeak NG ended with {done.exit_code}",
                    evidence={"log": log},
                )
            told: dict[str, Any] = json.loads((folder / child.RESULT).read_text(encoding="utf-8"))
            return told["sample_rate_hz"], (folder / child.SAMPLES).read_bytes()


def _command(folder: Path, timeout_s: float) -> Any:
    from reelwright.tools.process import Command
    from reelwright.tools.python_child import python_argv, python_env, python_reads
    from reelwright.tools.sandbox import Confinement

    return Command(
        argv=python_argv("reelwright.tools.models.voice.espeak_child"),
        cwd=folder,
        confinement=Confinement(
            read=(*python_reads(), *(p for p in [Path("/usr/share")] if p.is_dir())),
            write=(folder,),
            memory_bytes=_MEMORY_BYTES,
        ),
        env=python_env(),
        log=folder / "log",
        timeout_s=timeout_s,
    )


def _rate(speed: float) -> int:
    return round(min(_FASTEST, max(_SLOWEST, speed * _WORDS_PER_MINUTE)))


def _voices(ask: VoiceAsk, own: str) -> list[str]:
    """What to try, best first: a voice that was asked for has no stand-in, a language has its
    plain form."""
    named = ask.voice or own
    if named:
        return [named]
    tag = (ask.language or "en").replace("_", "-").lower()
    return list(dict.fromkeys([tag, tag.partition("-")[0]]))
