"""eSpeak NG from its wheel: what it says is heard, and it may touch nothing else."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.models.kinds import ModelKind, Spoken, VoiceAsk
from reelwright.tools.models.providers import ModelSpec, identify, make
from reelwright.tools.models.voice.wav import samples_of

TEXT = "A man walks along the beach at sunset."


def spoken(ask: VoiceAsk, model: str = "") -> Spoken:
    provider = make(ModelSpec(kind=ModelKind.VOICE, provider="espeak-ng", model=model))
    made, usage = asyncio.run(provider.answer(ask))
    assert isinstance(made, Spoken)
    assert usage.characters == len(ask.text)
    return made


def test_what_is_asked_is_heard_and_the_same_each_time() -> None:
    first, again = spoken(VoiceAsk(text=TEXT)), spoken(VoiceAsk(text=TEXT))
    assert first == again
    rate_hz, samples = samples_of(first.wav, "test")
    assert rate_hz == first.sample_rate_hz
    assert len(samples) / rate_hz == pytest.approx(first.duration_s)
    assert 1.5 < first.duration_s < 4
    assert np.abs(samples.astype(int)).max() > 5000


def test_twice_the_speed_is_about_half_as_long() -> None:
    plain, fast = spoken(VoiceAsk(text=TEXT)), spoken(VoiceAsk(text=TEXT, speed=2.0))
    assert 0.35 < fast.duration_s / plain.duration_s < 0.7


def test_a_language_is_a_voice_and_its_plain_form_stands_in() -> None:
    german = spoken(VoiceAsk(text="Guten Morgen", language="de"))
    assert spoken(VoiceAsk(text="Guten Morgen", language="de-AT")) == german
    assert spoken(VoiceAsk(text="Guten Morgen", language="en")) != german


def test_markup_is_read_as_text_and_control_characters_are_nothing() -> None:
    marked = spoken(VoiceAsk(text='<audio src="/etc/passwd"/> [[h@loU]]'))
    assert marked.duration_s > 1.5
    assert spoken(VoiceAsk(text="one\x00 two\n\nthree")).duration_s > 0.5


def test_a_voice_that_is_not_there_is_named() -> None:
    with pytest.raises(ReelError, match="no voice 'klingon-x'") as caught:
        spoken(VoiceAsk(text=TEXT, voice="klingon-x"))
    assert caught.value.code is Code.MODEL_UNAVAILABLE


def test_nothing_to_say_is_refused() -> None:
    with pytest.raises(ReelError, match="no text"):
        spoken(VoiceAsk(text=" \n"))


def test_its_identity_names_the_wheel() -> None:
    identity = identify(ModelSpec(kind=ModelKind.VOICE, provider="espeak-ng"))
    assert identity.provider == "espeak-ng"
    assert identity.revision[0].isdigit()
