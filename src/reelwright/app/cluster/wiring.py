"""Puts the cluster together: the connection, the nodes behind it, and the executor on top."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from reelwright.engine.executor import Need

if TYPE_CHECKING:
    from reelwright.app.cluster.nodes import RayNodes
    from reelwright.app.wiring import App
    from reelwright.engine.cluster import ClusterExecutor
    from reelwright.engine.local import LocalExecutor

AGENT = "reelwright.app.cluster.agent:Agent"
# Beside the dispatcher and a service: what is left of the machine.
_HOME_SHARE = 0.25
# What a step may need is bounded by nodes that may still come.
LARGEST = Need(cpus=4096.0)


def home_machine(app: App, whole: Need) -> Need:
    """What of the dispatcher's machine steps may hold."""
    cpus = app.settings.cluster.home_cpus
    share = max(1.0, whole.cpus * _HOME_SHARE) if cpus is None else cpus
    return Need(
        cpus=min(share, whole.cpus),
        memory_bytes=whole.memory_bytes,
        disk_bytes=whole.disk_bytes,
        gpus=whole.gpus,
    )


def cluster_nodes(app: App, worker: str) -> RayNodes:
    """The nodes for the dispatcher whose leases `worker` holds; inside a running event loop.

    Raises CONFIG_INVALID, CLUSTER_UNAVAILABLE (no address, no token), TOOL_MISSING.
    """
    from reelwright.app.cluster.checks_settings import check_service, cluster_address, token_file
    from reelwright.app.cluster.joining import expected
    from reelwright.app.cluster.nodes import RayNodes
    from reelwright.tools.ray.connection import Connection, Target

    check_service(app)
    namespace = app.settings.cluster.namespace
    target = Target(
        address=cluster_address(app),
        token=token_file(app),
        namespace=namespace,
        factory=AGENT,
        given={"namespace": namespace},
        idle_s=app.settings.cluster.idle_s,
    )
    nodes = RayNodes(Connection(target), app.store, partial(expected, app, worker))
    nodes.open()
    return nodes


def cluster_executor(app: App, home: LocalExecutor) -> ClusterExecutor:
    """Raises what `cluster_nodes` does."""
    from reelwright.app.cluster.artifacts import stage_of
    from reelwright.engine.cluster import ClusterExecutor, Hooks

    nodes = cluster_nodes(app, str(home.worker))
    app.nodes = nodes
    hooks = Hooks(stage=stage_of(app), warm=nodes.warm, changed=lambda: nodes.changed())
    return ClusterExecutor(
        home, nodes, app.store, short_s=app.settings.cluster.short_s, hooks=hooks
    )
