"""Whether outputs can be delivered where they are to go, before hours are spent on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.errors import Code, Problem, SpecErrors

if TYPE_CHECKING:
    from reelwright.app.plan import Planned
    from reelwright.app.request import Request
    from reelwright.app.wiring import App
    from reelwright.planning.plan import Plan

_HINT = "choose another path for the output"


def refuse(app: App, planned: Planned) -> None:
    """Raises SpecErrors for a link out of the spec's folder, a folder that cannot be written to,
    and a file that nobody said may be replaced."""
    refuse_links(planned.request, planned.plan)
    refuse_unwritable(planned.plan)
    _refuse_existing(app, planned)


def refuse_unwritable(plan: Plan) -> None:
    """Raises SpecErrors."""
    tried: dict[Path, Problem | None] = {}
    problems: list[Problem] = []
    for delivery in plan.deliveries:
        if "://" in delivery.to:
            continue
        place = Path(delivery.to).parent
        while not place.exists() and place != place.parent:
            place = place.parent
        if place not in tried:
            tried[place] = _try(place)
        found = tried[place]
        if found is not None:
            where = f"outputs[{delivery.index}].to"
            problems.append(Problem(found.code, found.message, where, found.hint))
    if problems:
        raise SpecErrors(problems)


def _try(folder: Path) -> Problem | None:
    """A nameless file that is gone at once: permissions alone do not tell (a root's, /proc)."""
    import tempfile

    from reelwright.store.blobs import refused

    if not folder.is_dir():
        return Problem(Code.OUTPUT_PATH, f"{folder} is a file, not a folder", None, _HINT)
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        problem = refused(error, folder).problem
        known = {Code.PERMISSION_DENIED, Code.DISK_FULL}
        code = problem.code if problem.code in known else Code.OUTPUT_PATH
        hint = None if code in known else _HINT
        return Problem(code, f"{folder} cannot be written to: {error.strerror}", None, hint)


def refuse_links(request: Request, plan: Plan) -> None:
    """A path below the spec's folder that a symbolic link leads out of it. Raises SpecErrors."""
    if request.allow_outside:
        return
    base = request.base.absolute()
    problems = [
        Problem(
            Code.OUTPUT_PATH,
            f"{delivery.to} leaves the spec's folder through a link",
            f"outputs[{delivery.index}].to",
            "pass --allow-outside if that is meant",
        )
        for delivery in plan.deliveries
        if Path(delivery.to).is_relative_to(base)
        and not Path(delivery.to).parent.resolve().is_relative_to(base.resolve())
    ]
    if problems:
        raise SpecErrors(problems)


def _refuse_existing(app: App, planned: Planned) -> None:
    """Before hours are spent on what cannot be delivered. Raises SpecErrors.

    A file that stands there already as it would be delivered is no obstacle, nor is one that an
    earlier job made and nobody has touched since.
    """
    if planned.request.overwrite:
        return
    held = _held_files(app, planned)
    problems: list[Problem] = []
    for delivery in planned.plan.deliveries:
        path = Path(delivery.to)
        if "://" in delivery.to or "{" in delivery.to or not path.exists():
            continue
        where = f"outputs[{delivery.index}].to"
        if path.is_dir():
            problems.append(Problem(Code.OUTPUT_PATH, f"{path} is a folder", where))
        elif not _may_replace(app, path, held.get((delivery.step, delivery.output))):
            problems.append(Problem(Code.OUTPUT_EXISTS, f"{path} exists", where))
    if problems:
        raise SpecErrors(problems)


def _held_files(app: App, planned: Planned) -> dict[tuple[str, str], str]:
    """(step, output) → sha256, of single files that the cache holds."""
    from reelwright.engine.keys import output_key
    from reelwright.store import artifacts

    steps = [step for step in planned.plan.steps if step.id in planned.cached]
    with app.store.read() as tx:
        found = artifacts.outcomes_of(tx, {step.identity for step in steps})
    held: dict[tuple[str, str], str] = {}
    for step in steps:
        for output in step.outputs:
            key = output_key(step.to_json(), output.name)
            for file in found[step.identity].files(key) if step.identity in found else ():
                held[step.id, output.name] = file.sha256
    return held


def _may_replace(app: App, path: Path, sha256: str | None) -> bool:
    from reelwright.store import jobs, probes

    with app.store.read() as tx:
        made = jobs.made_at(tx, str(path))
    try:
        return probes.digest(app.store, path) in (made if sha256 is None else made | {sha256})
    except OSError:
        return False
