"""What an actor of ours answers: what was made there, and what went wrong, as JSON."""

from __future__ import annotations

import asyncio
from typing import Any

from reelwright.errors import Code, Problem, ReelError
from reelwright.tools.ray.actor import Hosted

HERE = "tests.tools.ray.test_actor" if __name__.startswith("tests.") else __name__


class Made:
    def __init__(self, node: str) -> None:
        if node == "bad":
            raise ReelError(Code.TOOL_MISSING, "no FFmpeg")
        self._node = node

    async def say(self, word: str) -> str:
        if word == "no":
            raise ReelError(Code.NODE_REFUSED, "not here")
        if word == "oops":
            raise ZeroDivisionError(word)
        return f"{word} from {self._node}"


def called(actor: Hosted, name: str, **body: Any) -> dict[str, Any]:
    return asyncio.run(actor.call(name, body))


def test_calls_are_handed_on() -> None:
    actor = Hosted(f"{HERE}:Made", {"node": "n1"})
    assert called(actor, "say", word="hello") == {"ok": "hello from n1"}


def test_errors_come_back_as_what_they_are() -> None:
    actor = Hosted(f"{HERE}:Made", {"node": "n1"})
    refused = Problem.from_json(called(actor, "say", word="no")["error"])
    assert (refused.code, refused.message) == (Code.NODE_REFUSED, "not here")
    mistake = Problem.from_json(called(actor, "say", word="oops")["error"])
    assert mistake.code is Code.INTERNAL
    assert "ZeroDivisionError" in mistake.message


def test_what_could_not_be_made_says_why_at_every_call() -> None:
    for actor in (Hosted(f"{HERE}:Made", {"node": "bad"}), Hosted("no.such:Thing", {})):
        first, second = called(actor, "say", word="x"), called(actor, "look")
        assert first == second
    assert "no.such" in str(first) or "No module" in str(first)
