"""What is handed in with a job, and what of it is kept so that any process can go on with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.inputs import Found
    from reelwright.spec.model import JobSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A spec as text, and what the command line says beside it.

    `base` is the folder that relative paths are relative to; `name` the spec's, for messages.
    `priority`, `timeout_s` and `labels` go before the spec's own. `use_cache` False: everything is
    made again.
    """

    text: str
    base: Path
    name: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    overwrite: bool = False
    allow_outside: bool = False
    use_cache: bool = True
    priority: int | None = None
    timeout_s: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The job's own memory, stored as its `spec`: the next revision of its plan is made from it.

    `inputs` are name → [path, sha256] (a list of them for a glob); `have` the identities that the
    plan counted on; `nonce` sets a job apart that must not use the cache; `own` sets apart
    what each job fetches for itself. `folders`: those that the plan may read and write
    (`Principal.folders`), None where the user who runs it may use every file that is theirs.
    `operators`: operation → operator, for whoever counts what ran. `machine`: what the plan was
    made for (`app.machine.kept_of`).
    """

    text: str
    variables: Mapping[str, str] = field(default_factory=dict)
    allow_outside: bool = False
    inputs: Mapping[str, Any] = field(default_factory=dict)
    have: tuple[str, ...] = ()
    nonce: str | None = None
    own: str = ""
    folders: Mapping[str, Sequence[str]] | None = None
    operators: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, int | None] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        # Not `asdict`, which copies everything to the last string: each submission pays for it.
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> Kept:
        return Kept(**{**body, "have": tuple(body["have"])})


def parse(request: Request | Kept, base: Path, name: str | None = None) -> JobSpec:
    """Raises SpecErrors."""
    from reelwright.spec.parse import parse_text

    return parse_text(
        request.text,
        base=base,
        variables=request.variables,
        name=name,
        allow_outside=request.allow_outside,
    )


def check_count(spec: JobSpec, most: int) -> None:
    """Each of them is a node to plan, and a step or a file in the end. Raises SPEC_TOO_LARGE."""
    counts = {"inputs": spec.inputs, "operations": spec.operations, "outputs": spec.outputs}
    for name, many in counts.items():
        if len(many) > most:
            raise ReelError(
                Code.SPEC_TOO_LARGE,
                f"{len(many)} {name} are more than {most}",
                where=name,
                hint="split the spec, or raise `limits.operations`",
                evidence={"limit": most},
            )


def kept_inputs(found: Found) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, media in found.media.items():
        uris = found.uris[name]
        if isinstance(media, tuple):
            kept[name] = [[u, m.sha256] for u, m in zip(uris, media, strict=True)]
        else:
            kept[name] = [uris, media.sha256]
    return kept
