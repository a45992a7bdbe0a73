"""Options and arguments that several commands take, and how a shell completes them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeAlias

import typer


class EngineName(StrEnum):
    """As the setting `cluster.engine`."""

    LOCAL = "local"
    RAY = "ray"


def operator_names(incomplete: str) -> list[str]:
    from reelwright.operators import REGISTRY

    return [name for name in REGISTRY.names() if name.startswith(incomplete)]


def job_ids(incomplete: str) -> list[tuple[str, str]]:
    """Ids of the latest jobs, with their state as the help of each."""
    from reelwright.app.jobs import recent
    from reelwright.cli.use import opened
    from reelwright.errors import ReelError

    try:
        with opened() as app:
            return [(job.id, job.state.value) for job in recent(app, prefix=incomplete)]
    except ReelError:
        return []  # a shell that completes has no place for an error


AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print JSON, one object a line, for programs.")
]
JobId: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="JOB",
        help="The job's id, or its first characters; `last` is the latest.",
        autocompletion=job_ids,
    ),
]
Walls: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--sandbox/--no-sandbox", help="Refuse to run without walls around ffmpeg / run without."
    ),
]
SpecFile: TypeAlias = Annotated[
    str, typer.Argument(metavar="SPEC", help="A job spec (YAML or JSON); - for standard input.")
]
Sets: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Fill ${NAME}; may be given several times."),
]
Labels: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="NAME=TEXT", help="A label to find the job by; repeatable."),
]
TimeLimit: TypeAlias = Annotated[
    str | None,
    typer.Option("--timeout", metavar="DURATION", help="Stop the job after this time, e.g. 10m."),
]
AllowOutside: TypeAlias = Annotated[
    bool,
    typer.Option("--allow-outside", help="Relative output paths may leave the spec's folder."),
]
Engine: TypeAlias = Annotated[
    EngineName | None,
    typer.Option(
        "--engine",
        help="Where steps run: this machine, or the nodes of a cluster.",
        show_default=False,
    ),
]
HeadAddress: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--address", metavar="HOST:PORT", help="The head of the cluster; default: of this machine."
    ),
]


def cluster_flags(engine: EngineName | None, address: str | None) -> dict[str, str | None]:
    """What was typed, as settings; an address alone means the cluster. Raises CONFIG_INVALID."""
    if address is None:
        return {"cluster__engine": engine}
    from reelwright.app.cluster.checks_settings import with_port

    flags = {"cluster__address": with_port(address, "--address")}
    return {"cluster__engine": engine or EngineName.RAY, **flags}
