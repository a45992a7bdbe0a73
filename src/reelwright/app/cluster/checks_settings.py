"""Whether the settings of this machine are enough for a cluster; and where its token is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from pathlib import Path

    from reelwright.app.settings import Settings
    from reelwright.app.wiring import App

DEFAULT_PORT = 6379


def token_file(app: App) -> Path:
    """The file with the token that every process of the cluster needs; it may not be there yet."""
    return app.settings.cluster.token_file or app.home / "cluster" / "token"


def with_port(address: str, where: str = "ADDRESS") -> str:
    """``host`` or ``host:port`` as host:port. Raises CONFIG_INVALID."""
    host, colon, port = address.rpartition(":")
    if not colon:
        host, port = address, str(DEFAULT_PORT)
    is_port = port.isdigit() and 0 < int(port) < 1 << 16
    if not host or not is_port or "/" in host or " " in host:
        raise ReelError(
            Code.CONFIG_INVALID,
            f"'{address}' is no address",
            where=where,
            hint=f"write host:port, as in 10.0.0.7:{DEFAULT_PORT}",
        )
    return f"{host}:{port}"


def is_here(address: str | None) -> bool:
    """Whether only this machine can be meant: loopback, or no address at all."""
    from reelwright.app.reach import is_loopback

    return address is None or is_loopback(address.rpartition(":")[0] or address)


def check_settings(settings: Settings, address: str | None, *, hint_for: str) -> None:
    """What a service and a node need for a cluster whose head is at `address`.

    `hint_for`: who needs it, for the message. Raises CONFIG_INVALID.
    """
    cluster, database = settings.cluster, settings.database
    if cluster.artifacts is None:
        raise ReelError(
            Code.CONFIG_INVALID,
            f"{hint_for} needs to know what all nodes read and write",
            where="cluster.artifacts",
            hint="set REEL_CLUSTER__ARTIFACTS to s3://bucket/prefix, gs://…, az://… or to a folder"
            " that every node sees; the same on all of them",
        )
    if is_here(address):
        return
    if database is None or not database.startswith(("postgresql", "postgres")):
        raise ReelError(
            Code.CONFIG_INVALID,
            f"{hint_for} on several machines needs PostgreSQL: a file is seen by one only",
            where="database",
            hint="set REEL_DATABASE to postgresql://…; the same on all of them",
        )


def check_service(app: App) -> None:
    """Whether a process of the service can hand steps to a cluster, where it is told to.

    Raises CONFIG_INVALID, TOOL_MISSING (no Ray), CLUSTER_UNAVAILABLE (no address, no token).
    """
    cluster = app.settings.cluster
    if cluster.engine != "ray":
        return
    from reelwright.tools.ray.failures import check_installed

    check_installed()
    address = cluster_address(app)
    check_settings(app.settings, address, hint_for="the service")
    path = token_file(app)
    if not path.is_file():
        raise ReelError(
            Code.CLUSTER_UNAVAILABLE,
            f"there is no token of the cluster: {path}",
            where="cluster.token_file",
            hint="`reel cluster start` said where it is: name it with REEL_CLUSTER__TOKEN_FILE",
        )


def cluster_address(app: App) -> str:
    """The head's, host:port: that of the settings, or of this home's own part of a cluster. Raises
    CLUSTER_UNAVAILABLE, CONFIG_INVALID."""
    if app.settings.cluster.address:
        return with_port(app.settings.cluster.address, "cluster.address")
    from reelwright.app.cluster.members import members

    found = members(app.home)
    if found:
        return found[0].address
    raise ReelError(
        Code.CLUSTER_UNAVAILABLE,
        "no cluster is named, and no part of one runs here",
        where="cluster.address",
        hint="`reel cluster start` makes one; or pass --address HOST:PORT",
    )
