"""Which job a request was last: an unchanged spec on unchanged inputs needs no planning again.

Parsing, probing and compiling are pure functions of what stands in the key and in the stamps, but
they cost 0.3 s of CPU, most of it for imports. A memory that is missing or stale costs nothing
but that.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import reelwright

if TYPE_CHECKING:
    from reelwright.app.plan import Planned
    from reelwright.app.request import Request
    from reelwright.app.wiring import App
    from reelwright.planning.plan import Plan
    from reelwright.store.rows import Job

_KEPT = 500


def key(app: App, request: Request) -> str:
    """Everything but the inputs that a plan depends on."""
    from reelwright.app.machine import cores

    limits = app.settings.limits
    said = [
        reelwright.__version__,
        _code_stamp(),
        app.tools.build_id,
        str(limits.cpus or cores()),
        str((limits.threads, limits.shards)),
        str(app.settings.database),
        str(request.base),
        request.text,
        sorted(request.variables.items()),
        request.allow_outside,
        request.priority,
        request.timeout_s,
        sorted(request.labels.items()),
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def remember(app: App, memo_key: str, job_id: str, planned: Planned) -> None:
    """After a job that succeeded with the first revision of its plan."""
    from reelwright.operators import BUILTIN

    if _is_from_afar(planned):
        return  # whether it still is the same, only its origin knows
    if any(step.kind.value in {"index", "task"} for step in planned.plan.steps):
        return  # what was indexed may be gone since, and other models may be configured
    inputs = planned.kept.inputs.values()
    if planned.kept.nonce is not None or any(_is_list(entry) for entry in inputs):
        return  # another file may come to match a glob
    if any(operation.op not in BUILTIN for operation in planned.spec.operations):
        return  # the code of others has no stamp
    files = {entry[0] for entry in inputs}
    links = {path for step in planned.plan.steps for path in step.links.values()}
    # The bundled font is part of the code, which has its stamp in the key.
    files |= {path for path in links if not path.startswith("@")}
    try:
        stamps = [[path, *_stamp(Path(path))] for path in sorted(files)]
        place = _folder(app) / memo_key
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_name(f".{memo_key}.{os.getpid()}")
        fresh.write_text(json.dumps({"job": job_id, "inputs": stamps}))
        fresh.replace(place)
        _forget_oldest(place.parent)
    except OSError:
        return  # it is only there to save time


def recall(app: App, memo_key: str) -> tuple[Job, Plan] | None:
    """The job and its plan, where every input still is what it was."""
    from reelwright.engine.submission import plan_of
    from reelwright.errors import Code, ReelError
    from reelwright.store import jobs, steps

    try:
        entry = json.loads((_folder(app) / memo_key).read_text())
        if any(list(_stamp(Path(path))) != stamp for path, *stamp in entry["inputs"]):
            return None
    except (OSError, ValueError, KeyError):
        return None
    with app.store.read() as tx:
        try:
            job = jobs.get(tx, entry["job"])
        except ReelError as error:
            if error.code is Code.JOB_UNKNOWN:
                return None
            raise
        return job, plan_of(job, steps.of_job(tx, job.id))


def _folder(app: App) -> Path:
    return app.home / "memo"


def _stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino


def _is_from_afar(planned: Planned) -> bool:
    if any(step.kind.value == "fetch" for step in planned.plan.steps):
        return True
    uris = [entry.uri for entry in planned.spec.inputs.values()]
    return any("://" in uri or uri.startswith("asset:") for uri in uris)


def _is_list(entry: Any) -> bool:
    return not entry or not isinstance(entry[0], str)


def _code_stamp() -> int:
    """When our own code last changed: while it is worked on, its version stays the same."""
    newest = 0
    for folder, folders, files in os.walk(Path(reelwright.__file__).parent):
        folders[:] = [f for f in folders if f not in {"__pycache__", "assets"}]
        for name in files:
            newest = max(newest, os.stat(os.path.join(folder, name)).st_mtime_ns)  # noqa: PTH116, PTH118 - hot
    return newest


def _forget_oldest(folder: Path) -> None:
    entries = list(os.scandir(folder))
    if len(entries) <= _KEPT:
        return
    for entry in sorted(entries, key=lambda e: e.stat().st_mtime_ns)[:-_KEPT]:
        Path(entry.path).unlink(missing_ok=True)
