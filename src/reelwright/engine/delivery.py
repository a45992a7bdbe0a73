"""Puts the outputs of a job where they were asked for: whole or not at all, each once."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from reelwright.engine import events, keys
from reelwright.engine.folders import EVERYWHERE, entered, is_url, is_within, outside
from reelwright.engine.inputs import blob_of, brought, damaged, local_path
from reelwright.engine.threads import in_thread, stopping
from reelwright.errors import Code, ReelError
from reelwright.media.digest import sha256_file
from reelwright.planning.names import in_language, nth
from reelwright.planning.plan import Delivery
from reelwright.store import artifacts, attempts, jobs, steps
from reelwright.store.blobs import Blobs, Pins, unfinished
from reelwright.store.database import Tx
from reelwright.store.rows import ArtifactRow, Delivered, Job, Outcome, StepRow
from reelwright.store.store import Store

# (file, URI, whether an object that exists may be replaced). Raises OUTPUT_EXISTS, NETWORK_*.
DeliverRemote = Callable[[Path, str, bool], Awaitable[None]]

# So many files share a commit: stills come by the thousand, and a commit waits for the disk.
_BATCH = 32
_TOLD = ("path", "sha256", "size_bytes", "output")
# Where a job may write to; None: wherever the user who runs it may.
_Folders = tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One file on its way. `to` is an absolute path or a URI; `step` made it as `name`."""

    output: int
    position: int
    to: str
    file: ArtifactRow
    step: StepRow
    name: str
    may_replace: bool = False

    @property
    def is_remote(self) -> bool:
        return is_url(self.to)

    def row(self) -> Delivered:
        return Delivered(
            self.to, self.file.sha256, self.file.size_bytes, self.output, self.position
        )


class Delivering:
    """Runs the last step of a job."""

    def __init__(self, store: Store, blobs: Blobs, remote: DeliverRemote | None) -> None:
        self._store = store
        self._blobs = blobs
        self._remote = remote

    async def run(self, step: StepRow) -> None:
        """Files get their rows when they stand under their names; a crash repeats the last few.

        Raises OUTPUT_EXISTS and FOLDER_REFUSED before anything is written; ARTIFACT_DAMAGED,
        OUTPUT_DUPLICATE, OUTPUT_PATH, DISK_FULL, PERMISSION_DENIED, LEASE_LOST.
        """
        with self._store.read() as tx:
            job = jobs.get(tx, step.job_id)
            before = {file.path: file.sha256 for file in jobs.delivered(tx, step.job_id)}
            wanted = list(self._wanted(tx, job))
        await in_thread(self._check_there, wanted)
        _refuse_duplicates(wanted)
        _refuse_outside(wanted, _folders(job))
        wanted = [w for w in wanted if not await self._stands(w, before)]
        if job.overwrite:
            wanted = [replace(w, may_replace=True) for w in wanted]
        else:
            wanted = [await self._checked(w) for w in wanted]
        for start in range(0, len(wanted), _BATCH):
            await self._deliver(step, job, wanted[start : start + _BATCH])

    def _wanted(self, tx: Tx, job: Job) -> Iterator[_Wanted]:
        asked = [Delivery(**body) for body in job.plan["deliveries"]]
        rows = steps.by_keys(tx, job.id, {delivery.step for delivery in asked})
        found = artifacts.outcomes_of(tx, {row.identity for row in rows.values()})
        for delivery in asked:
            row = rows[delivery.step]
            languages = _languages(row, delivery.output)
            for position, file in enumerate(self._files(row, delivery, found)):
                to = place(delivery, position)
                if position < len(languages):
                    to = in_language(to, languages[position])
                index = (delivery.first or 1) + position
                yield _Wanted(delivery.index, index, to, file, row, delivery.output)

    def _files(
        self, row: StepRow, delivery: Delivery, found: Mapping[str, Outcome]
    ) -> tuple[ArtifactRow, ...]:
        outcome = found.get(row.identity)
        key = keys.output_key(row.payload, delivery.output)
        if outcome is None or key not in outcome.outputs:
            raise damaged(row, delivery.output)
        return outcome.files(key)

    def _check_there(self, wanted: list[_Wanted]) -> None:
        """Before anything is written. Raises ARTIFACT_DAMAGED, ARTIFACTS_UNAVAILABLE."""
        found = self._blobs.check_all([blob_of(item.file) for item in wanted])
        for item, is_whole in zip(wanted, found, strict=True):
            if not is_whole:
                raise damaged(item.step, item.name)

    async def _stands(self, item: _Wanted, before: Mapping[str, str]) -> bool:
        """Whether an earlier try at this job put it there already."""
        if before.get(item.to) != item.file.sha256:
            return False
        if item.is_remote:
            return True
        try:
            return local_path(item.to).stat().st_size == item.file.size_bytes
        except OSError:
            return False

    async def _checked(self, item: _Wanted) -> _Wanted:
        """What is the same already is fine, and what an earlier job made here may be replaced by a
        later one; a file of somebody else's is not touched."""
        if item.is_remote:
            return item
        path = local_path(item.to)
        if not path.exists() or await in_thread(self._is_same, path, item.file):
            return item
        if not await in_thread(self._is_ours, path, item.to):
            raise ReelError(Code.OUTPUT_EXISTS, f"{path} exists", where=str(path))
        return replace(item, may_replace=True)

    def _is_ours(self, path: Path, to: str) -> bool:
        with self._store.read() as tx:
            made = jobs.made_at(tx, to)
        return bool(made) and path.is_file() and sha256_file(path) in made

    def _is_same(self, path: Path, file: ArtifactRow) -> bool:
        found = path.stat()
        if not path.is_file() or found.st_size != file.size_bytes:
            return False
        with suppress(OSError):  # of a shared store it may not be here
            if os.path.samestat(found, self._blobs.path(file.sha256).stat()):
                return True
        return sha256_file(path) == file.sha256

    async def _deliver(self, step: StepRow, job: Job, batch: list[_Wanted]) -> None:
        for item in batch:
            with Pins() as pins:
                if item.is_remote:
                    await self._deliver_remote(job, item, pins)
                else:
                    work = (self._deliver_local, step, item, _folders(job), pins)
                    await stopping(pins, *work)
        self._store.transact(lambda tx: _note(tx, step, [item.row() for item in batch]))

    def _bring(self, item: _Wanted, pins: Pins) -> Path:
        return brought(self._blobs, item.file, item.step, item.name, pins)

    async def _deliver_remote(self, job: Job, item: _Wanted, pins: Pins) -> None:
        if self._remote is None:
            raise ReelError(Code.OUTPUT_PATH, f"nothing here can write to {item.to}", where=item.to)
        source = await stopping(pins, self._bring, item, pins)
        await self._remote(source, item.to, job.overwrite)

    def _deliver_local(self, step: StepRow, item: _Wanted, folders: _Folders, pins: Pins) -> None:
        self._bring(item, pins)
        path = local_path(item.to)
        if folders is None:
            self._put(step, item, path)
            return
        with entered(path, folders) as inside:
            try:
                self._put(step, item, inside)
            except ReelError as error:
                told = error.problem.message.replace(str(inside), str(path))
                raise ReelError(error.code, told, where=str(path)) from error

    def _put(self, step: StepRow, item: _Wanted, path: Path) -> None:
        """A try that lost its lease may still be at it: each has unfinished files of its own, takes
        away those of tries before it, and whoever is first gives the file its name."""
        for number in range(1, step.attempt):
            unfinished(path, _mark(step, number)).unlink(missing_ok=True)
        if path.exists() and self._is_same(path, item.file):
            return
        mark = _mark(step, step.attempt)
        try:
            self._blobs.deliver(item.file.sha256, path, overwrite=item.may_replace, mark=mark)
        except ReelError as error:
            if error.code is not Code.OUTPUT_EXISTS or not self._is_same(path, item.file):
                raise


def _folders(job: Job) -> _Folders:
    """Those that a service holds the job to; its own is one of them."""
    held = job.spec.get("folders")
    if held is None:
        return None
    named = (*held.get("write", ()), job.base)
    return None if EVERYWHERE in named else named


def _refuse_outside(wanted: list[_Wanted], folders: _Folders) -> None:
    """Links may have been put in the way since the job was handed in."""
    for item in wanted if folders is not None else ():
        place = item.to if item.is_remote else str(local_path(item.to))
        if not is_within(place, folders or ()):
            raise outside(place)


def _languages(row: StepRow, output: str) -> list[str]:
    """Of the captions that a fetch brought as `output`, in the order of its files."""
    nodes: Mapping[str, str] = row.payload["payload"].get("nodes", {})
    node = next((node for node, name in nodes.items() if name == output), None)
    said = (row.result or {}).get(node or "") or {}
    return [file["language"] for file in said.get("files", ()) if "language" in file]


def _mark(step: StepRow, number: int) -> str:
    return f"{step.job_id}-{number}"


def place(delivery: Delivery, position: int) -> str:
    """The path of file `position` (from 0), counted from `first`."""
    return nth(delivery.to, (delivery.first or 1) + position)


def _note(tx: Tx, step: StepRow, files: list[Delivered]) -> None:
    tx.lock_job(step.job_id)
    if not attempts.is_held(tx, step.id, step.attempt):
        raise ReelError(Code.LEASE_LOST, "another worker delivers", where=step.key)
    for file in files:
        jobs.add_delivery(tx, step.job_id, file)
    told = ({name: getattr(file, name) for name in _TOLD} for file in files)
    jobs.record(tx, step.job_id, *((events.DELIVERED, body) for body in told))


def _refuse_duplicates(wanted: list[_Wanted]) -> None:
    seen: set[str] = set()
    for item in wanted:
        if item.to in seen:
            raise ReelError(
                Code.OUTPUT_DUPLICATE,
                f"several files would be written to {item.to}",
                where=item.to,
                hint="put {index} into the path",
            )
        seen.add(item.to)
