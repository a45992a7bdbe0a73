"""From a spec's inputs to facts: globs expanded, objects brought, files hashed and probed."""

from __future__ import annotations

import asyncio
import glob
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.app.probe import probe_file
from reelwright.errors import Code, Problem, ReelError, SpecErrors

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.media.info import MediaInfo
    from reelwright.spec.model import InputSpec

Uploads = Callable[[str], Path]


@dataclass(frozen=True, slots=True)
class Found:
    """The inputs of a job by name; a glob's stand as a tuple, in the order of their names."""

    media: Mapping[str, MediaInfo | tuple[MediaInfo, ...]] = field(default_factory=dict)
    uris: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)


async def find_inputs(
    app: App,
    inputs: Mapping[str, InputSpec],
    uploads: Uploads | None = None,
    owner: str | None = None,
) -> Found:
    """`uploads` gives the file of an upload by its id; None: here are none. `owner`: whose assets
    may be named; None: everybody's.

    Raises SpecErrors with everything that is wrong with any of them.
    """
    gate = asyncio.Semaphore(app.settings.probe.at_once)
    problems: list[Problem] = []

    async def one(entry: InputSpec) -> tuple[tuple[Path, ...], tuple[MediaInfo, ...]]:
        try:
            files = await _files(app, entry, uploads, owner)
        except ReelError as error:
            problems.append(replace(error.problem, where=f"inputs.{entry.name}"))
            return (), ()
        infos: list[MediaInfo] = []
        for path in files:
            async with gate:
                try:
                    infos.append(await probe_file(app, path))
                except ReelError as error:
                    problems.append(replace(error.problem, where=f"inputs.{entry.name}"))
        return files, tuple(infos)

    answers = await asyncio.gather(*(one(entry) for entry in inputs.values()))
    if problems:
        order = {f"inputs.{name}": i for i, name in enumerate(inputs)}
        raise SpecErrors(sorted(problems, key=lambda p: order[str(p.where)]))
    media: dict[str, MediaInfo | tuple[MediaInfo, ...]] = {}
    uris: dict[str, str | tuple[str, ...]] = {}
    for entry, (files, infos) in zip(inputs.values(), answers, strict=True):
        media[entry.name] = infos if entry.is_glob else infos[0]
        names = tuple(str(path) for path in files)
        uris[entry.name] = names if entry.is_glob else names[0]
    return Found(media, uris)


async def _files(
    app: App, entry: InputSpec, uploads: Uploads | None, owner: str | None
) -> tuple[Path, ...]:
    from reelwright.spec.inputs import asset_ref, upload_ids

    ref = asset_ref(entry.uri)
    if ref is not None:
        from reelwright.app.library.taking_out import file_of

        return (await asyncio.to_thread(file_of, app, ref, owner),)

    ids = upload_ids(entry.uri)
    if ids and uploads is not None:
        return tuple([await asyncio.to_thread(uploads, upload_id) for upload_id in ids])
    if "://" in entry.uri:
        from reelwright.app.remote import bring

        return await bring(app, entry)
    return local_files(entry)


def local_files(entry: InputSpec) -> tuple[Path, ...]:
    """Of an input that is no address. Raises INPUT_NOT_FOUND, UPLOAD_UNKNOWN."""
    from reelwright.spec.inputs import upload_ids

    if upload_ids(entry.uri):
        raise ReelError(
            Code.UPLOAD_UNKNOWN,
            f"{entry.uri} is on a server; here are none",
            hint="give the path of the file, or send the spec to that server: `--server URL`",
        )
    if entry.is_glob:
        return tuple(_matches(entry.uri))
    return (existing(Path(entry.uri)),)


def existing(path: Path) -> Path:
    """Raises INPUT_NOT_FOUND, with the nearest name of a file in the folder."""
    try:
        if path.exists():
            return path
    except OSError as error:  # no file system has names of that length
        message = f"{str(path)[:200]}… is not there: {error.strerror}"
        raise ReelError(Code.INPUT_NOT_FOUND, message, where=str(path)[:200]) from error
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if folder != path.parent:
        message = f"{path} is not there: there is no folder {path.parent}"
        raise ReelError(Code.INPUT_NOT_FOUND, message, where=str(path))
    from reelwright.graph.params.nearest import meant

    near = meant(path.name, _names(folder))
    raise ReelError(
        Code.INPUT_NOT_FOUND,
        f"{path} is not there{f', {near}' if near else ''}",
        where=str(path),
    )


def _names(folder: Path) -> Sequence[str]:
    try:
        return sorted(entry.name for entry in folder.iterdir())[:2000]
    except OSError:
        return ()


def _matches(pattern: str) -> list[Path]:
    found = [Path(name) for name in glob.glob(pattern, recursive=True)]  # noqa: PTH207 - absolute
    files = sorted(path for path in found if path.is_file())
    if not files:
        raise ReelError(Code.INPUT_NOT_FOUND, f"no file matches {pattern}", where=pattern)
    return files
