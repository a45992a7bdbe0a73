"""A person writes a spec, gets it wrong, reads all about it at once, and gets it right."""

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from reelwright.errors import Kind, SpecErrors
from reelwright.spec.parse import parse_text
from reelwright.spec.schema import job_schema

SPEC = """\
inputs:
  talk: talk.mp4
  logo: {path: logo.png}
operations:
  - {id: cut,   op: trim,    input: talk, start: 10s, duration: "00:05:00"}
  - {id: small, op: scale,   input: cut,  height: 720}
  - {id: mark,  op: overlay, inputs: {base: small, over: logo}, position: bottom-right, margin: 16}
  - {id: level, op: loudnorm, input: mark, target: -16}
  - {id: still, op: thumbnail, input: cut, at: [5s]}
outputs:
  - from: level
    to: out/talk-720p.mp4
    video: {codec: h264, crf: 20}
    audio: {codec: aac, bitrate: 128k}
  - {from: still, to: out/still.jpg}
"""


def test_a_right_spec_is_taken_as_yaml_and_as_json(tmp_path: Path) -> None:
    spec = parse_text(SPEC, base=tmp_path)
    again = parse_text(json.dumps(yaml.safe_load(SPEC)), base=tmp_path)
    assert again == spec
    assert [o.to for o in spec.outputs] == [
        str(tmp_path / "out/talk-720p.mp4"),
        str(tmp_path / "out/still.jpg"),
    ]
    assert list(tmp_path.iterdir()) == []


def test_every_mistake_is_told_at_once_with_its_place_and_the_right_name(tmp_path: Path) -> None:
    wrong = (
        SPEC.replace("op: scale", "op: scael")
        .replace('"00:05:00"', "five minutes")
        .replace("over: logo", "over: lgoo")
        .replace("bottom-right", "botom-right")
        .replace("codec: h264", "codec: h246")
    )
    with pytest.raises(SpecErrors) as caught:
        parse_text(wrong, base=tmp_path)
    problems = {p.where: p for p in caught.value.problems}
    assert list(problems) == [
        "operations[0].duration",
        "operations[1].op",
        "operations[2].inputs.over",
        "operations[2].position",
        "outputs[0].video.codec",
    ]
    assert "'five minutes' is not a duration" in problems["operations[0].duration"].message
    assert "00:01:02.500" in problems["operations[0].duration"].message
    assert problems["operations[1].op"].message == (
        "unknown operator 'scael', did you mean 'scale'?"
    )
    assert "did you mean 'logo'?" in problems["operations[2].inputs.over"].message
    assert "did you mean 'bottom-right'?" in problems["operations[2].position"].message
    assert "did you mean 'h264'?" in problems["outputs[0].video.codec"].message
    assert {p.code.kind for p in caught.value.problems} == {Kind.INPUT}
    assert [p.evidence["line"] for p in problems.values()] == [5, 6, 7, 7, 13]


def test_one_spec_serves_many_values(tmp_path: Path) -> None:
    text = SPEC.replace("height: 720", "height: ${height:-720}").replace("720p", "${height:-720}p")
    small = parse_text(text, base=tmp_path, variables={"height": "480"})
    usual = parse_text(text, base=tmp_path)
    assert [s.outputs[0].to for s in (small, usual)] == [
        str(tmp_path / "out/talk-480p.mp4"),
        str(tmp_path / "out/talk-720p.mp4"),
    ]
    assert [s.operations[1].params.model_dump()["height"] for s in (small, usual)] == [480, 720]


def test_an_editor_can_check_the_spec_by_the_published_schema() -> None:
    validator = Draft202012Validator(json.loads(json.dumps(job_schema())))
    assert list(validator.iter_errors(yaml.safe_load(SPEC))) == []
    wrong = yaml.safe_load(SPEC.replace("op: scale", "op: scael"))
    assert [list(e.absolute_path) for e in validator.iter_errors(wrong)] == [["operations", 1]]
