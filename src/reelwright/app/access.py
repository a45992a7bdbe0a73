"""Which files and objects a spec may read and write: those in the folders of whoever sent it.

`folders` are `Principal.folders`: absolute folders, or URLs like ``s3://bucket/prefix``, under
``read`` and ``write``; None, and ``/``, allow what the user who runs the process may do. `own` is
the job's own folder, where relative paths lead. `brought` are paths that the service itself has put
there for the job: uploads and downloads.

A path counts for what it really is, links and ``..`` followed. What may be fetched from the web is
not asked here but where it is connected to (`tools.download.addresses`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import unquote, urlsplit

from reelwright.errors import Code, Problem, ReelError, SpecErrors

if TYPE_CHECKING:
    from pydantic import BaseModel

    from reelwright.planning.plan import Plan
    from reelwright.spec.model import InputSpec, JobSpec, OperationSpec

Folders = Mapping[str, Sequence[str]]
_READ, _WRITE = "read", "write"
_PATTERN = re.compile(r"[*?\[]")
# None is a file yet; whose an upload or an asset is, is asked when it is looked up.
_ELSEWHERE = ("http://", "https://", "upload:", "asset:")


def check_spec(
    spec: JobSpec,
    folders: Folders | None,
    own: Path | None = None,
    brought: Collection[Path | str] = (),
) -> None:
    """Raises SpecErrors with a FOLDER_REFUSED for each path that is refused, at its place.

    Of a glob the folder that it begins in is checked; `check_globs` and `check_plan` check what it
    matches. Nothing is opened.
    """
    if folders is None:
        return
    gate = _Gate(folders, own, brought)
    for name, entry in spec.inputs.items():
        gate.read(_fixed(entry.uri) if entry.is_glob else entry.uri, f"inputs.{name}")
    for operation in spec.operations:
        for field, path in files_of(operation):
            gate.read(path, f"{operation.where}.{field}")
    for output in spec.outputs:
        gate.write(output.to, f"{output.where}.to")
    gate.close()


def check_plan(
    plan: Plan,
    folders: Folders | None,
    own: Path | None = None,
    brought: Collection[Path | str] = (),
) -> None:
    """Every file that a step reads and every place that is delivered to. Raises SpecErrors."""
    if folders is None:
        return
    gate = _Gate(folders, own, brought)
    for step in plan.steps:
        for item in step.inputs:
            if item.uri is not None:
                gate.read(item.uri, f"step {step.id}")
        for path in step.links.values():
            if not path.startswith("@"):  # the fonts that came along
                gate.read(path, f"step {step.id}")
    for delivery in plan.deliveries:
        gate.write(delivery.to, f"outputs[{delivery.index}].to")
    gate.close()


def check_files(
    paths: Collection[Path],
    folders: Folders | None,
    own: Path | None = None,
    brought: Collection[Path | str] = (),
) -> None:
    """What an input's glob matched, before any of it is opened. Raises FOLDER_REFUSED."""
    if folders is None:
        return
    gate = _Gate(folders, own, brought)
    for path in paths:
        gate.read(str(path), None)
    if gate.problems:
        raise ReelError.of(gate.problems[0])


def check_globs(
    inputs: Mapping[str, InputSpec], folders: Folders | None, own: Path | None = None
) -> None:
    """`check_files` of the patterns among `inputs`, each at its place. Blocking: lists folders.

    Raises SpecErrors of FOLDER_REFUSED, INPUT_NOT_FOUND.
    """
    from reelwright.app.inputs import local_files
    from reelwright.spec.inputs import upload_ids

    problems: list[Problem] = []
    for name, entry in inputs.items():
        if not entry.is_glob or "://" in entry.uri or upload_ids(entry.uri):
            continue
        try:
            check_files(local_files(entry), folders, own)
        except ReelError as error:
            problems.append(replace(error.problem, where=f"inputs.{name}"))
    if problems:
        raise SpecErrors(problems)


class _Gate:
    """Notes what is refused."""

    def __init__(self, folders: Folders, own: Path | None, brought: Collection[Path | str]) -> None:
        self._named = folders
        self._own = () if own is None else (str(own),)
        self._brought = tuple(str(path) for path in brought)
        self.problems: list[Problem] = []

    def read(self, place: str, where: str | None) -> None:
        if not place.lower().startswith(_ELSEWHERE):
            self._check(place, _READ, where, self._brought)

    def write(self, place: str, where: str | None) -> None:
        self._check(place, _WRITE, where, ())

    def close(self) -> None:
        if self.problems:
            raise SpecErrors(self.problems)

    def _check(self, place: str, kind: str, where: str | None, more: Sequence[str]) -> None:
        from reelwright.engine.folders import is_url, is_within

        named = tuple(self._named.get(kind, ()))
        target = unquote(urlsplit(place).path) if place.startswith("file:") else place
        if is_within(target, (*named, *self._own, *more)):
            return
        verb = "read from" if kind == _READ else "written to"
        what = "object stores" if is_url(target) else "folders"
        if named:
            hint = f"these may be {verb}: {', '.join(named)}"
        else:
            hint = f"the key names no {what} that may be {verb}"
            if kind == _READ:
                hint += "; upload the file"
            elif not is_url(target):
                hint += "; write below the job's own folder"
        message = f"{place} is in none of the {what} that may be {verb}"
        self.problems.append(Problem(Code.FOLDER_REFUSED, message, where, hint))


def _fixed(pattern: str) -> str:
    """The folder that everything which a pattern matches is below."""
    names: list[str] = []
    for name in pattern.split("/"):
        if _PATTERN.search(name):
            break
        names.append(name)
    return "/".join(names) or "/"


def files_of(operation: OperationSpec) -> Iterator[tuple[str, str]]:
    """The parameters of an operation that name files: field, path."""
    for name in _paths_of(type(operation.params)):
        value = getattr(operation.params, name)
        if value is None:
            continue
        for path in value if isinstance(value, list | tuple) else (value,):
            yield name, str(path)


@cache
def _paths_of(params: type[BaseModel]) -> tuple[str, ...]:
    """The fields of an operator's parameters that name files: the same for all its operations."""
    return tuple(
        name
        for name, field in params.model_fields.items()
        if _is_path((*field.metadata, field.annotation))
    )


def _is_path(parts: Sequence[Any]) -> bool:
    from reelwright.graph.params.form import Form

    return any(
        part.title == "path" if isinstance(part, Form) else _is_path(get_args(part))
        for part in parts
        if part is not None
    )
