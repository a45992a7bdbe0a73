"""`/v1/prompts`: what models are asked, and what they answered."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field

from reelwright.api import bodies
from reelwright.api.auth import current_principal
from reelwright.api.context import app_of, aside
from reelwright.api.models import Model, Time
from reelwright.api.openapi import problems
from reelwright.app.models import prompts
from reelwright.app.principal import Principal

router = APIRouter(tags=["models"])

Name = Annotated[
    str,
    Path(
        pattern=r"^[a-z0-9][a-z0-9-]{0,63}(@[0-9]{1,9})?$",
        description="`describe` (its newest version) or `describe@1`.",
        examples=["describe"],
    ),
]
Who = Annotated[Principal, Depends(current_principal)]


class PromptBrief(Model):
    prompt: str = Field(examples=["describe@1"])
    name: str
    version: int
    description: str
    is_own: bool = Field(description="From the folder `models.prompts`.")


class ListedPrompt(PromptBrief):
    rating: float | None = Field(description="The mean of its ratings, 1 to 5.")
    ratings: int


class PromptList(Model):
    prompts: list[ListedPrompt]


class PromptInputs(Model):
    name: str
    type: str = Field(examples=["string"])
    description: str
    default: Any
    is_required: bool


class PromptDetails(PromptBrief):
    inputs: list[PromptInputs]
    schema_: dict[str, Any] | None = Field(
        alias="schema", description="JSON Schema of the answer; null: a text."
    )
    system: str
    user: str


class CallRating(Model):
    by: str
    rating: int
    note: str | None
    at: Time


class PromptCall(Model):
    id: str
    prompt: str | None
    kind: str
    provider: str
    model: str
    state: str = Field(examples=["done", "failed", "begun", "unsure", "lost"])
    is_cached: bool
    job_id: str | None
    asset_id: str | None
    inputs: dict[str, Any] | None
    response: Any
    error: dict[str, Any] | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    latency_s: float | None
    at: Time
    ratings: list[CallRating]


class PromptCalls(Model):
    calls: list[PromptCall] = Field(description="The newest first.")
    next: float | None = Field(description="`before` of the next page; null on the last.")


@router.get("/v1/prompts", response_model=PromptList)
async def list_prompts(request: Request, principal: Who) -> Response:
    """Every version of every prompt."""
    found = await aside(prompts.listing, app_of(request), principal)
    return bodies.answer({"prompts": found})


@router.get("/v1/prompts/{name}", response_model=PromptDetails, responses=problems(404))
async def get_prompt(request: Request, principal: Who, name: Name) -> Response:
    """Inputs, texts, and the form of the answer."""
    return bodies.answer(await aside(prompts.show, app_of(request), principal, name))


@router.get("/v1/prompts/{name}/calls", response_model=PromptCalls, responses=problems(404))
async def list_prompt_calls(
    request: Request,
    principal: Who,
    name: Name,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[float | None, Query(ge=0, le=1e11, description="Seconds since 1970.")] = None,
) -> Response:
    """What models were asked with it and what they answered: one's own, for admins everybody's."""
    found = await aside(
        prompts.calls, app_of(request), principal, name, limit=limit + 1, before=before
    )
    is_more = len(found) > limit
    page = found[:limit]
    return bodies.answer({"calls": page, "next": page[-1]["at"] if is_more else None})
