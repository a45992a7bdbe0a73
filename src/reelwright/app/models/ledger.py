"""What stands behind the door to models: the store's records, cache, budgets and breakers.

Rate limits and breakers are rows of `store.hosts`, so all processes of a database share them; how
many calls are made at a time is counted in each process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from reelwright.app.models.asker import Asker, asker_of
from reelwright.errors import Code, ReelError
from reelwright.store import hosts, model_answers, model_calls
from reelwright.store.hosts import Budget, Fuse
from reelwright.store.model_calls import CallState, Limits, NewCall, Outcome, Refused
from reelwright.tools.models import wire
from reelwright.tools.models.kinds import ModelKind, Usage

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx
    from reelwright.store.rows import StepRow
    from reelwright.tools.models.door import Call, Ended, Failed

T = TypeVar("T")

_DAY_S = 86400.0
_MINUTE_S = 60.0
_LEAST_WAIT_S = 0.05
# How often a call that waits for the reservations of others looks whether they are settled, and
# how much longer than its timeout a call may be on its way.
_LOOK_S = 0.25
_MARGIN_S = 30.0
# Answers of sound may be large; a row of them is to stay a row.
_MOST_CHARACTERS = 16 << 20
_BULKY = frozenset({ModelKind.TEXT_EMBEDDING, ModelKind.IMAGE_EMBEDDING, ModelKind.VOICE})
# A model that is ill is left alone for a while: short, since a step waits for it.
_FUSE = Fuse(failures=5, rest_s=10.0, most_s=300.0, probe_s=300.0)
# They say something of the provider; what it says of one question does not.
_UNWELL = frozenset(
    {
        Code.MODEL_RATE_LIMITED,
        Code.MODEL_FAILED,
        Code.NETWORK_UNREACHABLE,
        Code.NETWORK_TIMEOUT,
        Code.NETWORK_RESET,
        Code.TLS_INVALID,
    }
)


def ledger(app: App, row: StepRow | None, owner: str | None) -> StoreLedger:
    """Writes in the name of a step, or of an owner."""
    return StoreLedger(app, row, owner)


class StoreLedger:
    """The `Ledger` of one asker."""

    def __init__(self, app: App, row: StepRow | None, owner: str | None) -> None:
        self._app = app
        self._row = row
        self._owner = owner

    async def remembered(self, call: Call) -> tuple[Any, Usage, str] | None:
        if self._keep_s(call) <= 0:
            return None
        return await asyncio.to_thread(self._remembered, call)

    async def enter(self, call: Call) -> None:
        budget = self._pace
        wait = await self._change(lambda tx: hosts.take(tx, call.host, budget, _FUSE))
        if wait is None:
            return
        wait_s = max(round(wait.seconds, 2), _LEAST_WAIT_S)
        evidence = {"retry_after_s": wait_s}
        if wait.code is None:
            text = (
                f"{call.spec.name} is asked {budget.burst:g} times a minute; not for {wait_s:g} s"
            )
            raise ReelError(Code.BUDGET_SPENT, text, evidence=evidence)
        text = f"{call.spec.name} failed often ({wait.code}) and rests {wait_s:g} s"
        raise ReelError(Code.CIRCUIT_OPEN, text, evidence=evidence)

    async def leave(self, call: Call, code: Code | None) -> None:
        if code in _UNWELL:
            assert code is not None
            ill = code
            budget = self._pace
            await self._change(lambda tx: hosts.unwell(tx, call.host, ill, _FUSE, budget))
        else:
            await asyncio.to_thread(self._well, call.host)

    async def begin(self, call: Call) -> str:
        limits = self._limits
        if call.quote_usd is None and limits.any():
            raise ReelError(
                Code.BUDGET_REACHED,
                f"there is a budget, and no price of {call.spec.name} is known",
                where="models",
                hint="take a model whose price is known, or no budget (`models.…_budget_usd`)",
            )
        until = time.monotonic() + limits.pending_s
        while True:
            found = await self._reserved(call, limits)
            if isinstance(found, str):
                return found
            # What is on its way mostly costs less than it reserved.
            if not found.is_pending or time.monotonic() > until:
                raise refusal(found, call.spec.name)
            await asyncio.sleep(_LOOK_S)

    async def _reserved(self, call: Call, limits: Limits) -> str | Refused:
        """What was reserved for a caller who is gone meanwhile is given back."""
        task = asyncio.ensure_future(asyncio.to_thread(self._begin, call, limits))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            if not task.cancelled() and task.exception() is None:
                found = task.result()
                if isinstance(found, str):
                    await self.drop(found)
            raise

    async def drop(self, call_id: str) -> None:
        await self._change(lambda tx: model_calls.drop(tx, call_id))

    async def end(self, call_id: str, call: Call, ended: Ended) -> None:
        await asyncio.to_thread(self._end, call_id, call, ended)

    async def fail(self, call_id: str, failed: Failed) -> None:
        usage = failed.usage or Usage()
        outcome = Outcome(
            state=CallState.UNSURE if failed.is_unsure else CallState.FAILED,
            error=failed.problem.to_json(),
            latency_s=failed.latency_s,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            usage=None if failed.usage is None else _plain(usage),
            # An answer that came is paid for, whatever it is worth.
            cost_usd=failed.cost_usd,
            served=usage.model,
        )
        is_paid = failed.usage is not None
        await self._change(lambda tx: model_calls.end(tx, call_id, outcome, is_paid=is_paid))

    @cached_property
    def _asker(self) -> Asker:
        return asker_of(self._app.store, self._row, self._owner)

    def _keep_s(self, call: Call) -> float:
        """Vectors and sound are large, and kept elsewhere once their step is done."""
        days = self._app.settings.models.cache_days
        return (min(days, 1.0) if call.kind in _BULKY else days) * _DAY_S

    @property
    def _pace(self) -> Budget:
        per_minute = self._app.settings.models.per_minute
        return Budget(every_s=_MINUTE_S / per_minute, burst=max(1.0, per_minute))

    @property
    def _limits(self) -> Limits:
        models = self._app.settings.models
        job = self._asker.budget_usd
        told = [limit for limit in (models.job_budget_usd, job) if limit is not None]
        return Limits(
            job=min(told, default=None),
            day=models.day_budget_usd,
            library=models.library_budget_usd,
            pending_s=models.timeout_s + _MARGIN_S,
        )

    async def _change(self, change: Callable[[Tx], T]) -> T:
        return await asyncio.to_thread(self._app.store.transact, change)

    def _well(self, host: str) -> None:
        with self._app.store.read() as tx:
            is_known_well = hosts.get(tx, host).failures == 0
        if not is_known_well:
            self._app.store.transact(lambda tx: hosts.well(tx, host))

    def _remembered(self, call: Call) -> tuple[Any, Usage, str] | None:
        with self._app.store.read() as tx:
            found = model_answers.get(tx, call.request)
        if found is None:
            return None
        try:
            answer, usage = wire.from_json(found.answer)
        except ReelError:
            return None  # of another version of ours: it is asked again
        record = found.answer.get("shown")
        call_id = self._app.store.transact(
            lambda tx: model_calls.cached(
                tx,
                self._new(call),
                Outcome(state=CallState.DONE, response=record, served=usage.model),
            )
        )
        return answer, usage, call_id

    def _begin(self, call: Call, limits: Limits) -> str | Refused:
        new = self._new(call)
        return self._app.store.transact(lambda tx: model_calls.begin(tx, new, limits))

    def _end(self, call_id: str, call: Call, ended: Ended) -> None:
        usage = ended.usage
        outcome = Outcome(
            state=CallState.DONE,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            usage=_plain(usage),
            response=ended.shown,
            cost_usd=ended.cost_usd,
            latency_s=ended.latency_s,
            served=usage.model,
        )
        packed = {**wire.to_json((ended.answer, usage)), "shown": ended.shown}
        keep_s = self._keep_s(call)
        is_kept = keep_s > 0 and sum(map(len, packed["blocks"])) <= _MOST_CHARACTERS

        def change(tx: Tx) -> None:
            model_calls.end(tx, call_id, outcome)
            if is_kept:
                model_answers.put(
                    tx,
                    call.request,
                    identity=call.identity.text(),
                    answer=packed,
                    usage=_plain(usage),
                    keep_s=keep_s,
                )

        self._app.store.transact(change)

    def _new(self, call: Call) -> NewCall:
        asker = self._asker
        return NewCall(
            owner=asker.owner,
            job_id=asker.job_id,
            step_id=asker.step_id,
            attempt=asker.attempt,
            asset_id=asker.asset_id,
            key=call.key,
            kind=call.kind.value,
            provider=call.spec.provider,
            model=call.spec.model,
            prompt=call.prompt,
            request=call.request,
            is_local=call.is_local,
            inputs=dict(call.inputs) or None,
            reserved_usd=call.quote_usd or 0.0,
        )


def refusal(refused: Refused, name: str) -> ReelError:
    """BUDGET_REACHED, with what is left."""
    of = {"job": "this job", "day": "today (UTC)", "library": "the whole library"}[refused.budget]
    return ReelError(
        Code.BUDGET_REACHED,
        f"the budget of {of} has {dollars(refused.left_usd)} left of "
        f"{dollars(refused.limit_usd)}; a call of {name} may cost {dollars(refused.wanted_usd)}",
        where=f"models.{refused.budget}_budget_usd",
        evidence={
            "budget": refused.budget,
            "limit_usd": refused.limit_usd,
            "spent_usd": round(refused.spent_usd, 9),
            "left_usd": round(refused.left_usd, 9),
            "wanted_usd": round(refused.wanted_usd, 9),
        },
    )


def dollars(amount: float) -> str:
    """``$0.0042``: as many digits as there is something to see."""
    if amount >= 1 or amount == 0:
        return f"${amount:.2f}"
    return f"${amount:.4f}" if amount >= 0.0001 else f"${amount:.2g}"


def _plain(usage: Usage) -> Mapping[str, Any]:
    return {name: value for name, value in asdict(usage).items() if value is not None}
