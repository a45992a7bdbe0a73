"""`/v1/costs`: what models cost."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from reelwright.api import bodies
from reelwright.api.auth import current_principal
from reelwright.api.context import app_of, aside
from reelwright.api.models import ID_PATTERN, Model
from reelwright.app.models.costs import costs
from reelwright.app.principal import Principal
from reelwright.store.model_costs import By

router = APIRouter(tags=["models"])


class CostSums(Model):
    calls: int
    cached: int = Field(description="Answered from what was answered before; they cost nothing.")
    failed: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None = Field(description="Of what is known; null where no price is.")
    unknown: int = Field(description="Calls whose price is not known; they are in no sum.")
    unsettled_usd: float = Field(
        description="The most that calls may cost of which nothing was heard; budgets count it."
    )


class CostGroup(CostSums):
    group: str | None = Field(description="A job, a model, a day (UTC), …; null: of none.")


class ModelBudget(Model):
    name: str = Field(examples=["day", "library"])
    limit_usd: float
    spent_usd: float
    left_usd: float


class ModelCosts(Model):
    by: By | None
    since: float | None
    total: CostSums
    groups: list[CostGroup] = Field(description="Empty without `by`.")
    budgets: list[ModelBudget] = Field(description="Those that are set; for admins.")


@router.get("/v1/costs", response_model=ModelCosts)
async def get_costs(
    request: Request,
    principal: Annotated[Principal, Depends(current_principal)],
    by: Annotated[By | None, Query(description="A group for each of these.")] = None,
    since: Annotated[float | None, Query(ge=0, le=1e11, description="Seconds since 1970.")] = None,
    job: Annotated[str | None, Query(pattern=ID_PATTERN, description="Only of this job.")] = None,
) -> Response:
    """What hosted models cost: one's own calls, for admins everybody's."""
    told = await aside(costs, app_of(request), principal, by=by, since=since, job_id=job)
    return bodies.answer(told.to_json())
