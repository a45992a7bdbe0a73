"""The process that speaks with eSpeak NG: a request as JSON in a file, raw samples in another.

A process of its own, because the library is C that keeps one state for all its callers, and because
its licence (GPL 3) is another than ours.
"""

from __future__ import annotations

import ctypes
import json
import sys
from pathlib import Path

REQUEST, SAMPLES, RESULT = "speak.json", "speech.raw", "spoken.json"
OK, NO_VOICE, BROKEN = 0, 3, 4

# espeak-ng/speak_lib.h
_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: to the callback, on this thread
_DONT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT
_RATE = 1  # espeakRATE, words a minute
_UTF8 = 1  # espeakCHARS_UTF8; without 0x10 and 0x100 no markup is read in the text
_CHARACTERS = 1  # POS_CHARACTER

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


def main() -> int:
    """Raises what a damaged request does; its end is an exit code."""
    request = json.loads(Path(REQUEST).read_text(encoding="utf-8"))
    library = ctypes.CDLL(request["library"])
    rate_hz = _start(library, request["data"])
    if rate_hz <= 0:
        return BROKEN
    voice = next((v for v in request["voices"] if _choose(library, v)), None)
    if voice is None:
        return NO_VOICE
    library.espeak_SetParameter(_RATE, ctypes.c_int(request["words_per_minute"]), 0)
    with Path(SAMPLES).open("wb") as target:

        def hear(samples: ctypes._Pointer[ctypes.c_short], count: int, _: object) -> int:
            if count > 0:  # 0 at the end, without samples
                target.write(ctypes.string_at(samples, 2 * count))
            return 0

        callback = _Callback(hear)
        library.espeak_SetSynthCallback(callback)
        if _speak(library, request["text"]) != 0:
            return BROKEN
    told = {"sample_rate_hz": rate_hz, "voice": voice}
    Path(RESULT).write_text(json.dumps(told), encoding="utf-8")
    return OK


def _start(library: ctypes.CDLL, data: str | None) -> int:
    """The rate in Hz; below 0 where the library's data is not found."""
    start = library.espeak_Initialize
    start.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
    return int(start(_SYNCHRONOUS, 0, data.encode() if data else None, _DONT_EXIT))


def _choose(library: ctypes.CDLL, voice: str) -> bool:
    library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
    return bool(library.espeak_SetVoiceByName(voice.encode()) == 0)


def _speak(library: ctypes.CDLL, text: str) -> int:
    body = text.encode() + b"\0"
    speak = library.espeak_Synth
    speak.argtypes = [
        *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int),
        *(ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p),
    ]
    failed = speak(body, len(body), 0, _CHARACTERS, 0, _UTF8, None, None)
    return int(failed or library.espeak_Synchronize())


if __name__ == "__main__":
    sys.exit(main())
