"""A spec on its way to a service: what it reads here is uploaded, what it makes comes back here.

The spec is read and checked as for a run on this machine. What is sent is the same spec as JSON,
variables filled, with uploads in place of local files and with names in place of output paths.
Addresses (``https://``, ``s3://``) stay: the service fetches and writes those itself.
"""

from __future__ import annotations

import copy
import json
import posixpath
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.app.request import parse
from reelwright.errors import Code, Problem, ReelError, SpecErrors
from reelwright.planning.names import LANGUAGE, by_language, in_language, nth, numbered

if TYPE_CHECKING:
    from reelwright.app.request import Request
    from reelwright.planning.plan import Plan
    from reelwright.spec.model import InputSpec, JobSpec

_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Places:
    """Where each output is to go: an absolute path of this machine, or a URL."""

    to: tuple[str, ...]

    def is_local(self, output: int) -> bool:
        return "://" not in self.to[output]

    def here(self, output: int, position: int, name: str) -> Path:
        """Where file `position` of output `output` goes, which the service calls `name`.

        The service decides no path: it only says whether it put a number or a language into the
        name.
        """
        language = _language(self.to[output], name)
        if language is not None:
            return Path(in_language(by_language(self.to[output]), language))
        return Path(nth(self.template(output, name), position))

    def template(self, output: int, name: str) -> str:
        """As `to`; with ``{index}`` where the service numbers files."""
        to = self.to[output]
        return to if _ending(to) == _ending(name) or _is_nth(to, name) else numbered(to)


@dataclass(frozen=True, slots=True)
class Handover:
    """`inputs`: the local files of each input that is used, a glob's in the order of their names.
    `names` are what the service calls the outputs. `unused` inputs are not sent.
    """

    spec: JobSpec
    inputs: Mapping[str, tuple[Path, ...]]
    places: Places
    names: tuple[str, ...]
    unused: tuple[str, ...] = ()

    @property
    def uploads(self) -> list[Path]:
        """Every file that the service needs, once, in the order of the spec."""
        return list(dict.fromkeys(path for paths in self.inputs.values() for path in paths))

    def text(self, uploaded: Mapping[Path, str]) -> str:
        """The spec to send; `uploaded` are the ids of `uploads`."""
        body = copy.deepcopy(dict(self.spec.source))
        body.pop("vars", None)
        for name, paths in self.inputs.items():
            ids = ",".join(uploaded[path] for path in paths)
            body["inputs"][name] = _entry(body["inputs"][name], ids, self.spec.inputs[name])
        for name in self.unused:
            del body["inputs"][name]
        for entry, name in zip(body["outputs"], self.names, strict=True):
            entry["to"] = name
        return _json(body)


def hand_over(request: Request) -> Handover:
    """Raises SpecErrors with all that is wrong: the spec, its references, its local inputs."""
    from reelwright.planning.bind import bind

    spec = parse(request, request.base, request.name)
    used = bind(spec).inputs
    _refuse_files(spec)
    places = tuple(output.to for output in spec.outputs)
    return Handover(
        spec=spec,
        inputs=_inputs({name: spec.inputs[name] for name in used}),
        places=Places(places),
        names=_names(places),
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
            for index, place in enumerate(handed.places.to)
            if handed.places.is_local(index)
        )
    )


def _inputs(inputs: Mapping[str, InputSpec]) -> dict[str, tuple[Path, ...]]:
    from reelwright.app.inputs import local_files

    found: dict[str, tuple[Path, ...]] = {}
    problems: list[Problem] = []
    for name, entry in inputs.items():
        if "://" in entry.uri or entry.uri.startswith(("upload:", "asset:")):
            continue  # the server finds it
        try:
            found[name] = local_files(entry)
        except ReelError as error:
            problems.append(replace(error.problem, where=f"inputs.{name}"))
    if problems:
        raise SpecErrors(problems)
    return found


_INSTEAD = {"font": ": the server has fonts of its own"}


def _refuse_files(spec: JobSpec) -> None:
    """Files that parameters name are not handed over. Raises SpecErrors."""
    from reelwright.app.access import files_of

    problems = [
        Problem(
            Code.FIELD_INVALID,
            f"{path} is a file of this machine, which a server does not get",
            f"{operation.where}.{key}",
            f"leave `{key}` out{_INSTEAD.get(key, '')}; or run without --server",
        )
        for operation in spec.operations
        for key, path in files_of(operation)
    ]
    if problems:
        raise SpecErrors(problems)


def _names(places: tuple[str, ...]) -> tuple[str, ...]:
    """What the service is to call the outputs: their paths from the folder that holds them all.

    They lie to each other as they do here: a WebVTT file names its pictures by their relative path.
    """
    folders = [posixpath.dirname(place) for place in places if "://" not in place]
    root = posixpath.commonpath(folders) if folders else "/"
    return tuple(p if "://" in p else posixpath.relpath(p, root) for p in places)


def _entry(written: Any, ids: str, entry: InputSpec) -> Any:
    """An input as it was written, with uploads in place of its path; `glob` stays: it says that
    the input is a list."""
    if not isinstance(written, dict) and not entry.is_glob:
        return f"upload:{ids}"
    kept = written if isinstance(written, dict) else {}
    return {**kept, "path": f"upload:{ids}", "glob": entry.is_glob}


def _is_nth(to: str, name: str) -> bool:
    """Whether `name` is what one of the files of `to` may be called."""
    if "{index" not in to:
        return False
    before, _, rest = posixpath.basename(to).partition("{index")
    after = rest.partition("}")[2]
    return posixpath.basename(name).startswith(before) and name.endswith(after)


def _language(to: str, name: str) -> str | None:
    """Which one `name`, captions that are to go to `to`, has in it."""
    if not to.endswith((".vtt", ".srt")):
        return None
    before, _, after = by_language(posixpath.basename(to)).partition(LANGUAGE)
    found = re.fullmatch(f"{re.escape(before)}([A-Za-z0-9-]+){re.escape(after)}", _ending(name))
    return found[1] if found else None


def _ending(path: str) -> str:
    return posixpath.basename(path)


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
