"""The step that puts a fetched video into the library: gathered here, kept by a callback of `app`.

What it hands back is committed in the transaction in which the step succeeds, behind its fence. A
kill before that leaves files that no row knows; the next try takes them over.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reelwright.engine import keys, outcome
from reelwright.engine.inputs import brought, damaged
from reelwright.engine.outcome import Made
from reelwright.planning.plan import Step
from reelwright.store import artifacts, jobs, steps
from reelwright.store.blobs import Blobs, Pins
from reelwright.store.database import Tx
from reelwright.store.rows import ArtifactRow, Job, Outcome, StepRow
from reelwright.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """A file for the library, whole and in the blob store: link or copy it, never write to it.

    `role`: video, captions, thumbnail, info (what yt-dlp calls info JSON), description, comments,
    live_chat. `format` is its form without a dot (``mp4``, ``vtt``, ``jpg``). `language` and `kind`
    (``human``, ``auto``) are those of captions.
    """

    role: str
    path: Path
    sha256: str
    size_bytes: int
    format: str
    language: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepOrder:
    """What is to be kept, and for whom. There is always one file of the role ``video``.

    `url` is what was asked for, `info` a `tools.ytdlp.info.VideoInfo` as JSON, `media` the video
    file's `MediaInfo` as JSON, `origin` what its server said of it: ``final_url``, ``etag``,
    ``last_modified`` (None where it said nothing). `options` are the parameters of the `keep`
    operation, `item` says which video of the page it is. `attempt` tells the tries of a step apart.
    """

    job_id: str
    step_id: str
    attempt: int
    owner: str | None
    url: str
    files: tuple[KeptFile, ...]
    info: Mapping[str, Any]
    media: Mapping[str, Any]
    origin: Mapping[str, Any] = field(default_factory=dict)
    item: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)

    def of(self, role: str) -> tuple[KeptFile, ...]:
        return tuple(file for file in self.files if file.role == role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """`result` is JSON, the step's result (``{"asset": id, "folder": …}``). `commit` writes the
    rows, in the transaction in which the step succeeds; it may be called again in another one."""

    result: Mapping[str, Any]
    commit: Callable[[Tx], None]


# Raises ReelError: DISK_FULL, PERMISSION_DENIED, …
KeepVideo = Callable[[KeepOrder], Awaitable[Kept]]


def order_of(store: Store, blobs: Blobs, row: StepRow, pins: Pins) -> KeepOrder:
    """What the step `row` is to keep; its files stay until `pins` is released. Blocking. Raises
    ARTIFACT_DAMAGED, ARTIFACTS_UNAVAILABLE."""
    step = Step.from_json(row.payload)
    with store.read() as tx:
        job = jobs.get(tx, row.job_id)
        rows = steps.by_keys(tx, row.job_id, {item.step for item in step.inputs if item.step})
        found = artifacts.outcomes_of(tx, {made.identity for made in rows.values()})
    files: list[KeptFile] = []
    results: dict[str, Mapping[str, Any]] = {}
    number = 1
    for item in step.inputs:
        made = rows[item.step or ""]
        node = step.payload["nodes"][item.name]
        result: Mapping[str, Any] = (made.result or {}).get(node, {})
        results.setdefault(result.get("role", item.name), result)
        if result.get("role") == "video":
            number = int(made.payload["payload"].get("item", 1))
        rows_ = _rows(made, item.output or "", result, found)
        said = result.get("files", ())
        files += [
            _file(brought(blobs, one, made, item.output or "", pins), one, told)
            for one, told in zip(rows_, said, strict=True)
        ]
    # What the site says goes into `info`: its file is for outputs of a spec.
    files = [file for file in files if file.role != "metadata"]
    return replace(_order(row, job, step, files, results), item=number)


def _order(
    row: StepRow,
    job: Job,
    step: Step,
    files: list[KeptFile],
    results: Mapping[str, Mapping[str, Any]],
) -> KeepOrder:
    video = results["video"]
    origin = {name: video.get(name) for name in ("final_url", "etag", "last_modified")}
    return KeepOrder(
        job_id=row.job_id,
        step_id=row.id,
        attempt=row.attempt,
        owner=job.owner,
        url=video["url"],
        files=tuple(files),
        info=results.get("metadata", video)["info"],
        media=video["media"],
        origin=origin,
        options=step.payload.get("options", {}),
    )


def _rows(
    made: StepRow, output: str, result: Mapping[str, Any], found: Mapping[str, Outcome]
) -> tuple[ArtifactRow, ...]:
    """What `output` of the step `made` holds: several files, or none, where they are captions."""
    outcome_ = found.get(made.identity)
    key = keys.output_key(made.payload, output)
    if outcome_ is None or key not in outcome_.outputs:
        raise damaged(made, output)
    rows = outcome_.files(key)
    if len(rows) != outcome_.outputs[key] or len(result.get("files", ())) != len(rows):
        raise damaged(made, output)
    return rows


def _file(path: Path, file: ArtifactRow, told: Mapping[str, Any]) -> KeptFile:
    return KeptFile(
        role=told["role"],
        path=path,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        format=told["format"],
        language=told.get("language"),
        kind=told.get("kind"),
    )


def succeed(tx: Tx, step: StepRow, kept: Kept) -> None:
    """The step succeeded and what it kept is known, both or neither. Raises LEASE_LOST."""
    payload: Mapping[str, Any] = step.payload["payload"]
    outcome.succeed(tx, step, Made(results={payload["node"]: dict(kept.result)}))
    kept.commit(tx)
