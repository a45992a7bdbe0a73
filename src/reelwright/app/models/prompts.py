"""Prompts as people work with them: listed, tried, their answers rated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from reelwright.app.principal import Principal, Scope
from reelwright.errors import Code, ReelError
from reelwright.tools.models.kinds import ModelKind, Said, Served
from reelwright.tools.models.prompts import Prompt, Prompts

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.model_calls import CallRow
    from reelwright.store.prompt_ratings import Rating
    from reelwright.tools.models.serving import Serving

LOWEST, HIGHEST = 1, 5
_MOST_NOTE = 2000
_LARGEST_IMAGE_BYTES = 32 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A prompt that is tried. `model`: ``provider:model`` in place of what is configured."""

    prompt: str
    inputs: Mapping[str, Any]
    images: tuple[bytes, ...] = ()
    model: str | None = None
    max_tokens: int = 2048


def prompts(app: App) -> Prompts:
    return Prompts(app.models.configured.prompts)


def listing(app: App, principal: Principal) -> list[dict[str, Any]]:
    """Every version of every prompt, with the mean of its ratings. Raises FORBIDDEN,
    PROMPT_INVALID."""
    from reelwright.store import prompt_ratings

    principal.check(Scope.READ)
    with app.store.read() as tx:
        means = prompt_ratings.means(tx)
    found = []
    for prompt in prompts(app).all():
        mean = means.get(prompt.label)
        rating = {"rating": mean.rating, "ratings": mean.count} if mean else {}
        found.append({**brief(prompt), "rating": None, "ratings": 0, **rating})
    return found


def brief(prompt: Prompt) -> dict[str, Any]:
    return {
        "prompt": prompt.label,
        "name": prompt.name,
        "version": prompt.version,
        "description": prompt.description,
        "is_own": prompt.is_own,
    }


def details(prompt: Prompt) -> dict[str, Any]:
    """All that its file says."""
    return {
        **brief(prompt),
        "inputs": [asdict(one) for one in prompt.inputs],
        "schema": prompt.schema,
        "system": prompt.system,
        "user": prompt.user,
    }


def show(app: App, principal: Principal, name: str) -> dict[str, Any]:
    """Raises FORBIDDEN, PROMPT_UNKNOWN, PROMPT_INVALID."""
    principal.check(Scope.READ)
    return details(prompts(app).get(name))


async def run(app: App, principal: Principal, trial: Trial) -> Served[Said]:
    """Asks a model; the call is recorded. Pictures are shown to a vision model. Raises FORBIDDEN,
    PROMPT_*, MODEL_*, BUDGET_REACHED, CONFIG_INVALID."""
    principal.check(Scope.JOBS)
    asked = (
        prompts(app)
        .get(trial.prompt)
        .ask(trial.inputs, images=trial.images, max_tokens=trial.max_tokens)
    )
    kind = ModelKind.VISION if trial.images else ModelKind.LANGUAGE
    door = app.asker(owner=principal.owner)
    if trial.model is None:
        return await _asked(door, kind, asked)
    other = replaced(door, kind, trial.model)
    try:
        return await _asked(other, kind, asked)
    finally:
        other.pool.close()


def replaced(door: Serving, kind: ModelKind, model: str) -> Serving:
    """A door with `model` in place of the chain of `kind`; its pool is to be closed. Raises
    CONFIG_INVALID."""
    from reelwright.tools.models.pool import Pool
    from reelwright.tools.models.serving import Serving

    configured = door.pool.configured
    configured.parse(kind, model)
    chains = {**configured.chains, kind: model}
    return Serving(Pool(replace(configured, chains=chains)), door.ledger)


async def _asked(door: Serving, kind: ModelKind, asked: Any) -> Served[Said]:
    return await (door.describe(asked) if kind is ModelKind.VISION else door.write(asked))


def answer_json(served: Served[Said]) -> dict[str, Any]:
    said = served.value
    return {
        "answer": said.data if said.data is not None else said.text,
        "call": served.call,
        "provider": served.identity.provider,
        "model": served.usage.model or served.identity.model,
        "is_cached": served.is_cached,
        "input_tokens": served.usage.input_tokens,
        "output_tokens": served.usage.output_tokens,
        "cost_usd": served.cost_usd,
        "passed_over": [dict(one) for one in served.passed_over],
    }


def calls(
    app: App,
    principal: Principal,
    name: str,
    *,
    limit: int = 50,
    before: float | None = None,
) -> list[dict[str, Any]]:
    """The newest calls of a prompt (``describe``, ``describe@2``) that the principal may see, with
    their ratings. Raises FORBIDDEN, PROMPT_UNKNOWN."""
    from reelwright.store import model_calls, prompt_ratings

    principal.check(Scope.READ)
    with app.store.read() as tx:
        found = model_calls.of_prompt(tx, name, owner=principal.sees, before=before, limit=limit)
        ratings = prompt_ratings.of_calls(tx, [row.id for row in found])
    if not found:
        prompts(app).get(name)
    return [call_json(row, ratings.get(row.id, ())) for row in found]


def call_json(row: CallRow, ratings: Sequence[Rating] = ()) -> dict[str, Any]:
    return {
        "id": row.id,
        "prompt": row.prompt,
        "kind": row.kind,
        "provider": row.provider,
        "model": row.model,
        "state": row.state,
        "is_cached": row.is_cached,
        "job_id": row.job_id,
        "asset_id": row.asset_id,
        "inputs": row.inputs,
        "response": row.response,
        "error": row.error,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cost_usd": row.cost_usd,
        "latency_s": row.latency_s,
        "at": row.at,
        "ratings": [
            {"by": one.rated_by, "rating": one.rating, "note": one.note, "at": one.at}
            for one in ratings
        ],
    }


def rate(
    app: App, principal: Principal, call: str, rating: int, note: str | None = None
) -> dict[str, Any]:
    """`call` is an id, or the first of it. Raises FORBIDDEN, FIELD_INVALID, PROMPT_UNKNOWN."""
    from reelwright.store import model_calls, prompt_ratings

    principal.check(Scope.JOBS)
    if not LOWEST <= rating <= HIGHEST:
        raise ReelError(
            Code.FIELD_INVALID, f"a rating is {LOWEST} to {HIGHEST}, not {rating}", where="rating"
        )
    if note is not None and len(note) > _MOST_NOTE:
        raise ReelError(
            Code.FIELD_INVALID, f"a note has {_MOST_NOTE} characters at the most", where="note"
        )
    with app.store.read() as tx:
        found = [row for row in model_calls.find(tx, call) if _may_see(principal, row)]
    if len(found) != 1 or found[0].prompt is None:
        why = "begins the ids of several calls" if len(found) > 1 else "is no call of a prompt"
        raise ReelError(
            Code.PROMPT_UNKNOWN,
            f"'{call}' {why}",
            where="call",
            hint="`reel prompts show NAME --calls` lists them",
        )
    row = found[0]
    app.store.transact(
        lambda tx: prompt_ratings.rate(
            tx, row.id, rated_by=principal.actor, rating=rating, note=note
        )
    )
    return {"call": row.id, "prompt": row.prompt, "rating": rating, "note": note}


def _may_see(principal: Principal, row: CallRow) -> bool:
    return principal.sees is None or row.owner == principal.sees


def read_image(path: Any) -> bytes:
    """A PNG or JPEG file. Raises INPUT_NOT_FOUND, FIELD_INVALID."""
    try:
        size_bytes = path.stat().st_size
        data: bytes = path.read_bytes() if size_bytes <= _LARGEST_IMAGE_BYTES else b""
    except OSError as error:
        raise ReelError(
            Code.INPUT_NOT_FOUND, f"{path}: {error.strerror}", where=str(path)
        ) from error
    if not data.startswith((b"\x89PNG", b"\xff\xd8\xff")):
        raise ReelError(
            Code.FIELD_INVALID,
            "a picture is a PNG or JPEG file of 32 MiB at the most",
            where=str(path),
        )
    return data
