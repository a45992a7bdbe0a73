"""A spec on its way to a service: what is sent, what is kept, where things come back to."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.app.handover import Places, check_places, hand_over
from reelwright.app.remembered import Given, Remembered
from reelwright.app.request import Request
from reelwright.errors import Code, ReelError, SpecErrors
from reelwright.spec.parse import parse_text
from reelwright.spec.text import load


def request(tmp_path: Path, text: str, **more: bool) -> Request:
    return Request(text=text, base=tmp_path, name="job.yaml", **more)  # type: ignore[arg-type]


def files(tmp_path: Path, *names: str) -> None:
    for name in names:
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(name)


SPEC = """\
inputs:
  talk: {path: "media/talk.mp4", on_damage: keep}
  parts: "media/p-*.mp4"
  web: https://media.example/a.mp4
  unused: nowhere.mp4
vars: {h: 90, name: x}
operations:
  - {id: all, op: concat, input: [talk, parts, web]}
  - {id: small, op: scale, input: all, height: "${h}"}
outputs:
  - {from: small, to: "out/${name}.mp4"}
  - {from: small, to: /tmp/elsewhere/y.mp4}
  - {from: small, to: s3://bucket/z.mp4}
"""


def test_what_is_sent_is_the_spec_with_uploads_and_names(tmp_path: Path) -> None:
    files(tmp_path, "media/talk.mp4", "media/p-2.mp4", "media/p-1.mp4")
    handed = hand_over(request(tmp_path, SPEC))
    ids = {path: f"{number:017d}" for number, path in enumerate(handed.uploads)}
    body = json.loads(handed.text(ids))

    assert [path.name for path in handed.uploads] == ["talk.mp4", "p-1.mp4", "p-2.mp4"]
    assert body["inputs"] == {
        "talk": {"path": f"upload:{0:017d}", "on_damage": "keep", "glob": False},
        "parts": {"path": f"upload:{1:017d},{2:017d}", "glob": True},
        "web": "https://media.example/a.mp4",
    }
    assert "vars" not in body
    assert body["operations"][1]["height"] == 90
    here = str(tmp_path.relative_to("/"))
    assert [entry["to"] for entry in body["outputs"]] == [
        str(tmp_path / "out" / "x.mp4").removeprefix("/tmp/")
        if here.startswith("tmp/")
        else f"{here}/out/x.mp4",
        "elsewhere/y.mp4" if here.startswith("tmp/") else "tmp/elsewhere/y.mp4",
        "s3://bucket/z.mp4",
    ]
    assert parse_text(handed.text(ids), base=Path("/served/job")).outputs


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=40))
def test_texts_arrive_as_they_are(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "a.mp4").touch()
    escaped = text.replace("${", "$${")
    spec = {
        "inputs": {"a": "a.mp4"},
        "outputs": [{"from": "a", "to": "b.mkv"}],
        "labels": {"k": f"x{escaped}"},
    }
    handed = hand_over(request(folder, json.dumps(spec)))
    sent = parse_text(handed.text({folder / "a.mp4": "0" * 17}), base=folder)

    assert sent.labels == handed.spec.labels == {"k": f"x{text}"}


@pytest.mark.parametrize("number", ["0.1", "1e-3", "3", "0.10000000000000000055", ".5", "5."])
def test_numbers_arrive_as_they_were_written(tmp_path: Path, number: str) -> None:
    files(tmp_path, "a.mp4")
    text = (
        "inputs: {a: a.mp4}\n"
        f"operations: [{{id: v, op: trim, input: a, start: {number}}}]\n"
        "outputs: [{from: v, to: b.mkv}]\n"
    )
    handed = hand_over(request(tmp_path, text))
    sent = handed.text({tmp_path / "a.mp4": "0" * 17})

    assert float(load(sent)[0]["operations"][0]["start"]) == float(number)
    before, after = parse_text(text).operations[0], parse_text(sent).operations[0]
    assert before.params == after.params


def test_all_that_is_missing_is_told(tmp_path: Path) -> None:
    text = (
        "inputs: {a: a.mp4, b: 'b-*.mp4'}\n"
        "operations: [{id: c, op: concat, input: [a, b]}]\n"
        "outputs: [{from: c, to: c.mkv}]\n"
    )

    with pytest.raises(SpecErrors) as caught:
        hand_over(request(tmp_path, text))

    assert [(p.code, p.where) for p in caught.value.problems] == [
        (Code.INPUT_NOT_FOUND, "inputs.a"),
        (Code.INPUT_NOT_FOUND, "inputs.b"),
    ]


COPY = "inputs: {a: a.mp4}\noutputs: [{from: a, to: out/b.mkv}]\n"


def test_what_stands_in_the_way_is_told_before(tmp_path: Path) -> None:
    files(tmp_path, "a.mp4", "out/b.mkv")
    handed = hand_over(request(tmp_path, COPY))
    target = tmp_path / "out" / "b.mkv"

    with pytest.raises(ReelError) as caught:
        check_places(request(tmp_path, COPY), handed, {})
    assert caught.value.code is Code.OUTPUT_EXISTS
    check_places(request(tmp_path, COPY, overwrite=True), handed, {})

    remembered = Remembered(tmp_path / "home")
    import hashlib

    remembered.arrived(target, hashlib.sha256(target.read_bytes()).hexdigest())
    check_places(request(tmp_path, COPY), handed, remembered.digests([target]))
    target.write_text("changed")
    with pytest.raises(ReelError):
        check_places(request(tmp_path, COPY), handed, remembered.digests([target]))


@pytest.mark.parametrize(
    ("to", "name", "number", "path"),
    [
        ("/a/b.mp4", "b.mp4", 1, "/a/b.mp4"),
        ("/a/b.jpg", "b-3.jpg", 3, "/a/b-3.jpg"),
        ("/a/b-{index:03d}.jpg", "b-003.jpg", 3, "/a/b-003.jpg"),
        ("/a/b-{index}.jpg", "../../etc/passwd", 3, "/a/b-3.jpg"),
        ("/a/b.jpg", "/etc/passwd", 3, "/a/b-3.jpg"),
        ("/a/b.vtt", "b.vtt", 1, "/a/b.vtt"),
        ("/a/b.vtt", "b.pt-BR.vtt", 1, "/a/b.pt-BR.vtt"),
        ("/a/{language}/b.srt", "b.de.srt", 2, "/a/de/b.srt"),
        ("/a/b-{language}.srt", "b-de.srt", 2, "/a/b-de.srt"),
        ("/a/b.vtt", "b.../../x.vtt", 2, "/a/b-2.vtt"),
    ],
)
def test_the_service_decides_no_path(to: str, name: str, number: int, path: str) -> None:
    assert Places((to,)).here(0, number, name) == Path(path)


def test_jobs_are_remembered_and_broken_memory_is_none(tmp_path: Path) -> None:
    remembered = Remembered(tmp_path)
    given_away = Given("1" * 17, "http://a.example", Places(("/a/b.mp4",)), True)
    remembered.keep(given_away)

    assert Remembered(tmp_path).job("1" * 17) == given_away
    assert remembered.job("2" * 17) is None
    (tmp_path / "remote" / f"{'1' * 17}.json").write_text("{")
    assert remembered.job("1" * 17) is None
    (tmp_path / "remote" / "arrived.jsonl").write_text(
        '{"path": "/a"\n{"path": "/b", "sha256": "x"}\n'
    )
    assert remembered.digests(["/a", "/b"]) == {"/b": {"x"}}
