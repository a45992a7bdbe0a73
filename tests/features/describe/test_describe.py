"""`describe`: segments by a vision model, each asked once, remembered and gone on from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.reel import Done
from tests.features.jobs import Studio
from tests.model_stub import ModelStub, Reply, model_stub

pytestmark = pytest.mark.timeout(600)

SPEC = """
inputs: {film: scenes.mp4}
operations:
  - {id: seen, op: describe, input: film, segment: 1.6s, pictures: 2}
outputs:
  - {from: seen.descriptions, to: descriptions.json}
"""


def seen(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": "Bars of many colours.",
        "shown": ["bars", "bars", ""],
        "people": [],
        "actions": ["The bars move."],
        "setting": "a test card",
        "text": [],
        "tags": ["colour", "test card"],
    }


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Any:
    with model_stub(chat=seen) as made:
        monkeypatch.setenv("REEL_MODELS__VISION", "local:eyes")
        monkeypatch.setenv("REEL_MODELS__LOCAL_URL", made.url)
        monkeypatch.setenv("REEL_MODELS__ATTEMPTS", "1")
        yield made


def described(studio: Studio) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(studio.path("descriptions.json").read_text())
    return found


def steps(done: Done) -> list[str]:
    return sorted({e["step"] for e in done.lines if e["event"] == "step"})


def test_each_segment_is_described_by_its_own_pictures(
    studio: Studio, scenes: Path, stub: ModelStub
) -> None:
    studio.bring(scenes)
    studio.run(SPEC)
    found = described(studio)["descriptions"]
    spans = [(one["start"], one["end"]) for one in found]
    assert spans == [(0.0, 1.5), (1.5, 3.0), (3.0, 4.5)]
    asked = stub.of("/chat/completions")
    assert len(asked) == 3
    assert [one.pictures for one in asked] == [len(one["pictures"]) for one in found]
    for one in found:
        assert one["pictures"]
        assert all(one["start"] <= time < one["end"] for time in one["pictures"])
        assert one["description"] == "Bars of many colours."
        assert one["shown"] == ["bars"]
        assert one["tags"] == ["colour", "test card"]
        assert (one["provider"], one["model"], one["prompt"]) == ("local", "eyes", "describe@1")
    assert "00:00:01 to 00:00:03" in "".join(one.text for one in asked)


def test_what_was_described_is_not_asked_again(
    studio: Studio, scenes: Path, stub: ModelStub
) -> None:
    studio.bring(scenes)
    studio.run(SPEC)
    first = described(studio)
    studio.run(SPEC.replace("descriptions.json", "again.json"))
    assert len(stub.asked) == 3
    assert json.loads(studio.path("again.json").read_text()) == first


def test_a_segment_that_fails_is_gone_on_with(
    studio: Studio, scenes: Path, stub: ModelStub
) -> None:
    """Of three segments one fails: the next run asks that one alone."""
    failed: list[int] = []

    def fails(body: dict[str, Any]) -> Any:
        if "00:00:03 to" in json.dumps(body):
            failed.append(1)
            return Reply(400 if len(failed) > 99 else 500, b'{"error": {"message": "broken"}}')
        return seen(body)

    stub.chat = fails
    studio.bring(scenes)
    done = studio.run(SPEC, code=4)
    assert "broken" in done.out + done.err
    assert not studio.path("descriptions.json").exists()
    stub.chat = seen
    paid = len(stub.asked) - len(failed)
    studio.run(SPEC)
    assert len(described(studio)["descriptions"]) == 3
    assert len(stub.asked) - len(failed) == 3
    assert paid <= 2


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (Reply(400, b'{"error": {"message": "not this"}}'), "not this"),
        ({**seen({}), "description": " "}, "described nothing"),
    ],
)
def test_a_refused_segment_is_left_out_and_said(
    studio: Studio, scenes: Path, stub: ModelStub, said: Any, why: str
) -> None:
    stub.chat = lambda body: said if "00:00:03 to" in json.dumps(body) else seen(body)
    studio.bring(scenes)
    studio.run(SPEC)
    found = described(studio)
    assert [one["start"] for one in found["descriptions"]] == [0.0, 1.5]
    (refused,) = found["refused"]
    assert refused["start"] == 3.0
    assert why in refused["why"]


def test_without_a_vision_model_it_is_refused_clearly(studio: Studio, scenes: Path) -> None:
    studio.bring(scenes)
    done = studio.run(SPEC, code=4)
    (problem,) = done.json["problems"]
    assert problem["code"] == "model_unavailable"
    assert problem["where"] == "operations[0]"
    assert "models.vision" in problem["hint"]
    assert not studio.path("descriptions.json").exists()


def test_a_long_shot_is_described_in_parts(studio: Studio, talk: Path, stub: ModelStub) -> None:
    studio.bring(talk, "scenes.mp4")
    studio.run(SPEC.replace("segment: 1.6s", "segment: 4s"))
    found = described(studio)["descriptions"]
    assert len(found) == 3
    assert found[0]["start"] == 0
    assert found[-1]["end"] == pytest.approx(10, abs=0.05)
    assert all(len(one["pictures"]) <= 2 for one in found)
