"""What a video would cost is told before anything is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelwright.app.models.quote import planned, quote_video, together
from reelwright.app.settings import Loaded, Settings
from reelwright.app.settings_sections import Models
from reelwright.app.wiring import App
from reelwright.tools.models.kinds import ModelKind


def app_at(home: Path, **models: str) -> App:
    told = {"openai_key": "made-up", **models}
    return App(Loaded(Settings(home=home, models=Models(**told))))  # type: ignore[arg-type]


def test_a_longer_video_costs_more_and_the_most_is_more_than_what_is_usual(tmp_path: Path) -> None:
    with app_at(tmp_path, vision="openai:gpt-5-mini", language="openai:gpt-5-mini") as app:
        kinds = {ModelKind.VISION, ModelKind.LANGUAGE}
        short, long = (quote_video(app, length, kinds) for length in (60.0, 3600.0))
    assert short.expected_usd
    assert long.expected_usd
    assert short.most_usd
    assert 0 < short.expected_usd < short.most_usd
    assert long.expected_usd > 20 * short.expected_usd
    both = together([short, long])
    assert len(both.lines) == 2
    assert both.expected_usd == pytest.approx(short.expected_usd + long.expected_usd)


def test_what_is_in_the_box_is_free(tmp_path: Path) -> None:
    with app_at(tmp_path) as app:
        found = quote_video(app, 3600.0, set(ModelKind))
    assert (found.expected_usd, found.most_usd) == (0, 0)
    speech = next(line for line in found.lines if line.kind == "speech")
    assert speech.is_local
    assert speech.provider
    assert next(line for line in found.lines if line.kind == "vision").calls == 0


def test_what_has_no_price_makes_the_sum_unknown(tmp_path: Path) -> None:
    told = {"vision": "openai:no-such-model", "language": "openai:gpt-5-mini"}
    with app_at(tmp_path, **told) as app:
        found = quote_video(app, 60.0, {ModelKind.VISION, ModelKind.LANGUAGE})
    assert found.expected_usd is None
    assert [line.expected_usd is None for line in found.lines] == [True, False]


def test_speech_is_paid_by_its_length(tmp_path: Path) -> None:
    with app_at(tmp_path, speech="openai:whisper-1") as app:
        found = quote_video(app, 3600.0, {ModelKind.SPEECH})
    assert found.expected_usd == pytest.approx(0.36)


@pytest.mark.parametrize("kind", list(ModelKind))
def test_every_kind_has_a_plan(kind: ModelKind) -> None:
    assert planned(kind, 0.5).calls == 1 or kind is ModelKind.LANGUAGE
