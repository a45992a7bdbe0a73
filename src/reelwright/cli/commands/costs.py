"""`reel costs`: what models cost."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from reelwright.cli import terminal
from reelwright.cli.options import AsJson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reelwright.app.models.costs import Costs
    from reelwright.store.model_costs import Cost

app = typer.Typer(add_completion=False)


class Way(StrEnum):
    """As `store.model_costs.By`, which takes a second to import: `reel --help` asks for it."""

    JOB = "job"
    ASSET = "asset"
    PROVIDER = "provider"
    MODEL = "model"
    DAY = "day"
    PROMPT = "prompt"
    KIND = "kind"


@app.command()
def costs(
    by: Annotated[
        Way | None, typer.Option(help="A line for each of these; default: one for all.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="From then on: 2d (so long ago), 2026-11-01."),
    ] = None,
    job: Annotated[
        str | None,
        typer.Option(metavar="JOB", help="Only of this job: its id, or the first of it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what hosted models were asked and what they cost, and what the budgets have left.

    Calls whose price is not known are counted apart: they are not free. What runs on this machine,
    or at an address of your own, costs nothing and is counted only where it is asked over HTTP.
    What a video would cost before anything is asked: `reel understand VIDEO --quote`.

    Examples: `reel costs --by provider`, `reel costs --by day --since 30d --json`
    """
    from reelwright.app.models.costs import costs as found
    from reelwright.app.principal import LOCAL
    from reelwright.cli.spans import moment
    from reelwright.cli.use import opened
    from reelwright.store.model_costs import By

    begin = None if since is None else moment(since, "--since", time.time())
    with opened() as used:
        job_id = None
        if job is not None:
            from reelwright.app.jobs import identify

            job_id = identify(used, job)
        group = None if by is None else By(by.value)
        told = found(used, LOCAL, by=group, since=begin, job_id=job_id)
    if as_json:
        terminal.emit(told.to_json())
        return
    _print(told)


def _print(told: Costs) -> None:
    from reelwright.app.models.ledger import dollars

    if not told.total.calls:
        terminal.out("No hosted model was asked.")
    elif told.by is None:
        terminal.table(_HEAD, [_row("all", told.total)])
    else:
        rows = [_row(one.group or "-", one) for one in told.groups]
        terminal.table([told.by.value, *_HEAD[1:]], [*rows, _row("all", told.total)])
    for line in _notes(told.groups or [told.total]):
        terminal.note(line)
    for budget in told.budgets:
        of = {"day": "Today (UTC)", "library": "In all"}[budget.name]
        terminal.out(
            f"{of}: {dollars(budget.spent_usd)} of {dollars(budget.limit_usd)};"
            f" {dollars(budget.left_usd)} left."
        )


_HEAD = ["", "calls", "cached", "failed", "tokens in", "tokens out", "cost"]


def _row(name: str, one: Cost) -> tuple[object, ...]:
    from reelwright.app.models.ledger import dollars

    cost = "unknown" if one.cost_usd is None else dollars(one.cost_usd)
    if one.unknown and one.cost_usd is not None:
        cost += f" + {one.unknown} unknown"
    return (
        terminal.printable(name),
        one.calls,
        one.cached,
        one.failed,
        one.input_tokens,
        one.output_tokens,
        cost,
    )


def _notes(groups: Sequence[Cost]) -> list[str]:
    from reelwright.app.models.ledger import dollars

    unknown = sum(one.unknown for one in groups)
    unsettled = sum(one.unsettled_usd for one in groups)
    found = []
    if unknown:
        found.append(f"{unknown} calls have no known price; they are in no sum.")
    if unsettled > 0:
        found.append(
            f"Up to {dollars(unsettled)} more for calls of which nothing was heard"
            " (stopped, or the connection broke off); budgets count them."
        )
    return found
