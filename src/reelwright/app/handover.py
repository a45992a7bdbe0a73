"""A spec on its way to a service: what it reads here is uploaded, what it makes comes back here.

The spec is read and checked as for a run on this machine. What is sent is the same spec as JSON,
variables filled, with uploads in place of local files and with names in place of output paths.
Addresses (``https://``, ``s3://``) stay: the service fetches and writes those itself.
"""

from __future__ import annotations

import copy
import json
import os.path
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.app.request import parse
from reelwright.errors import Code, Problem, ReelError, SpecErrors

if TYPE_CHECKING:
    from reelwright.app.request import Request
    from reelwright.planning.plan import Plan
    from reelwright.spec.model import InputSpec, JobSpec

_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Handover:
    """`inputs`: the local files of each input that is used, a glob's in the order of their names.
    `files`: those that parameters name (a font), by place: (number of the operation, field).
    `places`: where each output is to go, an absolute path or a URL, `names` what the service calls
    it. `root` is the folder that relative names are relative to.
    """

    spec: JobSpec
    inputs: Mapping[str, tuple[Path, ...]]
    files: Mapping[tuple[int, str], Path]
    places: tuple[str, ...]
    names: tuple[str, ...]
    root: str
    unused: Collection[str] = field(default_factory=tuple)

    @property
    def uploads(self) -> list[Path]:
        """Every file that the service needs, once, in the order of the spec."""
        wanted = [path for paths in self.inputs.values() for path in paths]
        return list(dict.fromkeys([*wanted, *self.files.values()]))

    def text(self, uploaded: Mapping[Path, str]) -> str:
        """The spec to send; `uploaded` are the ids of `uploads`."""
        body = copy.deepcopy(dict(self.spec.source))
        body.pop("vars", None)
        for name, paths in self.inputs.items():
            ids = [f"upload:{uploaded[path]}" for path in paths]
            body["inputs"][name] = _entry(body["inputs"][name], ids, self.spec.inputs[name])
        for name in self.unused:
            del body["inputs"][name]
        for (number, key), path in self.files.items():
            body["operations"][number][key] = f"upload:{uploaded[path]}"
        for entry, name in zip(body["outputs"], self.names, strict=True):
            entry["to"] = name
        return _json(body)

    def here(self, output: int, position: int, name: str) -> Path:
        """Where file `position` of output `output` goes, which the service calls `name`.

        The service decides no path: it only says whether it put a number into the name.
        """
        from reelwright.planning.names import nth, numbered

        place = self.places[output]
        plain = nth(place, position)
        if os.path.basename(plain) == os.path.basename(name):  # noqa: PTH119 - text of any origin
            return Path(plain)
        return Path(nth(numbered(place), position))

    def local(self, output: int) -> bool:
        return "://" not in self.places[output]


def hand_over(request: Request) -> Handover:
    """Raises SpecErrors with all that is wrong: the spec, its references, its local inputs."""
    from reelwright.planning.bind import bind

    spec = parse(request, request.base, request.name)
    used = bind(spec).inputs
    places = tuple(output.to for output in spec.outputs)
    names, root = _names(places)
    return Handover(
        spec=spec,
        inputs=_inputs({name: spec.inputs[name] for name in used}),
        files=dict(_files(spec)),
        places=places,
        names=names,
        root=root,
        unused=tuple(name for name in spec.inputs if name not in used),
    )


def check_places(request: Request, handed: Handover, held: Mapping[str, Collection[str]]) -> None:
    """As for a run on this machine, before anything is sent. `held` are digests of files that
    earlier jobs put where they are, by path. Raises SpecErrors, USAGE."""
    from reelwright.app import destinations

    plan = _plan(handed)
    destinations.refuse_links(request, plan)
    destinations.refuse_unwritable(plan)
    if request.overwrite:
        return
    problems = []
    for delivery in plan.deliveries:
        path = Path(delivery.to)
        if "{" in delivery.to or not path.exists():
            continue
        where = f"outputs[{delivery.index}].to"
        if path.is_dir():
            problems.append(Problem(Code.OUTPUT_PATH, f"{path} is a folder", where))
        elif not is_held(path, held.get(str(path), ())):
            problems.append(Problem(Code.OUTPUT_EXISTS, f"{path} exists", where))
    if problems:
        raise SpecErrors(problems)


def is_held(path: Path, digests: Collection[str]) -> bool:
    """Whether `path` is a file of an earlier job that nobody has touched since."""
    from reelwright.media.digest import sha256_file

    try:
        return bool(digests) and sha256_file(path) in digests
    except OSError:
        return False


def _plan(handed: Handover) -> Plan:
    """The deliveries alone, of what comes to this machine."""
    from reelwright.planning.plan import Delivery, Plan

    return Plan(
        deliveries=tuple(
            Delivery(index=index, step="", output="", to=place)
            for index, place in enumerate(handed.places)
            if handed.local(index)
        )
    )


def _inputs(inputs: Mapping[str, InputSpec]) -> dict[str, tuple[Path, ...]]:
    from reelwright.app.inputs import local_files

    found: dict[str, tuple[Path, ...]] = {}
    problems: list[Problem] = []
    for name, entry in inputs.items():
        if "://" in entry.uri:
            continue
        try:
            found[name] = local_files(entry)
        except ReelError as error:
            problems.append(replace(error.problem, where=f"inputs.{name}"))
    if problems:
        raise SpecErrors(problems)
    return found


def _files(spec: JobSpec) -> Iterator[tuple[tuple[int, str], Path]]:
    """The files that parameters name. Raises SpecErrors for those that are not there."""
    from reelwright.app.access import files_of
    from reelwright.app.inputs import existing

    problems = []
    for number, operation in enumerate(spec.operations):
        for key, path in files_of(operation):
            try:
                yield (number, key), existing(Path(path))
            except ReelError as error:
                problems.append(replace(error.problem, where=f"{operation.where}.{key}"))
    if problems:
        raise SpecErrors(problems)


def _names(places: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """What the service is to call the outputs, and the folder that these names begin in.

    They lie to each other as they do here: a WebVTT file names its pictures by their relative path.
    """
    local = [place for place in places if "://" not in place]
    root = os.path.commonpath([os.path.dirname(place) for place in local]) if local else "/"  # noqa: PTH120
    names = (p if "://" in p else os.path.relpath(p, root) for p in places)
    return tuple(names), root


def _entry(written: Any, ids: list[str], entry: InputSpec) -> Any:
    """An input as it was written, with uploads in place of its path."""
    path: Any = ids if entry.is_glob else ids[0]
    if not isinstance(written, dict):
        return {"path": path} if entry.is_glob else path
    return {**{k: v for k, v in written.items() if k != "glob"}, "path": path}


def _json(value: Any) -> str:
    """JSON whose numbers are as they were written, and whose texts hold no variables."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(k))}: {_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value.replace("${", "$${"))
    text = getattr(value, "text", "")
    return text if _JSON_NUMBER.fullmatch(text) else json.dumps(value)
