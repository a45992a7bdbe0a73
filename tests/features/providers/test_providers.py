"""Providers by configuration, as a person sees them: chains, fallback, keys, what is in the box."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.reel import Done, reel
from tests.wire_server import Turn, WireServer, wire_server

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore:The model:DeprecationWarning"),
]
KEY = "made-up-key"


def ask(folder: Path, *more: str, **environ: str) -> Done:
    words = ("-i", "question=Which?", "-i", "evidence=[1] A black cat.", "-i", "language=en")
    return reel("prompts", "run", "answer", *words, "--json", *more, cwd=folder, **environ)


def chain(server: WireServer, models: str, **more: str) -> dict[str, str]:
    return {
        "REEL_MODELS__LANGUAGE": models,
        "REEL_MODELS__LOCAL_URL": f"{server.url}/v1",
        "REEL_MODELS__OPENAI_URL": f"{server.url}/v1",
        "REEL_MODELS__ANTHROPIC_URL": server.url,
        "REEL_MODELS__GOOGLE_URL": server.url,
        "REEL_MODELS__OPENAI_KEY": KEY,
        "REEL_MODELS__ANTHROPIC_KEY": KEY,
        "REEL_MODELS__GOOGLE_KEY": KEY,
        **more,
    }


@pytest.mark.parametrize(
    "model",
    [
        "local:llama3",
        "openai:gpt-5-mini",
        "anthropic:claude-sonnet-4-5",
        "google:gemini-2.5-flash",
    ],
)
def test_each_provider_answers_in_its_own_words(tmp_path: Path, model: str) -> None:
    with wire_server(Turn(text="The cat. [1]")) as server:
        done = ask(tmp_path, **chain(server, model))
    assert done.code == 0, done.err
    assert done.json["answer"] == "The cat. [1]"
    assert f"{done.json['provider']}:{done.json['model']}" == model
    assert len(server.asked) == 1


def test_who_cannot_serve_is_passed_over_and_named(tmp_path: Path) -> None:
    turns = (Turn(status=401, message="no such key"), Turn(text="The cat. [1]"))
    with wire_server(*turns) as server:
        done = ask(tmp_path, **chain(server, "openai:gpt-5-mini, local:llama3"))
    assert done.json["provider"] == "local"
    (passed,) = done.json["passed_over"]
    assert passed["provider"] == "openai"
    assert "no such key" in passed["message"]


def test_what_may_pass_is_tried_again(tmp_path: Path) -> None:
    busy = Turn(status=429, headers=(("Retry-After", "0"),))
    with wire_server(busy, Turn(status=500), Turn(text="The cat. [1]")) as server:
        done = ask(tmp_path, **chain(server, "openai:gpt-5-mini"))
    assert done.code == 0, done.err
    assert len(server.asked) == 3


def test_where_nobody_serves_the_error_says_why_and_what_helps(tmp_path: Path) -> None:
    with wire_server(Turn(status=401, message="wrong key")) as server:
        done = ask(tmp_path, **chain(server, "openai:gpt-5-mini,anthropic:claude-sonnet-4-5"))
    said = done.out + done.err
    assert done.code == 4
    assert "model_unavailable" in said
    assert "wrong key" in said
    assert KEY not in said


def test_the_customary_variables_hold_keys_too(tmp_path: Path) -> None:
    """And a key is in nothing that is kept: no file of the home folder has it."""
    with wire_server() as server:
        told = chain(server, "openai:gpt-5-mini", REEL_HOME=str(tmp_path / "home"))
        del told["REEL_MODELS__OPENAI_KEY"]
        told["OPENAI_API_KEY"] = KEY[::-1]
        done = ask(tmp_path, **told)
    assert done.code == 0, done.err
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY[::-1]}"
    kept = [path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert kept
    assert not any(KEY[::-1].encode() in body for body in kept)


@pytest.mark.parametrize("models", ["nobody:x", "openai:gpt-5,,local:x"])
def test_a_chain_that_makes_no_sense_is_said_with_its_place(tmp_path: Path, models: str) -> None:
    done = ask(tmp_path, REEL_MODELS__LANGUAGE=models)
    assert done.code == 2
    assert "models.language" in done.out + done.err


def test_a_model_without_a_name_or_key_says_what_is_missing(tmp_path: Path) -> None:
    clean = {"OPENAI_API_KEY": ""}
    nameless = ask(tmp_path, REEL_MODELS__LANGUAGE="local")
    keyless = ask(tmp_path, REEL_MODELS__LANGUAGE="openai:gpt-5", **clean)
    assert nameless.code == keyless.code == 4
    assert "local:MODEL" in nameless.out + nameless.err
    assert "REEL_MODELS__OPENAI_KEY" in keyless.out + keyless.err


def doctor(folder: Path, **environ: str) -> dict[str, dict[str, Any]]:
    done = reel("doctor", "--json", cwd=folder, **environ)
    checks = done.json["checks"]
    return {c["name"]: c for c in checks if c["name"].startswith("models: ")}


def test_the_doctor_names_what_is_in_the_box_and_what_others_need(tmp_path: Path) -> None:
    found = doctor(tmp_path)
    assert "rapidocr" in found["models: ocr"]["found"]
    assert "minilm" in found["models: text-embedding"]["found"]
    assert "espeak-ng" in found["models: voice"]["found"]
    assert "extractive" in found["models: language"]["found"]
    assert {check["state"] for check in found.values()} == {"ok"}
    asked = doctor(tmp_path, REEL_MODELS__LANGUAGE="openai:gpt-5", OPENAI_API_KEY="")
    assert asked["models: language"]["state"] == "warning"
    assert "REEL_MODELS__OPENAI_KEY" in asked["models: language"]["hint"]
