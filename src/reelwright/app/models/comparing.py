"""Two versions of a prompt, or two models, side by side on an evaluation set.

A set is JSON lines: ``{"id", "inputs": {…}, "images": [paths], "expected": …, "contains": […]}``;
all but `inputs` may be left out. Paths are relative to the file.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.app.models import prompts
from reelwright.app.models.prompts import Trial
from reelwright.app.principal import Principal, Scope
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App

_KEYS = {"id", "inputs", "images", "expected", "contains"}
_MOST_CASES = 10_000
_AT_ONCE = 4
_WORD = re.compile(r"\w+")
# They end the whole comparison: every other case would meet them too.
_STOPS = frozenset({Code.BUDGET_REACHED, Code.CONFIG_INVALID, Code.PROMPT_UNKNOWN, Code.FORBIDDEN})
FOLDER = "evaluations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`expected`: an answer, text or object; `contains`: what the answer must have in it."""

    id: str
    inputs: Mapping[str, Any]
    images: tuple[Path, ...] = ()
    expected: Any = None
    contains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Variant:
    """``describe@2`` or ``describe@2=openai:gpt-5-mini``."""

    prompt: str
    model: str | None = None

    @property
    def label(self) -> str:
        return f"{self.prompt}={self.model}" if self.model else self.prompt

    @staticmethod
    def of(text: str) -> Variant:
        prompt, _, model = text.partition("=")
        return Variant(prompt.strip(), model.strip() or None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Of one case and variant. `score` 0 to 1, None where the case says nothing to score by."""

    answer: Any = None
    error: str | None = None
    score: float | None = None
    call: str | None = None
    served: str | None = None
    cost_usd: float | None = None
    latency_s: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    variants: tuple[Variant, ...]
    cases: tuple[Case, ...]
    results: tuple[tuple[Result, ...], ...] = field(default=())
    path: Path | None = None

    def to_json(self) -> dict[str, Any]:
        rows = [
            {
                "id": case.id,
                "results": [one.to_json() for one in results],
            }
            for case, results in zip(self.cases, self.results, strict=True)
        ]
        return {
            "variants": [
                {"variant": variant.label, **summary(self, at)}
                for at, variant in enumerate(self.variants)
            ],
            "cases": rows,
            "path": None if self.path is None else str(self.path),
        }


def read_set(path: Path) -> tuple[Case, ...]:
    """Raises INPUT_NOT_FOUND, FIELD_INVALID with the line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise ReelError(Code.INPUT_NOT_FOUND, f"{path}: {why}", where=str(path)) from error
    found = tuple(_case(line, number, path) for number, line in enumerate(lines, 1) if line.strip())
    if not found or len(found) > _MOST_CASES:
        raise _invalid(f"{len(found)} cases; 1 to {_MOST_CASES} are compared", str(path))
    twice = [name for name, count in Counter(case.id for case in found).items() if count > 1]
    if twice:
        raise _invalid(f"'{twice[0]}' is the id of several cases", str(path))
    return found


async def compare(
    app: App,
    principal: Principal,
    variants: Sequence[Variant],
    cases: Sequence[Case],
    *,
    on_case: Callable[[int], None] = lambda done: None,
) -> Comparison:
    """Asks each variant every case; what was asked before is not asked again. A case that fails is
    a result, too. The comparison is kept in the home folder. Raises FORBIDDEN, PROMPT_*,
    CONFIG_INVALID, BUDGET_REACHED."""
    principal.check(Scope.JOBS)
    for variant in variants:
        prompts.prompts(app).get(variant.prompt)
    turn = asyncio.Semaphore(_AT_ONCE)
    done = 0

    async def one(case: Case) -> tuple[Result, ...]:
        nonlocal done
        async with turn:
            found = [await _result(app, principal, variant, case) for variant in variants]
        done += 1
        on_case(done)
        return tuple(found)

    tasks = [asyncio.create_task(one(case)) for case in cases]
    try:
        results = tuple(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    made = Comparison(variants=tuple(variants), cases=tuple(cases), results=results)
    return await asyncio.to_thread(_kept, app, made)


def summary(comparison: Comparison, at: int) -> dict[str, Any]:
    """Of one variant: means and sums. What is not known is None."""
    results = [row[at] for row in comparison.results]
    scores = [one.score for one in results if one.score is not None]
    costs = [one.cost_usd for one in results if one.error is None]
    times = [one.latency_s for one in results if one.latency_s]
    return {
        "cases": len(results),
        "failed": sum(one.error is not None for one in results),
        "score": sum(scores) / len(scores) if scores else None,
        "wins": _wins(comparison, at),
        "cost_usd": None if None in costs else sum(one for one in costs if one is not None),
        "latency_s": sum(times) / len(times) if times else None,
    }


def score_of(case: Case, answer: Any) -> float | None:
    """How near the answer is to what the case wants, 0 to 1: an object by its fields, a text by the
    words that it shares (F1); what it must contain by how much of it does."""
    parts: list[float] = []
    if case.expected is not None:
        parts.append(_near(case.expected, answer))
    if case.contains:
        text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
        held = [part.casefold() in text.casefold() for part in case.contains]
        parts.append(sum(held) / len(held))
    return sum(parts) / len(parts) if parts else None


async def _result(app: App, principal: Principal, variant: Variant, case: Case) -> Result:
    try:
        images = await asyncio.to_thread(_images, case)
        trial = Trial(prompt=variant.prompt, inputs=case.inputs, images=images, model=variant.model)
        served = await prompts.run(app, principal, trial)
    except ReelError as error:
        if error.code in _STOPS:
            raise
        return Result(error=f"{error.code.text}: {error.problem.message}", score=_no_score(case))
    told = prompts.answer_json(served)
    return Result(
        answer=told["answer"],
        score=score_of(case, told["answer"]),
        call=served.call,
        served=f"{told['provider']}:{told['model']}",
        cost_usd=served.cost_usd,
        latency_s=await asyncio.to_thread(_latency, app, served.call),
    )


def _no_score(case: Case) -> float | None:
    return 0.0 if case.expected is not None or case.contains else None


def _latency(app: App, call: str | None) -> float | None:
    from reelwright.store import model_calls

    if call is None:
        return None
    with app.store.read() as tx:
        row = model_calls.get(tx, call)
    return None if row is None or row.is_cached else row.latency_s


def _wins(comparison: Comparison, at: int) -> int:
    """Cases in which it is better than each other."""
    won = 0
    for row in comparison.results:
        own = row[at].score
        others = [one.score for number, one in enumerate(row) if number != at]
        if own is not None and all(other is not None and own > other for other in others):
            won += 1
    return won


def _near(expected: Any, answer: Any) -> float:
    if isinstance(expected, str) and isinstance(answer, str):
        return _words_shared(expected, answer)
    if isinstance(expected, dict) and isinstance(answer, dict):
        if not expected:
            return 1.0
        return sum(_near(v, answer.get(k)) for k, v in expected.items()) / len(expected)
    if isinstance(expected, list) and isinstance(answer, list):
        texts = (json.dumps(one, ensure_ascii=False) for one in (expected, answer))
        return _words_shared(*texts) if expected else float(not answer)
    return float(expected == answer)


def _words_shared(expected: str, answer: str) -> float:
    wanted = Counter(_WORD.findall(expected.casefold()))
    given = Counter(_WORD.findall(answer.casefold()))
    if not wanted or not given:
        return float(wanted == given)
    return 2 * (wanted & given).total() / (wanted.total() + given.total())


def _images(case: Case) -> tuple[bytes, ...]:
    return tuple(prompts.read_image(path) for path in case.images)


def _case(line: str, number: int, path: Path) -> Case:
    where = f"{path}:{number}"
    try:
        body = json.loads(line)
    except ValueError as error:
        raise _invalid(f"it is no JSON: {error}", where) from error
    if not isinstance(body, dict) or not isinstance(body.get("inputs"), dict):
        raise _invalid("a case is an object with `inputs`", where)
    if unknown := set(body) - _KEYS:
        raise _invalid(f"'{min(unknown)}' is none of {', '.join(sorted(_KEYS))}", where)
    texts = {name: body.get(name, []) for name in ("images", "contains")}
    for name, given in texts.items():
        if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
            raise _invalid(f"`{name}` is a list of texts", where)
    return Case(
        id=str(body.get("id", number)),
        inputs=body["inputs"],
        images=tuple(path.parent / one for one in texts["images"]),
        expected=body.get("expected"),
        contains=tuple(texts["contains"]),
    )


def _kept(app: App, made: Comparison) -> Comparison:
    from dataclasses import replace

    from reelwright.app.wiring import make_folder
    from reelwright.store.ids import new_id

    folder = app.home / FOLDER
    make_folder(folder, 0o700)
    kept = replace(made, path=folder / f"{new_id()}.json")
    assert kept.path is not None
    half = kept.path.with_suffix(".part")
    half.write_text(json.dumps(kept.to_json(), ensure_ascii=False, indent=1), encoding="utf-8")
    half.replace(kept.path)
    return kept


def _invalid(message: str, where: str) -> ReelError:
    return ReelError(Code.FIELD_INVALID, message, where=where)
