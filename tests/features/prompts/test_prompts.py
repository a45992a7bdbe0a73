"""Prompts: listed, shown, tried, rated, compared; one's own; what is wrong with a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.reel import Done, reel
from tests.wire_server import Turn, WireServer, wire_server

pytestmark = pytest.mark.timeout(600)

OWN = """\
name: greet
version: 1
description: A greeting.
inputs:
  who: {type: string, description: Whom to greet.}
  times: {type: integer, default: 1}
schema:
  type: object
  required: [greeting]
  properties: {greeting: {type: string}}
system: Be kind.
user: Greet {{who}}, {{ times }} times. {{who}}!
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a prompt of one's own in `prompts`."""
    own = tmp_path / "prompts" / "greet"
    own.mkdir(parents=True)
    (own / "1.yaml").write_text(OWN)
    monkeypatch.setenv("REEL_MODELS__PROMPTS", str(own.parent))
    return tmp_path


def local(server: WireServer) -> dict[str, str]:
    return {
        "REEL_MODELS__LANGUAGE": "local:llama3",
        "REEL_MODELS__VISION": "local:llava",
        "REEL_MODELS__LOCAL_URL": f"{server.url}/v1",
        "REEL_MODELS__ATTEMPTS": "1",
    }


def greet(folder: Path, server: WireServer, *more: str) -> Done:
    words = ("prompts", "run", "greet", "-i", "who={{times}}", *more)
    return reel(*words, "--json", cwd=folder, **local(server))


def test_they_are_listed_and_shown(folder: Path) -> None:
    found = {p["prompt"]: p for p in reel("prompts", "list", "--json", cwd=folder).json["prompts"]}
    assert found["greet@1"]["is_own"]
    assert not found["describe@1"]["is_own"]
    shown = reel("prompts", "show", "greet", "--json", cwd=folder).json
    assert [one["name"] for one in shown["inputs"]] == ["who", "times"]
    assert "Be kind." in reel("prompts", "show", "greet@1", cwd=folder).out


def test_a_prompt_is_filled_in_and_its_answer_has_its_form(folder: Path) -> None:
    """What an input says is not looked at for braces."""
    with wire_server(Turn(data={"greeting": "Hello"})) as server:
        done = greet(folder, server, "-i", "times=3")
    assert done.code == 0, done.err
    assert done.json["answer"] == {"greeting": "Hello"}
    assert "Greet {{times}}, 3 times. {{times}}!" in str(server.asked[0].body)


def test_an_answer_of_another_form_is_an_error(folder: Path) -> None:
    with wire_server(Turn(data={"hello": 1})) as server:
        done = greet(folder, server)
    assert done.code == 4
    assert "'greeting' is a required property" in done.out + done.err


def test_a_picture_goes_to_the_vision_model(folder: Path) -> None:
    (folder / "dot.png").write_bytes(b"\x89PNG\r\n\x1a\n picture")
    with wire_server(Turn(data={"greeting": "Hello"})) as server:
        done = greet(folder, server, "--image", "dot.png")
    assert done.json["model"] == "llava"
    assert "image_url" in str(server.asked[0].body)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("greet",), "'who' is missing"),
        (("greet", "-i", "who=x", "-i", "times=many"), "'times' is of type integer"),
        (("greet", "-i", "who=x", "-i", "when=now"), "no input 'when'"),
        (("greet", "-i", "who"), "no NAME=VALUE"),
        (("greet@7", "-i", "who=x"), "in version 7"),
        (("no-such-prompt",), "there is no prompt 'no-such-prompt'"),
        (("../../etc/passwd",), "there is no prompt"),
    ],
)
def test_what_is_wrong_with_a_question_is_said(
    folder: Path, words: tuple[str, ...], said: str
) -> None:
    done = reel("prompts", "run", *words, cwd=folder)
    assert done.code == 2
    assert said in done.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a list", "it is to be a map"),
        ("name: [", "it is no YAML"),
        (OWN.replace("version: 1", "version: 2"), "it says that it is greet@2"),
        (OWN.replace("user: Greet {{who}}", "user: Greet {{whom}}"), "'{{whom}}' is none of"),
        (OWN.replace("system:", "sytem:"), "'sytem' is no key"),
        (OWN.replace("type: object", "type: objekt", 1), "of type object"),
        (OWN.replace("type: integer", "type: number of times"), "input 'times' is of type"),
        (OWN.replace("{type: string}}", "{type: strng}}"), "is no JSON Schema"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_place(
    folder: Path, text: str, said: str
) -> None:
    path = folder / "prompts" / "greet" / "1.yaml"
    path.write_text(text)
    done = reel("prompts", "show", "greet", cwd=folder)
    assert done.code == 2
    assert said in done.err
    assert "1.yaml" in done.err


def test_a_call_is_kept_and_rated(folder: Path) -> None:
    with wire_server(Turn(data={"greeting": "Hello"})) as server:
        call = greet(folder, server).json["call"]
    assert reel("prompts", "rate", call, "2", "--note", "dull", cwd=folder).code == 0
    assert reel("prompts", "rate", call[:12], "4", cwd=folder).code == 0
    (kept,) = reel("prompts", "show", "greet", "--calls", "5", "--json", cwd=folder).json["calls"]
    assert kept["inputs"] == {"who": "{{times}}", "times": 1}
    assert kept["response"] == {"greeting": "Hello"}
    assert [one["rating"] for one in kept["ratings"]] == [4]  # the last word counts
    listed = reel("prompts", "list", "--json", cwd=folder).json["prompts"]
    (mean,) = [p for p in listed if p["prompt"] == "greet@1"]
    assert (mean["rating"], mean["ratings"]) == (4, 1)
    assert reel("prompts", "rate", "nothing", "4", cwd=folder).code == 2
    assert reel("prompts", "rate", call, "6", cwd=folder).code == 2


def cases(folder: Path, *lines: Any) -> str:
    path = folder / "set.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path.name


def test_two_versions_are_compared_side_by_side(folder: Path) -> None:
    second = OWN.replace("version: 1", "version: 2").replace("Be kind.", "Be short.")
    (folder / "prompts" / "greet" / "2.yaml").write_text(second)
    told = cases(
        folder,
        {"id": "ann", "inputs": {"who": "Ann"}, "expected": {"greeting": "Hello Ann"}},
        {"id": "bob", "inputs": {"who": "Bob"}, "contains": ["Bob"]},
        {"inputs": {"who": "Eve"}},
    )

    with wire_server(Turn(data={"greeting": "Hello Ann"})) as server:
        words = ("prompts", "compare", "greet@1", "greet@2", "--set", told)
        done = reel(*words, "--json", cwd=folder, **local(server))
        again = reel(*words, cwd=folder, **local(server))
        assert len(server.asked) == 6  # the second time nothing is asked
    assert done.code == again.code == 0
    assert "ann" in again.out
    first, other = done.json["variants"]
    assert (first["variant"], other["variant"]) == ("greet@1", "greet@2")
    assert first["score"] == other["score"] == 0.5  # Ann is right, Bob is not greeted
    assert (first["wins"], first["failed"], first["cost_usd"]) == (0, 0, 0)
    kept = json.loads(Path(done.json["path"]).read_text())
    assert [case["id"] for case in kept["cases"]] == ["ann", "bob", "3"]
    assert kept["cases"][2]["results"][0]["score"] is None


def test_a_model_that_fails_a_case_loses_it(folder: Path) -> None:
    told = cases(folder, {"id": "a", "inputs": {"who": "x"}, "contains": ["Hello"]})
    turns = (Turn(data={"greeting": "Hello"}), Turn(status=400, message="not that"))
    with wire_server(*turns) as server:
        variants = ("greet@1", "greet@1=local:other")
        done = reel(
            "prompts", "compare", *variants, "--set", told, "--json", cwd=folder, **local(server)
        )
    assert done.code == 0, done.err
    first, second = done.json["variants"]
    assert (first["score"], first["wins"]) == (1, 1)
    assert (second["score"], second["failed"]) == (0, 1)
    assert "not that" in done.json["cases"][0]["results"][1]["error"]


def test_where_nobody_answers_there_is_nothing_to_compare(folder: Path) -> None:
    told = cases(folder, {"id": "a", "inputs": {"who": "x"}})
    words = ("prompts", "compare", "greet", "greet@1", "--set", told, "--json")
    done = reel(*words, cwd=folder, REEL_MODELS__LANGUAGE="")
    assert done.code == 4
    assert "model_unavailable" in done.json["cases"][0]["results"][0]["error"]


def test_the_set_in_the_repository_fits_its_prompt() -> None:
    from reelwright.app.models.comparing import read_set, score_of
    from reelwright.tools.models.prompts import Prompts

    found = read_set(Path(__file__).parents[3] / "examples" / "prompts" / "answer.jsonl")
    prompt = Prompts().get("answer")
    for case in found:
        prompt.ask(case.inputs)
        assert score_of(case, "I do not know.") == 0
        # What it must contain stands in the evidence, so that a right answer can have it.
        assert all(part in case.inputs["evidence"] for part in case.contains)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{}", "with `inputs`"),
        ("nonsense", "it is no JSON"),
        ('{"inputs": {}, "input": 1}', "'input' is none of"),
        ("", "0 cases"),
    ],
)
def test_what_is_wrong_with_a_set_is_said(folder: Path, line: str, said: str) -> None:
    (folder / "set.jsonl").write_text(line + "\n")
    done = reel("prompts", "compare", "greet", "greet", "--set", "set.jsonl", cwd=folder)
    assert done.code == 2
    assert said in done.err
