"""What of a cluster this machine has, and what is missing for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reelwright.errors import ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App


@dataclass(frozen=True, slots=True)
class Finding:
    """`is_fine` False: what runs on the cluster does not work; where not `is_needed`, not
    everywhere."""

    name: str
    is_fine: bool
    text: str
    hint: str = ""
    is_needed: bool = True


def examine_cluster(app: App) -> Iterator[Finding]:
    """Nothing where this machine has nothing to do with a cluster. Asks the head, for a few
    seconds at the most."""
    from reelwright.app.cluster.members import members, shown

    here = members(app.home)
    if app.settings.cluster.engine == "local" and not here and not app.settings.cluster.address:
        return
    for member in here:
        text = f"up at {member.host}" if member.is_up else member.problem or "starting"
        yield Finding(f"cluster: {shown(member.name)}", member.is_up, text)
    yield _tried("cluster: settings", lambda: _settings(app))
    yield _tried("cluster: head", lambda: _head(app))
    yield _tried("cluster: nodes", lambda: _nodes(app), "`reel cluster status` says why", False)


def _tried(
    name: str, look: Callable[[], tuple[bool, str]], hint: str = "", is_needed: bool = True
) -> Finding:
    try:
        is_fine, text = look()
    except ReelError as error:
        is_fine, text, hint = False, error.problem.message, error.problem.hint or error.code.hint
    return Finding(name, is_fine, text, "" if is_fine else hint, is_needed)


def _settings(app: App) -> tuple[bool, str]:
    from reelwright.app.cluster.checks_settings import check_settings, cluster_address

    check_settings(app.settings, cluster_address(app), hint_for="a cluster")
    return True, f"artifacts in {app.settings.cluster.artifacts}"


def _head(app: App) -> tuple[bool, str]:
    from reelwright.app.cluster.checks_settings import cluster_address, token_file
    from reelwright.tools.ray.probe import ask_head
    from reelwright.tools.ray.settings import loopback

    address = loopback(cluster_address(app))
    token = token_file(app)
    if not token.is_file():
        return False, f"there is no token of the cluster: {token}"
    found = ask_head(address, token)
    versions = ", ".join(f"{name} {version}" for name, version in found.items())
    return True, f"{address} answers, and takes our token: {versions}"


def _nodes(app: App) -> tuple[bool, str]:
    from reelwright.store import nodes

    with app.store.read() as tx:
        states = Counter(row.state for row in nodes.listing(tx))
    if not states:
        return True, "none that a service knows of yet"
    text = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    return not states["refused"] and not states["lost"], text
