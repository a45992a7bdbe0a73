"""Whether an answer has the form that was asked for, and what of it is kept for people to read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.tools.models.kinds import Heard, PromptAsk, Said, Seen

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

# Models that were told to answer in JSON alone like to dress it all the same.
_FENCED = re.compile(r"\A\s*```[a-zA-Z]*\s*\n(.*?)\n\s*```\s*\Z", re.DOTALL)
_SHOWN_CHARACTERS = 200


def check(ask: Any, answer: Any) -> Any:
    """The answer, its `data` read where a schema was asked for. Raises MODEL_ANSWER_INVALID."""
    if not isinstance(ask, PromptAsk):
        return answer
    if ask.schema is None:
        if not answer.text.strip():
            raise invalid("the answer is empty", answer.text)
        return answer
    data = answer.data if answer.data is not None else read_json(answer.text)
    errors = sorted(
        _validator(json.dumps(ask.schema)).iter_errors(data), key=lambda e: list(e.path)
    )
    if errors:
        place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in errors[0].path)
        raise invalid(f"answer{place}: {errors[0].message:.300}", answer.text)
    return replace(answer, data=data, text=answer.text or json.dumps(data, ensure_ascii=False))


def read_json(text: str) -> Any:
    """Raises MODEL_ANSWER_INVALID."""
    fenced = _FENCED.match(text)
    try:
        return json.loads(fenced.group(1) if fenced else text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise invalid(f"the answer is no JSON: {error}", text) from error


def shown(answer: Any) -> Any:
    """What the record of a call keeps of its answer: words, not bytes and numbers."""
    if isinstance(answer, Said):
        return answer.data if answer.data is not None else answer.text
    if isinstance(answer, Heard):
        return " ".join(word.text for word in answer.words)
    if isinstance(answer, Seen):
        return [line.text for line in answer.lines]
    return None


def invalid(message: str, text: str) -> ReelError:
    evidence: Mapping[str, Any] = {"answer": text[:_SHOWN_CHARACTERS]}
    return ReelError(Code.MODEL_ANSWER_INVALID, message, evidence=evidence)


@lru_cache(maxsize=32)
def _validator(schema: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(schema))


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
