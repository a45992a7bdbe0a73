"""`describe`, `summarise` and `commentate`: what they plan, before and after what they wait for."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.graph.actions import Fetched, Tap, Task
from reelwright.graph.builder import Builder, Unknown
from reelwright.graph.dag import Node, Pad
from reelwright.graph.operator import Bundle, Strand
from reelwright.media.info import MediaInfo
from reelwright.media.streams import AudioStream, DataStream, VideoStream
from reelwright.operators import REGISTRY
from tests.operators.scene import given, streams

VIDEO = VideoStream(
    codec="h264", frame_rate=Fraction(25), width_px=640, height_px=360, duration=Fraction(60)
)
SOUND = AudioStream(
    codec="aac", sample_rate_hz=48000, channels=2, channel_layout="stereo", duration=Fraction(60)
)
SHOTS = {
    "seen/shots": {
        "shots": [
            {"index": n, "start_exact": str(n * 10), "end_exact": str(n * 10 + 10)}
            for n in range(6)
        ]
    },
    "seen/keyframes": {
        "keyframes": [
            {"shot": n // 2, "time": n * 5 + 2.5, "frame": 0, "file": f"{n}.jpg"} for n in range(12)
        ]
    },
}
WORDS = [{"text": f"word{n}.", "start": n * 1.0, "end": n + 0.5} for n in range(60)]


def build(op: str, bundle: Bundle, results: Any, **more: Any) -> tuple[Bundle, dict[str, Node]]:
    nodes: dict[str, Node] = {}
    inputs = {"input": (bundle,), **more.pop("ports", {})}
    builder = Builder({"describe": "seen"}.get(op, op), nodes, results, operator=op)
    made = REGISTRY.get(op).build(given(op, **more), inputs, builder)
    assert isinstance(made, Bundle)
    return made, nodes


def tasks(nodes: dict[str, Node], name: str) -> list[dict[str, Any]]:
    found = [n.action for n in nodes.values() if isinstance(n.action, Task)]
    return [json.loads(task.params) for task in found if task.name == name]


def labelled(label: str) -> Strand:
    return Strand(Pad(f"before/{label}"), DataStream(codec="json"), True, label=label)


def with_result(*labels: str) -> Bundle:
    return Bundle((*streams(VIDEO, SOUND), *(labelled(label) for label in labels)))


def test_shots_and_pictures_are_waited_for_together() -> None:
    nodes: dict[str, Node] = {}
    awaited: set[str] = set()
    builder = Builder("seen", nodes, {}, operator="describe", awaited=awaited)
    with pytest.raises(Unknown):
        REGISTRY.get("describe").build(
            given("describe"), {"input": (streams(VIDEO, SOUND),)}, builder
        )
    assert awaited == {"seen/shots", "seen/keyframes"}
    assert {n.action.analyser for n in nodes.values() if isinstance(n.action, Tap)} == {
        "shots:shots",
        "keyframes:keyframes",
    }


def test_whole_shots_are_described_together_up_to_the_length() -> None:
    made, nodes = build("describe", streams(VIDEO, SOUND), SHOTS, segment="25s", pictures=3)
    asked = tasks(nodes, "describe.segment")
    assert [(one["start"], one["end"]) for one in asked] == [(0, 20), (20, 40), (40, 60)]
    assert [len(one["pictures"]) for one in asked] == [3, 3, 3]
    assert {one["prompt"] for one in asked} == {"describe@1"}
    assert made.strands[-1].label == "descriptions"


def test_a_part_of_a_long_shot_without_pictures_has_the_nearest() -> None:
    one_shot = {
        "seen/shots": {"shots": [{"index": 0, "start_exact": "0", "end_exact": "60"}]},
        "seen/keyframes": {"keyframes": [{"shot": 0, "time": 31.0, "file": "a.jpg"}]},
    }
    _, nodes = build("describe", streams(VIDEO), one_shot, segment="20s")
    asked = tasks(nodes, "describe.segment")
    assert [one["pictures"] for one in asked] == [[{"time": 31.0, "file": "a.jpg"}]] * 3


def test_a_transcript_is_told_where_it_is_and_may_be() -> None:
    bundle = with_result("transcript")
    _, nodes = build("describe", bundle, SHOTS)
    assert {one["prompt"] for one in tasks(nodes, "describe.segment")} == {"describe-segment@1"}
    _, nodes = build("describe", bundle, SHOTS, transcript=False)
    assert {one["prompt"] for one in tasks(nodes, "describe.segment")} == {"describe@1"}


def test_a_summary_has_a_step_for_each_part() -> None:
    results = {"before/transcript": {"words": WORDS, "language": "en"}}
    made, nodes = build("summarise", with_result("transcript"), results, part=1000)
    assert [one["number"] for one in tasks(nodes, "summarise.map")] == [0, 1]
    labels = [strand.label for strand in made if strand.label]
    assert labels == ["transcript", "summary", "chapters", "ffmetadata", "youtube"]
    _, nodes = build("summarise", with_result("transcript"), {}, method="extractive")
    assert tasks(nodes, "summarise.map") == []
    assert len(tasks(nodes, "summarise.extract")) == 1


def test_results_may_come_by_ports_of_their_own() -> None:
    ports = {"text": (Bundle((labelled("text"),)),)}
    results: dict[str, Any] = {"before/text": {"texts": []}}
    _, nodes = build("summarise", streams(VIDEO), results, ports=ports)
    assert [one["sources"] for one in tasks(nodes, "summarise.reduce")] == [["text"]]
    with pytest.raises(ReelError, match="no result of that name") as caught:
        build("summarise", streams(VIDEO), {}, ports={"text": (streams(VIDEO),)})
    assert caught.value.code is Code.STREAM_MISSING
    assert caught.value.problem.where == "inputs.text"


def test_what_is_spoken_is_opened_as_what_was_fetched() -> None:
    narration = MediaInfo(
        size_bytes=1,
        sha256="ab" * 32,
        demuxer="flac",
        streams=(replace(SOUND, codec="flac", sample_rate_hz=24000, channels=1),),
    )
    told = {"lines": [{"start": 1.0}], "media": narration.to_json()}
    results = {"commentate/commentary": told}
    made, nodes = build("commentate", streams(VIDEO, SOUND), results, script="A dog runs.")
    (opened,) = [n for n in nodes.values() if isinstance(n.action, Fetched)]
    assert opened.inputs == (Pad("commentate/commentary", 1),)
    assert made.audio is not None
    assert nodes[made.audio.pad.node].id == "commentate/alimiter"
    labels = [strand.label for strand in made if strand.label]
    assert labels == ["commentary", "commentary-vtt", "commentary-script"]


def test_nothing_said_leaves_the_sound_as_it_is() -> None:
    results: dict[str, Any] = {"commentate/commentary": {"lines": [], "media": None}}
    bundle = streams(VIDEO, SOUND)
    made, _ = build("commentate", bundle, results, script="A dog runs.")
    assert made.audio == bundle.audio


@pytest.mark.parametrize(
    ("op", "params", "words"),
    [
        ("describe", {"segment": "0.2s"}, "1 s or longer"),
        ("describe", {"pictures": 0}, "greater than or equal"),
        ("commentate", {"script": []}, "a line at least"),
        ("commentate", {"shortest_gap": "0.1s"}, "0.5 s or longer"),
        ("commentate", {"fastest": 9}, "less than or equal"),
        ("summarise", {"method": "guess"}, "auto"),
    ],
)
def test_wrong_parameters_are_told(op: str, params: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        given(op, **params)


def test_without_a_length_there_are_no_gaps() -> None:
    endless = streams(replace(VIDEO, duration=None))
    with pytest.raises(ReelError) as caught:
        build("commentate", endless, {}, script="A dog runs.")
    assert caught.value.code is Code.TIMESTAMPS_INVALID
