"""What a service would do with a spec, what it finds in a file, which operators it has."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from reelwright.app.handover import Handover, check_places, hand_over
from reelwright.app.operators import Described, Taken
from reelwright.app.remembered import Remembered
from reelwright.app.request import Request
from reelwright.cli.choice import Target
from reelwright.cli.remote.session import ask, be_patient
from reelwright.cli.remote.transfers import Transfers, first_of
from reelwright.client import models
from reelwright.client.asynchronous.client import AsyncClient
from reelwright.client.files import sha256_of
from reelwright.media.info import MediaInfo
from reelwright.planning.plan import Delivery, Estimate, Plan, Step, StepInput, StepKind, StepOutput


def plan(target: Target, request: Request, *, as_json: bool, home: Path | None = None) -> Any:
    """As `app.plan.to_json`, with the files of this machine named as they are named here.

    With `home` it is a dry run: outputs are looked at, too. Raises SpecErrors and the like.
    """

    async def read(client: AsyncClient) -> dict[str, Any]:
        handed = await asyncio.to_thread(hand_over, request)
        if home is not None:
            held = Remembered(home).digests(handed.places.to)
            await asyncio.to_thread(check_places, request, handed, held)
        sent = await _uploaded(client, handed.uploads, as_json=as_json)
        planned = await client.plan_job(handed.text(sent), use_cache=request.use_cache)
        # An upload is a file of its id there, or of its digest.
        files = {upload_id: path for path, upload_id in sent.items()}
        files |= {await asyncio.to_thread(sha256_of, path): path for path in handed.uploads}
        return _as_here(planned.model_dump(), handed, files)

    return ask(target, read)


def probe(target: Target, file: Path, *, as_json: bool) -> MediaInfo:
    from reelwright.app.inputs import existing

    path = existing(file.absolute())

    async def read(client: AsyncClient) -> MediaInfo:
        sent = await _uploaded(client, [path], as_json=as_json)
        found = await client.probe_file({"path": f"upload:{sent[path]}"})
        return MediaInfo.from_json(found.model_dump())

    return ask(target, read)


def operators(target: Target) -> list[tuple[str, str]]:
    """Name and summary of each."""

    async def read(client: AsyncClient) -> list[tuple[str, str]]:
        return [(o.name, o.summary) for o in (await client.list_operators()).operators]

    return ask(target, read)


def operator(target: Target, name: str) -> Described:
    async def read(client: AsyncClient) -> Described:
        return _described(await client.get_operator(name))

    return ask(target, read)


def plan_of(body: Mapping[str, Any]) -> Plan:
    """What is explained of a plan; filter graphs and what is expected of outputs stay there."""
    return Plan(
        revision=body["revision"],
        steps=tuple(map(_step, body["steps"])),
        deliveries=tuple(Delivery(**delivery) for delivery in body["outputs"]),
        warnings=tuple(body["warnings"]),
        unresolved={name: tuple(nodes) for name, nodes in body["unresolved"].items()},
    )


async def _uploaded(
    client: AsyncClient, paths: Iterable[Path], *, as_json: bool
) -> dict[Path, str]:
    await client.get_health()
    be_patient(client)
    try:
        return await Transfers(client, as_json=as_json).upload(paths)
    except BaseExceptionGroup as group:
        raise first_of(group) from None


def _as_here(body: dict[str, Any], handed: Handover, files: Mapping[str, Path]) -> dict[str, Any]:
    for delivery in body["outputs"]:
        if handed.places.is_local(delivery["index"]):
            delivery["to"] = handed.places.template(delivery["index"], delivery["to"])
    for step in body["steps"]:
        for entry in step["inputs"]:
            known = files.get(Path(entry["uri"] or "").stem)
            if known is not None:
                entry["uri"] = str(known)
    return body


def _step(body: Mapping[str, Any]) -> Step:
    estimate = body["estimate"]
    return Step(
        id=body["id"],
        kind=StepKind(body["kind"]),
        identity=body["identity"],
        operations=tuple(body["operations"]),
        inputs=tuple(StepInput(**entry) for entry in body["inputs"]),
        commands=tuple(map(tuple, body["argv"])),
        outputs=tuple(StepOutput(**entry) for entry in body["outputs"]),
        because=tuple(body["because"]),
        needs=tuple(body["needs"]),
        estimate=Estimate(**{**estimate, "wall_seconds": tuple(estimate["wall_seconds"])}),
    )


def _described(found: models.Operator) -> Described:
    body = found.model_dump(by_alias=True)
    taken = {key: tuple(Taken(**t) for t in body[key]) for key in ("ports", "parameters")}
    return Described(**{**body, **taken})
