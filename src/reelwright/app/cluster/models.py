"""Models of a cluster: one load for the steps of many nodes. For agents, which are Ray's actors.

A node with the weights starts actors for itself and for others; each sees alone what is asked of
it, and the number of actors is bounded by their names (`remote_scaling`). Nothing is kept that
could be lost.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reelwright.app.cluster.models_actor import ModelActor, identity_of
from reelwright.errors import Code, ReelError
from reelwright.tools.models import providers
from reelwright.tools.models.kinds import ModelIdentity, ModelKind, Provider
from reelwright.tools.models.providers import ModelSpec, Runs, unavailable
from reelwright.tools.models.remote import (
    ActorLost,
    Actors,
    RemoteProvider,
    identity_digest,
    spec_digest,
)
from reelwright.tools.models.remote_ray import Name, RayActors, names
from reelwright.tools.models.remote_scaling import to_warm

if TYPE_CHECKING:
    from reelwright.app.settings_sections import Cluster
    from reelwright.app.wiring import App
    from reelwright.tools.models.pool import Pool

_LABEL = "reelwright-model-"
# One more start each: what ends more often than that is started anew by whoever asks.
_RESTARTS = 3
_IDENTITY_S = 60.0
_NODE_S = 5.0


def share_models(app: App, namespace: str) -> ClusterModels | None:
    """The models of `app`, which is an agent's, are those of the cluster from now on: before one of
    them is asked. None where each node is to load its own."""
    settings = app.settings.cluster
    if settings.model_copies <= 0:
        return None
    found = ClusterModels(app.models, settings, namespace)
    app.models.far = found
    return found


def model_labels(pool: Pool) -> dict[str, str]:
    """Ray's labels of a node, which say what weights it has: for whoever starts its processes.
    Loads nothing; raises nothing."""
    labels: dict[str, str] = {}
    for kind in ModelKind:
        with suppress(ReelError):
            for spec in pool.chain(kind):
                if providers.entry(spec).runs is Runs.CHILD:
                    with suppress(ReelError):
                        labels[label(spec)] = identity_digest(providers.identify(spec))
    return labels


def label(spec: ModelSpec) -> str:
    return f"{_LABEL}{spec_digest(spec)}"


def spec_of(pool: Pool, model: str) -> ModelSpec:
    """``ocr:rapidocr``, ``speech:faster-whisper:base``, or a kind alone for the first of its chain.
    Raises CONFIG_INVALID, MODEL_UNAVAILABLE."""
    kind, _, member = model.partition(":")
    if kind not in {one.value for one in ModelKind}:
        raise ReelError(
            Code.CONFIG_INVALID,
            f"'{kind}' is no kind of models: {', '.join(one.value for one in ModelKind)}",
            hint="write kind:provider:model: ocr:rapidocr, speech:faster-whisper:base",
        )
    if member:
        return pool.configured.spec(ModelKind(kind), member)
    chain = pool.chain(ModelKind(kind))
    if not chain:
        raise ReelError(
            Code.MODEL_UNAVAILABLE,
            f"no {kind} model is configured",
            where=providers.setting(ModelKind(kind)),
        )
    return chain[0]


class ClusterModels:
    """The `Far` of an agent's pool. `settings` and the weights are those of its node."""

    def __init__(self, pool: Pool, settings: Cluster, namespace: str) -> None:
        self._pool = pool
        self._settings = settings
        self._namespace = namespace
        self._fleets: dict[Name, Actors] = {}
        self._lock = threading.Lock()

    def provider(
        self, spec: ModelSpec, identity: ModelIdentity, here: Provider[Any, Any] | None
    ) -> Provider[Any, Any]:
        """`here`: None where this node has no weights."""
        return RemoteProvider(
            spec,
            identity,
            self._actors(spec, identity_digest(identity)),
            most=self._settings.model_copies,
            here=here,
        )

    def identity(self, spec: ModelSpec) -> ModelIdentity:
        """Of a model whose weights only other nodes have. Blocking. Raises MODEL_UNAVAILABLE."""
        import ray

        try:
            weights = self._weights(spec)
            name = Name(spec_digest(spec), weights, 0)
            handle = self._made(spec, name)
            return identity_of(ray.get(handle.identity.remote(), timeout=_IDENTITY_S))
        except (ActorLost, ray.exceptions.RayError) as error:
            why = f"no node of the cluster can serve it: {error}"
            raise unavailable(spec, why[:500]) from error

    def has(self, spec: ModelSpec) -> bool:
        """Blocking."""
        try:
            return bool(self._weights(spec))
        except ActorLost:
            return False

    async def warm(self, model: str, count: int) -> int:
        """Keeps `count` actors of `model` (see `spec_of`) loaded, 0 for none more than are asked;
        gives how many are. Raises CONFIG_INVALID, MODEL_UNAVAILABLE."""
        import asyncio

        spec = await asyncio.to_thread(spec_of, self._pool, model)
        identity = await asyncio.to_thread(self._pool.identity, spec)
        fleet = self._actors(spec, identity_digest(identity))
        try:
            found = await fleet.find()
            for index in to_warm([a.index for a in found], count, self._settings.model_copies):
                found.append(await fleet.add(index))
        except ActorLost as error:
            if not found:
                raise unavailable(spec, f"no actor can be had: {error}") from error
        found.sort(key=lambda actor: actor.index)
        kept = await asyncio.gather(
            *(actor.keep(at < count) for at, actor in enumerate(found)), return_exceptions=True
        )
        return sum(one is True for one in kept)

    def _actors(self, spec: ModelSpec, weights: str) -> Actors:
        name = Name(spec_digest(spec), weights, 0)
        with self._lock:
            if name not in self._fleets:
                self._fleets[name] = RayActors(
                    self._namespace,
                    name,
                    self._settings.model_copies,
                    lambda index: self._made(spec, replace(name, index=index)),
                )
            return self._fleets[name]

    def _weights(self, spec: ModelSpec) -> str:
        """What answers to it: of an actor that is there, or of a node. Raises ActorLost."""
        for name in names(self._namespace):
            if name.asked == spec_digest(spec):
                return name.weights
        for node in _nodes():
            if label(spec) in node["Labels"]:
                return str(node["Labels"][label(spec)])
        raise ActorLost("no node says that it has its weights")

    def _made(self, spec: ModelSpec, name: Name) -> Any:
        """The actor of that name: the one that is there, or a new one. Blocking. Raises ActorLost
        where no node can take it."""
        import ray

        with suppress(ValueError):
            return ray.get_actor(str(name), self._namespace)
        settings = self._settings
        handle: Any = (
            ray.remote(ModelActor)
            .options(
                name=str(name),
                namespace=self._namespace,
                lifetime="detached",
                get_if_exists=True,
                max_restarts=_RESTARTS,
                max_concurrency=1000,
                num_cpus=settings.model_cpus,
                num_gpus=settings.model_gpus or None,
                memory=settings.model_memory_bytes or None,
                scheduling_strategy=self._place(spec, name),
            )
            .remote(
                spec.kind.value,
                spec.name,
                name.weights,
                name.index,
                idle_s=self._pool.configured.idle_s,
                least=settings.model_least,
                batch=settings.model_batch,
            )
        )
        return handle

    def _place(self, spec: ModelSpec, name: Name) -> Any:
        """On the node with the weights that has the fewest of them, this one before others: as many
        on each as it would have processes of its own. Raises ActorLost where all are full."""
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        me = ray.get_runtime_context().get_node_id()
        nodes = [
            node["NodeID"] for node in _nodes() if node["Labels"].get(label(spec)) == name.weights
        ]
        if self._has(spec, name.weights):
            nodes = [me, *(node for node in nodes if node != me)]
        if not nodes:
            raise ActorLost("no node says that it has its weights")
        used = self._used(name)
        node = min(nodes, key=lambda one: used[one])
        if used[node] >= max(1, self._pool.configured.copies):
            raise ActorLost(f"each of {len(nodes)} nodes with its weights has as many as it may")
        return NodeAffinitySchedulingStrategy(node, soft=False)

    def _has(self, spec: ModelSpec, weights: str) -> bool:
        try:
            return identity_digest(providers.identify(spec)) == weights
        except ReelError:
            return False

    def _used(self, name: Name) -> Mapping[str, int]:
        """How many actors of this model each node has."""
        import ray

        used: Counter[str] = Counter()
        for other in names(self._namespace):
            if (other.asked, other.weights) == (name.asked, name.weights):
                with suppress(ValueError, ray.exceptions.RayError):
                    handle: Any = ray.get_actor(str(other), self._namespace)
                    used[str(ray.get(handle.node.remote(), timeout=_NODE_S))] += 1
        return used


def _nodes() -> list[dict[str, Any]]:
    """That are alive, as Ray has them. Blocking."""
    import ray

    found: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [node for node in found if node["Alive"]]
