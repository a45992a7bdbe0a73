"""The peer of the API benchmarks: bare FastAPI endpoints that commit one row, and read one.

As the documentation of FastAPI and SQLAlchemy would have it written: a Pydantic body, `def`
endpoints in the thread pool, a pool of connections, as durable as ours is. Nothing else: no keys,
no limits, no events, no idempotency.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

metadata = sa.MetaData()
rows = sa.Table(
    "bare",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float(53), nullable=False),
)


class Operation(BaseModel):
    id: str
    op: str
    input: str
    start: str | None = None
    duration: str | None = None
    height: int | None = None


class Output(BaseModel):
    to: str
    # `from` is a word of Python's own.
    model_config = {"extra": "allow"}


class Spec(BaseModel):
    inputs: dict[str, str]
    operations: list[Operation]
    outputs: list[Output]


class Created(BaseModel):
    id: str
    state: str
    created_at: float


def _engine(url: str) -> sa.Engine:
    if url.startswith("sqlite"):
        engine = sa.create_engine(url, connect_args={"timeout": 15}, pool_size=20)

        def configure(connection: Any, _record: object) -> None:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")

        sa.event.listen(engine, "connect", configure)
        return engine
    return sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), pool_size=20)


def make() -> FastAPI:
    engine = _engine(os.environ["BARE_DATABASE"])
    metadata.create_all(engine)
    app = FastAPI()

    @app.post("/v1/jobs", status_code=202)
    def create(spec: Spec) -> Created:
        made = Created(id=secrets.token_hex(12), state="queued", created_at=time.time())
        with engine.begin() as connection:
            connection.execute(
                sa.insert(rows), {**made.model_dump(), "body": spec.model_dump_json()}
            )
        return made

    @app.get("/v1/jobs/{job_id}")
    def read(job_id: str) -> Created:
        with engine.connect() as connection:
            found = connection.execute(sa.select(rows).where(rows.c.id == job_id)).one_or_none()
        if found is None:
            raise HTTPException(404)
        json.loads(found.body)
        return Created(id=found.id, state=found.state, created_at=found.created_at)

    return app
