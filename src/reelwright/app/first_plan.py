"""The plan of a job that came in without one, made by a worker: inputs, plan, folders, places."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from reelwright.app import access, destinations
from reelwright.app.plan import Planned, compiled
from reelwright.app.request import Kept, Request, kept_inputs, parse
from reelwright.errors import Problem, ReelError, SpecErrors
from reelwright.spec.inputs import asset_ref, upload_ids

if TYPE_CHECKING:
    from reelwright.app.inputs import Found
    from reelwright.app.wiring import App
    from reelwright.engine.expansion import Prepared
    from reelwright.spec.model import InputSpec, JobSpec
    from reelwright.store.rows import Job


async def prepare_job(app: App, job_id: str) -> Prepared:
    """For the engine. Raises what `plan_job` raises."""
    from reelwright.engine.expansion import Prepared

    planned = await plan_job(app, job_id)
    return Prepared(planned.plan, planned.kept.to_json())


async def plan_job(app: App, job_id: str) -> Planned:
    """Raises SpecErrors (all that is wrong), JOB_UNKNOWN, TOOL_MISSING, STORE_*.

    Commands are started from the event loop's thread; what takes the processor is not done there.
    """
    from reelwright.planning.bind import bind
    from reelwright.store import jobs

    with app.store.read() as tx:
        job = jobs.get(tx, job_id)
    kept = Kept.from_json(job.spec)
    base = Path(job.base)
    spec = await asyncio.to_thread(parse, kept, base)
    access.check_spec(spec, kept.folders, base)
    used = bind(spec).inputs
    inputs = {name: spec.inputs[name] for name in used}
    arrived = await asyncio.to_thread(_arrived, app, job, inputs)
    found = await _find(app, job, kept, inputs, arrived)
    brought = list(arrived.values())
    return await asyncio.to_thread(_plan, app, job, spec, kept, found, brought)


async def _find(
    app: App, job: Job, kept: Kept, inputs: Mapping[str, InputSpec], arrived: Mapping[str, Path]
) -> Found:
    from reelwright.app.inputs import find_inputs

    await asyncio.to_thread(access.check_globs, inputs, kept.folders, Path(job.base))
    return await find_inputs(app, inputs, arrived.__getitem__, job.owner)


def _plan(
    app: App, job: Job, spec: JobSpec, kept: Kept, found: Found, brought: list[Path]
) -> Planned:
    from reelwright.app.machine import kept_of
    from reelwright.app.replan import apart
    from reelwright.planning.facts import Facts

    base = Path(job.base)
    facts = Facts(media=found.media, uris=found.uris, job=kept.own)
    machine = app.machine
    kept = replace(kept, inputs=kept_inputs(found), machine=kept_of(machine))
    request = Request(
        text=kept.text,
        base=base,
        variables=kept.variables,
        overwrite=job.overwrite,
        allow_outside=kept.allow_outside,
    )
    planned = compiled(app, request, spec, facts, apart(machine, kept.nonce), kept)
    fetched = [uri for name in found.uris for uri in _brought(spec, found, name)]
    access.check_plan(planned.plan, kept.folders, base, [*brought, *fetched])
    destinations.refuse(app, planned)
    return planned


def _brought(spec: JobSpec, found: Found, name: str) -> tuple[str, ...]:
    """The files that an address of the web or of an object store was fetched into, or that are the
    owner's in the library."""
    uri = spec.inputs[name].uri
    if "://" not in uri and asset_ref(uri) is None:
        return ()
    uris = found.uris[name]
    return uris if isinstance(uris, tuple) else (uris,)


def _arrived(app: App, job: Job, inputs: Mapping[str, InputSpec]) -> dict[str, Path]:
    """The files of uploads, by id. Raises SpecErrors with UPLOAD_UNKNOWN, UPLOAD_UNFINISHED."""
    found: dict[str, Path] = {}
    problems: list[Problem] = []
    for name, entry in inputs.items():
        try:
            found |= {upload_id: _keep(app, job, upload_id) for upload_id in upload_ids(entry.uri)}
        except ReelError as error:
            problems.append(replace(error.problem, where=f"inputs.{name}"))
    if problems:
        raise SpecErrors(problems)
    return found


def _keep(app: App, job: Job, upload_id: str) -> Path:
    """A second name for the upload, by its content: it may expire while the job needs it.

    Raises UPLOAD_UNKNOWN, UPLOAD_UNFINISHED, and what a full disk says.
    """
    from reelwright.app.remote import folder
    from reelwright.app.wiring import make_folder
    from reelwright.store import expiry
    from reelwright.store.blobs import refused

    with app.store.read() as tx:
        upload = expiry.upload(tx, upload_id, job.owner)
    suffix = PurePosixPath(upload.name).suffix[:10]
    target = folder(app) / f"{upload.sha256}{suffix}"
    make_folder(folder(app))
    source = app.home / "uploads" / upload_id
    try:
        if not target.exists():
            _link(source, target)
    except FileNotFoundError as error:
        raise expiry.unknown(upload_id) from error
    except OSError as error:
        raise refused(error, target) from error
    return target


def _link(source: Path, target: Path) -> None:
    """Whole or not at all, even where the file system knows no links."""
    partial = target.with_name(f".{target.name}.{os.urandom(6).hex()}")
    try:
        try:
            partial.hardlink_to(source)
        except FileNotFoundError:
            raise
        except OSError:
            shutil.copyfile(source, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
