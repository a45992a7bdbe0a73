"""What the route of the cluster answers with."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from reelwright.api.models import Model, Time


class Head(Model):
    address: str | None = Field(description="host:port; null: that of the service's machine.")
    is_reachable: bool | None = Field(description="Something answers there now; null: not asked.")
    problem: str | None = Field(description="Why the dispatcher does not reach it.")
    since: Time | None = Field(description="So long it is reached, or is not.")


class Part(Model):
    name: str = Field(description="`head`, or `node-NAME`.")
    address: str = Field(description="The head's, host:port.")
    host: str = Field(description="Its own, as others reach it.")
    pid: int
    is_up: bool
    problem: str | None
    log: str = Field(description="What Ray said; a file of that machine.")
    since: Time


class Dispatcher(Model):
    id: str = Field(description="The worker that decides.")
    is_silent: bool = Field(description="It is gone, or has said nothing for long.")
    seen_at: Time


class Database(Model):
    url: str = Field(description="Without its password.")
    is_shared: bool = Field(description="A server, not a file of the service's machine.")


class ClusterArtifacts(Model):
    at: str | None = Field(description="The store that all nodes share.")
    is_reachable: bool | None
    problem: str | None


class Share(Model):
    used: float = Field(ge=0, description="By the steps that run there.")
    total: float = Field(ge=0)


class Room(Model):
    free: int = Field(ge=0)
    total: int = Field(ge=0)


class ClusterNode(Model):
    id: str
    name: str
    address: str
    state: Literal["starting", "active", "draining", "refused", "lost"]
    problem: str | None = Field(description="Why it was refused, or is in another state.")
    drain: bool = Field(description="It was asked to take nothing new.")
    steps: int = Field(ge=0, description="That run there.")
    cpus: Share
    memory_bytes: Share
    disk_bytes: Room
    gpus: int = Field(ge=0)
    labels: dict[str, str]
    versions: dict[str, str] = Field(description="Program: its version.")
    worker: str | None = Field(description="Who holds the leases of its steps.")
    joined_at: Time
    since: Time = Field(description="When its state became what it is.")
    seen_at: Time = Field(description="When the dispatcher last wrote of it.")


class Reason(Model):
    why: Literal["no_dispatcher", "no_node", "too_large", "later", "room"]
    text: str
    steps: int = Field(ge=1, description="That wait for it.")
    job: str = Field(description="Of the step that waits longest.")
    step: str
    longest_s: float = Field(ge=0)


class Waiting(Model):
    steps: int = Field(ge=0, description="That are ready and do not run.")
    reasons: list[Reason] = Field(description="Of the thousand that wait longest.")


class Cluster(Model):
    engine: Literal["local", "ray"]
    head: Head
    here: list[Part] = Field(description="What `reel cluster` runs on the service's machine.")
    dispatcher: Dispatcher | None = Field(description="Null: none has used a cluster yet.")
    database: Database
    artifacts: ClusterArtifacts
    nodes: list[ClusterNode] = Field(description="The oldest first; lost ones for an hour.")
    models: list[dict[str, Any]] = Field(description="That actors hold.")
    waiting: Waiting
