"""Who can reach the service, and whether what guards it is enough for that."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App

_SOME_KEYS = 500


def is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def listed_proxies(setting: str) -> list[str]:
    """Addresses and networks of `serve.proxies`. Raises CONFIG_INVALID: what is no address would
    be believed by nobody, and without a word."""
    found = [one.strip() for one in setting.split(",") if one.strip()]
    for one in found:
        try:
            ipaddress.ip_network(one)
        except ValueError as error:
            raise ReelError(
                Code.CONFIG_INVALID,
                f"'{one}' is no address and no network",
                where="serve.proxies",
                hint="write addresses and networks of proxies with commas: 10.0.0.5,192.168.7.0/24",
            ) from error
    return found


def check_reach(app: App, *, allow_remote: bool) -> None:
    """The local token may do and read all that its user may, and HTTP hides nothing: beyond this
    machine it is for those who asked for it. Raises CONFIG_INVALID, STORE_*."""
    host = app.settings.serve.host
    if allow_remote or is_loopback(host) or app.settings.auth.issuer or _has_key(app):
        return
    raise ReelError(
        Code.CONFIG_INVALID,
        f"{host} can be reached from other machines, and the local token is the only way in",
        where="serve.host",
        hint="make a key with `reel keys create`, or pass `--allow-remote`",
    )


def _has_key(app: App) -> bool:
    from reelwright.store import keys

    with app.store.read() as tx:
        return any(key.revoked_at is None for key in keys.listing(tx, limit=_SOME_KEYS))
