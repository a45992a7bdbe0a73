"""The next revision of a job's plan, in whatever process the results arrive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.media.info import MediaInfo
    from reelwright.planning.plan import Machine, Plan
    from reelwright.store.database import Tx


def replan(app: App, job_id: str, results: Mapping[str, Any]) -> Plan:
    """Raises SpecErrors where the results show that the spec cannot work, INPUT_CHANGED."""
    from reelwright.app.machine import as_kept
    from reelwright.app.request import Kept, parse
    from reelwright.engine.submission import plan_of
    from reelwright.planning.compiler import expand
    from reelwright.planning.facts import Facts
    from reelwright.store import jobs, steps

    with app.store.read() as tx:
        job = jobs.get(tx, job_id)
        plan = plan_of(job, steps.of_job(tx, job_id))
        kept = Kept.from_json(job.spec)
        media = {name: _media(tx, app.prober, entry) for name, entry in kept.inputs.items()}
    facts = Facts(
        media=media,
        uris={name: _uris(entry) for name, entry in kept.inputs.items()},
        results=results,
        have=frozenset(kept.have),
        job=kept.own,
    )
    spec = parse(kept, Path(job.base))
    machine = as_kept(app.machine, kept.machine)
    return expand(plan, spec, facts, apart(machine, kept.nonce))


def apart(machine: Machine, nonce: str | None) -> Machine:
    """A machine whose steps share no identity with any other's, where a job wants that."""
    if nonce is None:
        return machine
    return replace(machine, tools={**machine.tools, "apart": nonce})


def _media(tx: Tx, prober: str, entry: Any) -> MediaInfo | tuple[MediaInfo, ...]:
    if entry and isinstance(entry[0], str):
        return _info(tx, prober, *entry)
    return tuple(_info(tx, prober, *one) for one in entry)


def _info(tx: Tx, prober: str, uri: str, sha256: str) -> MediaInfo:
    from reelwright.media.info import MediaInfo
    from reelwright.store import probes

    known = probes.get(tx, sha256, prober)
    if known is None:
        raise ReelError(
            Code.INPUT_CHANGED,
            f"what was found in {uri} is no longer known: the tools changed since",
            where=uri,
            hint="run the spec again",
        )
    return MediaInfo.from_json(known)


def _uris(entry: Any) -> str | tuple[str, ...]:
    if entry and isinstance(entry[0], str):
        return str(entry[0])
    return tuple(str(uri) for uri, _ in entry)
