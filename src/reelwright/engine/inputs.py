"""The real files behind a step's inputs, and the proof that they are what was planned."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from reelwright.engine import keys
from reelwright.errors import Code, Problem, ReelError
from reelwright.planning.plan import Step, StepInput
from reelwright.store import artifacts, probes, steps
from reelwright.store.blobs import Blob, Blobs, Pins
from reelwright.store.rows import ArtifactRow, Outcome, StepRow
from reelwright.store.shared_blobs import SharedBlobs
from reelwright.store.store import Store

_Stamp = tuple[int, int, int]
# Among the texts of the shared store: what is wrong with inputs, by the digest that was planned.
TOLD_FOLDER = "inputs"


@dataclass(frozen=True, slots=True)
class Gathered:
    """`stamps` are size, mtime and inode of the job's own inputs before the step read them."""

    paths: Mapping[str, Path]
    results: Mapping[str, Any]
    stamps: Mapping[Path, _Stamp] = field(default_factory=dict)


class Inputs:
    """Finds and checks what a step reads."""

    def __init__(self, store: Store, blobs: Blobs) -> None:
        self._store = store
        self._blobs = blobs

    def gather(self, job_id: str, step: Step, pins: Pins) -> Gathered:
        """Blocking. What it brings stays until `pins` is released. Raises INPUT_NOT_FOUND,
        INPUT_CHANGED, INPUT_UNREADABLE, ARTIFACT_DAMAGED, ARTIFACTS_UNAVAILABLE, DISK_FULL."""
        sources = {item.step for item in step.inputs if item.step} | set(step.needs)
        if not step.inputs and not sources:
            return Gathered({}, {})
        with self._store.read() as tx:
            rows = steps.by_keys(tx, job_id, sources)
            made = {rows[item.step].identity for item in step.inputs if item.step}
            found = artifacts.outcomes_of(tx, made)
        paths: dict[str, Path] = {}
        stamps: dict[Path, _Stamp] = {}
        for item in step.inputs:
            if item.step is not None:
                paths[item.name] = self._made(item, rows[item.step], found, pins)
            else:
                path, before = self._own(item, pins)
                if before is not None:
                    stamps[path] = before
                paths[item.name] = path
        results: dict[str, Any] = {}
        for need in step.needs:
            results |= rows[need].result or {}
        return Gathered(paths, results, stamps)

    def check_unchanged(self, gathered: Gathered) -> None:
        """After the step: nobody wrote to its inputs meanwhile. Raises INPUT_CHANGED."""
        for path, before in gathered.stamps.items():
            if stamp(path) != before:
                raise _changed(path)

    def _made(
        self, item: StepInput, row: StepRow, found: Mapping[str, Outcome], pins: Pins
    ) -> Path:
        outcome = found.get(row.identity)
        key = keys.output_key(row.payload, item.output or "")
        files = outcome.files(key) if outcome else ()
        if len(files) != 1:
            raise damaged(row, item.output or "")
        return brought(self._blobs, files[0], row, item.output or "", pins)

    def _own(self, item: StepInput, pins: Pins) -> tuple[Path, _Stamp | None]:
        """A file of the job's own, where it lies; on another machine, what was put into the shared
        store of it (then there is no stamp: nobody writes to that)."""
        path = local_path(item.uri or "")
        try:
            before = stamp(path)
            self._check_digest(path, item)
        except ReelError:
            staged = self._staged(item, pins)
            if staged is None:
                raise
            return staged, None
        return path, before

    def _staged(self, item: StepInput, pins: Pins) -> Path | None:
        if item.sha256 is None or not isinstance(self._blobs, SharedBlobs):
            return None
        found = self._blobs.bring_any(item.sha256, pins=pins)
        if found is None:
            _check_told(self._blobs, item.sha256)
        return found

    def _check_digest(self, path: Path, item: StepInput) -> None:
        """The plan was made for this content; a stat says so where the file was read before."""
        try:
            if item.sha256 is not None and probes.digest(self._store, path) != item.sha256:
                raise _changed(path)
        except OSError as error:
            raise ReelError(Code.INPUT_UNREADABLE, str(error), where=str(path)) from error


def tell_missing(blobs: SharedBlobs, sha256: str, problem: Problem) -> None:
    """Says to the nodes why an input is not put into the shared store."""
    blobs.shared.put_text(_told(sha256), json.dumps(problem.to_json()).encode())


def _check_told(blobs: SharedBlobs, sha256: str) -> None:
    """Raises what the machine that has the input found wrong with it."""
    text = blobs.shared.get_text(_told(sha256))
    if text:
        problem = Problem.from_json(json.loads(text))
        raise ReelError(problem.code, problem.message, where=problem.where, hint=problem.hint)


def _told(sha256: str) -> str:
    return f"{TOLD_FOLDER}/{sha256}"


def blob_of(file: ArtifactRow) -> Blob:
    return Blob(file.sha256, file.size_bytes, file.mtime_ns, int(file.inode))


def brought(blobs: Blobs, file: ArtifactRow, row: StepRow, output: str, pins: Pins) -> Path:
    """The file of an artifact, to be read until `pins` is released. Blocking. Raises
    ARTIFACT_DAMAGED, ARTIFACTS_UNAVAILABLE, DISK_FULL."""
    try:
        known = (file.mtime_ns, int(file.inode))
        return blobs.bring(file.sha256, file.size_bytes, known, pins=pins)
    except ReelError as error:
        if error.code is Code.ARTIFACT_DAMAGED:
            raise damaged(row, output) from error
        raise


def damaged(row: StepRow, output: str) -> ReelError:
    return ReelError(
        Code.ARTIFACT_DAMAGED,
        f"{output} of step {row.key} is no longer what was stored",
        where=row.key,
        evidence={"identity": row.identity, "output": output},
    )


def local_path(uri: str) -> Path:
    """The file behind an absolute path or a ``file:`` URI. Raises INPUT_SCHEME."""
    if uri.startswith("/"):
        return Path(uri)
    parts = urlsplit(uri)
    if parts.scheme != "file":
        raise ReelError(Code.INPUT_SCHEME, f"{uri} has to be fetched first", where=uri)
    return Path(unquote(parts.path))


def stamp(path: Path) -> _Stamp:
    """Raises INPUT_NOT_FOUND, INPUT_UNREADABLE."""
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise ReelError(Code.INPUT_NOT_FOUND, f"no file {path}", where=str(path)) from error
    except OSError as error:
        raise ReelError(Code.INPUT_UNREADABLE, str(error), where=str(path)) from error
    return found.st_size, found.st_mtime_ns, found.st_ino


def _changed(path: Path) -> ReelError:
    return ReelError(Code.INPUT_CHANGED, f"{path} is not what it was", where=str(path))
