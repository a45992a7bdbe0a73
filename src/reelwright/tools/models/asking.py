"""One ask along a chain: cache, door, provider, checks, retries, and who is asked next."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reelwright.errors import Code, Problem, ReelError
from reelwright.tools.models import providers
from reelwright.tools.models.checking import check, shown
from reelwright.tools.models.door import Call, Ended, Failed, Ledger, request_of
from reelwright.tools.models.idempotency import SENDING, Sending
from reelwright.tools.models.kinds import ModelIdentity, ModelKind, PromptAsk, Served, Usage
from reelwright.tools.models.pool import Pool
from reelwright.tools.models.prices import cost_usd
from reelwright.tools.models.providers import ModelSpec, Runs
from reelwright.tools.models.quoting import quote_usd

_BACKOFF_S = 0.5
_BACKOFF_MOST_S = 20.0
# Whoever asks for a longer rest is passed over; the last of a chain is asked again by a retry of
# the step.
_PATIENCE_S = 60.0
# Nobody knows whether the provider did the work, and counts it.
_UNSURE = frozenset({Code.NETWORK_TIMEOUT, Code.NETWORK_RESET, Code.TIMEOUT, Code.CANCELLED})
PASSED = frozenset(
    {
        Code.MODEL_UNAVAILABLE,
        Code.MODEL_RATE_LIMITED,
        Code.MODEL_REFUSED,
        Code.MODEL_ANSWER_INVALID,
        Code.MODEL_FAILED,
        Code.BUDGET_REACHED,
        Code.BUDGET_SPENT,
        Code.CIRCUIT_OPEN,
        Code.NETWORK_UNREACHABLE,
        Code.NETWORK_TIMEOUT,
        Code.NETWORK_RESET,
        Code.TLS_INVALID,
        Code.TIMEOUT,
    }
)


class Asking:
    """One ask of `kind`; `key` as in `Models`."""

    def __init__(self, pool: Pool, ledger: Ledger, kind: ModelKind, ask: Any, key: str) -> None:
        self.pool = pool
        self.ledger = ledger
        self.kind = kind
        self.ask = ask
        self.key = key

    async def served(self) -> Served[Any]:
        """Raises what the last provider raised, or what stands for all of them."""
        passed: list[tuple[ModelSpec, Problem]] = []
        for spec in await asyncio.to_thread(self.pool.chain, self.kind):
            try:
                served = await self.one(spec)
            except ReelError as error:
                if error.code not in PASSED:
                    raise
                passed.append((spec, error.problem))
            else:
                return replace(served, passed_over=tuple(_passed(*one) for one in passed))
        raise nobody_served(self.kind, passed)

    async def one(self, spec: ModelSpec) -> Served[Any]:
        """From this member of the chain, by as many tries as are allowed."""
        identity = await asyncio.to_thread(self.pool.identity, spec)
        if providers.entry(spec).runs is not Runs.HOSTED:
            return await self._near(spec)
        call = await self.call(spec, identity)
        found = await self.ledger.remembered(call)
        if found is not None:
            value, usage, call_id = found
            return self._served(call, call_id, value, usage, cost=0.0, is_cached=True)
        return await self._tried(call)

    async def call(self, spec: ModelSpec, identity: ModelIdentity) -> Call:
        provider = await asyncio.to_thread(self.pool.provider, spec)
        request = await asyncio.to_thread(request_of, self.kind, identity, self.ask)
        is_prompt = isinstance(self.ask, PromptAsk)
        quote = await asyncio.to_thread(quote_usd, identity, self.ask, is_local=provider.is_local)
        return Call(
            kind=self.kind,
            spec=spec,
            identity=identity,
            request=request,
            key=self.key,
            is_local=provider.is_local,
            quote_usd=quote,
            prompt=self.ask.prompt if is_prompt else None,
            inputs=self.ask.inputs if is_prompt else {},
        )

    async def _near(self, spec: ModelSpec) -> Served[Any]:
        """On this machine nothing is counted or remembered: the step's own result is. A process
        that crashed is started once more."""
        provider = await asyncio.to_thread(self.pool.provider, spec)
        try:
            value, usage = await provider.answer(self.ask)
        except ReelError as error:
            if error.code is not Code.MODEL_FAILED or "exit_code" not in error.problem.evidence:
                raise
            value, usage = await provider.answer(self.ask)
        return Served(
            value=check(self.ask, value), identity=provider.identity, usage=usage, cost_usd=0.0
        )

    async def _tried(self, call: Call) -> Served[Any]:
        failures = 0
        while True:
            try:
                async with self.pool.turn(call.spec):
                    return await self._once(call, failures)
            except ReelError as error:
                is_ours = error.code is Code.BUDGET_SPENT  # the pace is: nobody failed
                failures += 0 if is_ours else 1
                await self.rest(error, failures)

    async def rest(self, error: ReelError, failures: int) -> None:
        """Before the next try; raises `error` where there is none."""
        wait_s = _wait_s(error.problem, failures)
        is_over = failures >= self.pool.configured.attempts or wait_s > _PATIENCE_S
        if not error.code.retryable or is_over or error.code is Code.CIRCUIT_OPEN:
            raise error
        await asyncio.sleep(wait_s)

    async def opened(self, call: Call) -> str:
        """The record's id; what it may cost is reserved."""
        call_id = await self.ledger.begin(call)
        try:
            await self.ledger.enter(call)
        except BaseException:
            await _finish(self.ledger.drop(call_id))
            raise
        return call_id

    async def _once(self, call: Call, failures: int) -> Served[Any]:
        call_id = await self.opened(call)
        began = time.monotonic()
        usage: Usage | None = None
        sending = Sending(f"{call.request}-{failures}")
        token = SENDING.set(sending)
        try:
            value, usage = await self.pool.provider(call.spec).answer(self.ask)
            value = check(self.ask, value)
        except asyncio.CancelledError:
            await self.cancelled(call_id, sending, began)
            raise
        except ReelError as error:
            await self.failed(call_id, call, error.problem, began, usage)
            raise
        finally:
            SENDING.reset(token)
        cost = await self.ended(call_id, call, value, usage, began)
        return self._served(call, call_id, value, usage, cost=cost)

    async def ended(
        self, call_id: str, call: Call, value: Any, usage: Usage, began: float
    ) -> float | None:
        """Recorded and remembered; gives what it cost."""
        cost = cost_usd(call.identity, usage, is_local=call.is_local)
        ended = Ended(
            answer=value,
            usage=usage,
            cost_usd=cost,
            latency_s=time.monotonic() - began,
            shown=shown(value),
        )
        await _finish(self.ledger.end(call_id, call, ended))
        await self.ledger.leave(call, None)
        return cost

    async def cancelled(self, call_id: str, sending: Sending, began: float) -> None:
        """What was not even sent is surely not counted."""
        if not sending.is_sent:
            await _finish(self.ledger.drop(call_id))
            return
        problem = Problem(Code.CANCELLED, "it was cancelled")
        failed = Failed(problem=problem, latency_s=time.monotonic() - began, is_unsure=True)
        await _finish(self.ledger.fail(call_id, failed))

    async def failed(
        self, call_id: str, call: Call, problem: Problem, began: float, usage: Usage | None
    ) -> None:
        failed = Failed(
            problem=problem,
            latency_s=time.monotonic() - began,
            is_unsure=usage is None and problem.code in _UNSURE,
            usage=usage,
            cost_usd=None
            if usage is None
            else cost_usd(call.identity, usage, is_local=call.is_local),
        )
        await _finish(self.ledger.fail(call_id, failed))
        await self.ledger.leave(call, problem.code)

    def _served(
        self,
        call: Call,
        call_id: str,
        value: Any,
        usage: Usage,
        *,
        cost: float | None,
        is_cached: bool = False,
    ) -> Served[Any]:
        identity = call.identity
        if usage.model and usage.model != identity.model:
            identity = replace(identity, revision=usage.model)
        return Served(
            value=value,
            identity=identity,
            usage=usage,
            cost_usd=cost,
            is_cached=is_cached,
            is_local=call.is_local,
            call=call_id or None,
        )


def nobody_served(kind: ModelKind, passed: list[tuple[ModelSpec, Problem]]) -> ReelError:
    """What stands for all that went wrong: a wait that helps before what may help if it is tried
    again, this before what will not."""
    told = [_passed(*one) for one in passed]
    if not passed:
        return ReelError(
            Code.MODEL_UNAVAILABLE,
            f"no {kind} model is there",
            where=providers.setting(kind),
            evidence={"passed_over": []},
        )
    first = _heaviest([problem for _, problem in passed])
    message = first.message
    if len(passed) > 1:
        message = "; ".join(f"{spec.name}: {problem.message}" for spec, problem in passed)
    # A breaker that is open is waited for by a retry of the step, and not for ever.
    code = Code.MODEL_FAILED if first.code is Code.CIRCUIT_OPEN else first.code
    return ReelError(
        code,
        message,
        where=first.where or providers.setting(kind),
        hint=first.hint,
        evidence={**first.evidence, "passed_over": told},
    )


def _heaviest(problems: list[Problem]) -> Problem:
    for wanted in (Code.BUDGET_SPENT, Code.BUDGET_REACHED):
        for problem in problems:
            if problem.code is wanted:
                return problem
    return next((problem for problem in problems if problem.code.retryable), problems[0])


def _passed(spec: ModelSpec, problem: Problem) -> Mapping[str, Any]:
    return {
        "provider": spec.provider,
        "model": spec.model,
        "code": problem.code.text,
        "message": problem.message,
    }


def _wait_s(problem: Problem, failures: int) -> float:
    """What was asked for, or full jitter below a bound that doubles."""
    asked = problem.evidence.get("retry_after_s")
    if isinstance(asked, int | float):
        return float(asked)
    return random.uniform(0.0, min(_BACKOFF_MOST_S, _BACKOFF_S * 2.0 ** min(failures, 30)))


async def _finish(work: Any) -> None:
    """To its end, even where the caller is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise
