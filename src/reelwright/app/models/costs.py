"""What models cost, and what the budgets still allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from reelwright.app.principal import Principal, Scope
from reelwright.store.model_costs import By, Cost

if TYPE_CHECKING:
    from reelwright.app.wiring import App


@dataclass(frozen=True, slots=True)
class Budget:
    """`name` is ``day`` (UTC) or ``library``; in US dollars."""

    name: str
    limit_usd: float
    spent_usd: float

    @property
    def left_usd(self) -> float:
        return max(self.limit_usd - self.spent_usd, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """`groups` are empty without `by`. `budgets`: those that are set, of everybody's calls."""

    by: By | None
    since: float | None
    total: Cost
    groups: Sequence[Cost]
    budgets: Sequence[Budget]

    def to_json(self) -> dict[str, Any]:
        return {
            "by": None if self.by is None else self.by.value,
            "since": self.since,
            "total": {k: v for k, v in asdict(self.total).items() if k != "group"},
            "groups": [asdict(group) for group in self.groups],
            "budgets": [{**asdict(one), "left_usd": one.left_usd} for one in self.budgets],
        }


def costs(
    app: App,
    principal: Principal,
    *,
    by: By | None = None,
    since: float | None = None,
    job_id: str | None = None,
) -> Costs:
    """Of what the principal may see. Raises FORBIDDEN, STORE_*."""
    from reelwright.store import model_costs

    principal.check(Scope.READ)
    told = partial(model_costs.costs, owner=principal.sees, since=since, job_id=job_id)
    with app.store.read() as tx:
        (total,) = told(tx)
        groups = [] if by is None else told(tx, by)
    budgets = _budgets(app) if principal.may(Scope.ADMIN) else ()
    return Costs(by=by, since=since, total=total, groups=groups, budgets=budgets)


def _budgets(app: App) -> Sequence[Budget]:
    from reelwright.store import model_calls

    models = app.settings.models
    limits = {"day": models.day_budget_usd, "library": models.library_budget_usd}
    if all(limit is None for limit in limits.values()):
        return ()
    with app.store.read() as tx:
        spent = model_calls.spent(tx)
    return [Budget(name, limit, spent[name]) for name, limit in limits.items() if limit is not None]
