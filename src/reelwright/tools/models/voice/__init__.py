"""Voices: eSpeak NG on this machine, and hosted ones. An ask is `VoiceAsk`, an answer `Spoken`."""
