"""What the API answers with, for the OpenAPI document and the clients that are made from it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1)]
State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
FinalState = Literal["succeeded", "failed", "cancelled"]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Time = Annotated[float, Field(description="Seconds since 1970.")]
ID_PATTERN = "^[0-9a-hjkmnp-tv-z]{17}$"
Id = Annotated[str, Field(pattern=ID_PATTERN, examples=["0k8v2b3c4d5e6f7g8"])]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Fault(BaseModel):
    """Why a job or a step failed."""

    code: str = Field(description="Stable; `GET /v1/errors` lists all.")
    message: str
    where: str | None = Field(description="A place in the spec, or a step.")
    hint: str
    evidence: dict[str, Any] | None = None


class Job(Model):
    id: Id
    state: State
    fraction: Fraction = Field(description="How much of it is done, by the estimates.")
    priority: int
    labels: dict[str, str]
    revision: int = Field(description="Of its plan; 0 until it is planned.")
    owner: str | None
    batch_id: str | None
    cancel_requested: bool
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    eta_seconds: float | None
    error: Fault | None


class Jobs(Model):
    jobs: list[Job] = Field(description="The newest first.")
    next: str | None = Field(description="`cursor` of the next page; null on the last.")


class DeletedJobs(Model):
    deleted: list[Id] = Field(description="Those that ended first come first.")
    more: bool = Field(description="There are others: ask again.")


class Step(Model):
    id: str
    kind: str
    state: str
    operations: list[str]
    attempt: int = Field(ge=0, description="How often it was begun.")
    fraction: Fraction
    cpu_seconds: float | None
    max_rss_bytes: int | None
    report: dict[str, Any] | None = Field(description="What it measured.")
    error: Fault | None


class Steps(Model):
    steps: list[Step]


class Health(Model):
    status: Literal["ok"]
    version: str = Field(description="Of the service.")


class Readiness(Model):
    status: Literal["ready"]
    disk_free_bytes: int = Field(ge=0)
    workers: int = Field(ge=0, description="That gave a sign of life lately.")


class ErrorCode(Model):
    code: str
    title: str
    status: int = Field(ge=400, le=599)
    kind: str
    retryable: bool
    hint: str


class ErrorCodes(Model):
    errors: list[ErrorCode]


class Artifact(Model):
    n: int = Field(ge=0, description="Its number in the job.")
    name: str
    path: str = Field(description="Where it was delivered to.")
    output: int = Field(ge=0, description="Which of the spec's outputs, counted from 0.")
    position: int = Field(ge=0, description="Which file of that output, counted from 0.")
    sha256: Sha256
    bytes: int = Field(ge=0)
    media_type: str
    url: str = Field(description="Where it can be downloaded.")


class Artifacts(Model):
    artifacts: list[Artifact]


class PlannedInput(Model):
    name: str
    uri: str | None
    step: str | None = Field(description="The step whose output this is.")
    output: str | None


class PlannedOutput(Model):
    name: str
    container: str | None


class Estimate(Model):
    cpu_seconds: float
    memory_bytes: int
    disk_bytes: int
    wall_seconds: list[float] = Field(description="From, to.")


class PlannedStep(Model):
    id: str
    kind: str
    operations: list[str]
    argv: list[list[str]] = Field(description="The commands.")
    because: list[str] = Field(description="Why it is copied, fused or encoded.")
    needs: list[str]
    inputs: list[PlannedInput]
    outputs: list[PlannedOutput]
    estimate: Estimate
    cached: bool = Field(description="Its result is there already.")
    identity: str


class Delivery(Model):
    to: str
    step: str
    output: str
    index: int


class Plan(Model):
    steps: list[PlannedStep]
    outputs: list[Delivery]
    warnings: list[str]
    unresolved: dict[str, list[str]] = Field(description="Step: what it waits to know.")
    revision: int = Field(ge=0)


class MediaInfo(BaseModel):
    """What is in a media file. Times and rates are exact fractions, as text."""

    sha256: Sha256
    size_bytes: int = Field(ge=0)
    demuxer: str
    format_names: list[str]
    start: str | None
    duration: str | None
    streams: list[dict[str, Any]]
    chapters: list[dict[str, Any]]
    damage: list[str]


class OperatorSummary(Model):
    name: str
    summary: str


class Operators(Model):
    operators: list[OperatorSummary]


class Taken(Model):
    name: str
    type: str
    about: str
    default: str | None = Field(description="As JSON; null where it is needed, `-` for none.")


class Operator(Model):
    name: str
    version: int
    summary: str
    ports: list[Taken]
    parameters: list[Taken]
    example: str
    schema_: dict[str, Any] = Field(alias="schema", description="JSON Schema of the parameters.")


class Counts(Model):
    queued: int = Field(ge=0)
    running: int = Field(ge=0)
    succeeded: int = Field(ge=0)
    failed: int = Field(ge=0)
    cancelled: int = Field(ge=0)


class Failure(Model):
    id: Id
    error: Fault | None


class Batch(Model):
    id: Id
    state: Literal["running", "finished"] = Field(description="finished: each job has ended.")
    size: int = Field(ge=1, description="The number of its jobs.")
    fraction: Fraction
    counts: Counts = Field(description="Its jobs by state.")
    labels: dict[str, str]
    owner: str | None
    created_at: Time
    jobs: list[Id] = Field(description="In the order in which they were asked for.")
    failures: list[Failure] = Field(description="The first hundred jobs that failed, and why.")


class Upload(Model):
    id: Id
    name: str = Field(description="The file's name at its client.")
    state: Literal["unfinished", "finished"]
    size_bytes: int = Field(ge=0)
    offset_bytes: int = Field(ge=0, description="So many are here.")
    sha256: Sha256 | None = Field(description="Of the whole file, once it is here.")
    owner: str | None
    created_at: Time
    expires_at: Time = Field(description="It is deleted then, unless a job needs it.")
    finished_at: Time | None


class UploadList(Model):
    uploads: list[Upload] = Field(description="The newest first.")
    next: str | None = Field(description="`cursor` of the next page; null on the last.")


class Worker(Model):
    id: str
    host: str
    pid: int
    role: Literal["worker", "api"] = Field(description="`api`: it answers, and runs no steps.")
    state: str
    drain: bool = Field(description="It was asked to leave.")
    alive: bool = Field(description="It gave a sign of life lately.")
    version: str
    cpus: float = Field(ge=0, description="Of its host, for steps; 0: it runs none.")
    memory_bytes: int = Field(ge=0)
    started_at: Time
    heartbeat_at: Time


class Workers(Model):
    workers: list[Worker]
