"""A pool whose local models may be elsewhere: who is asked, with weights here and without."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.models.chains import Configured
from reelwright.tools.models.child import ChildProvider
from reelwright.tools.models.kinds import ModelIdentity, ModelKind, PicturesAsk, Provider
from reelwright.tools.models.pool import Pool
from reelwright.tools.models.providers import ModelSpec
from reelwright.tools.models.remote import RemoteProvider
from reelwright.tools.models.remote_scaling import Breaker
from tests.tools.models.fleet import Fleet
from tests.tools.models.pictures import tiny_clip

ELSEWHERE = ModelIdentity(provider="clip", model="clip", revision="elsewhere", dimension=3)


@dataclass
class Cluster:
    """A `Far` with actors of this process."""

    weights: bool = True
    fleet: Fleet = field(default_factory=Fleet)

    def provider(
        self, spec: ModelSpec, identity: ModelIdentity, here: Provider[Any, Any] | None
    ) -> Provider[Any, Any]:
        return RemoteProvider(spec, identity, self.fleet, most=1, here=here, breaker=Breaker())

    def identity(self, spec: ModelSpec) -> ModelIdentity:
        if not self.weights:
            raise ReelError(Code.MODEL_UNAVAILABLE, "nobody has them")
        return ELSEWHERE

    def has(self, spec: ModelSpec) -> bool:
        return self.weights and spec.provider == "clip"


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Pool]:
    """Of a node without weights."""
    pool = Pool(Configured(folder=tmp_path / "none"))
    yield pool
    pool.close()


def test_a_chain_that_nobody_configured_takes_what_the_cluster_has(bare: Pool) -> None:
    assert bare.chain(ModelKind.IMAGE_EMBEDDING) == ()
    bare = Pool(bare.configured)
    bare.far = Cluster()
    (spec,) = bare.chain(ModelKind.IMAGE_EMBEDDING)
    assert spec.provider == "clip"
    assert bare.identity(spec) == ELSEWHERE


def test_where_nobody_has_weights_yet_they_may_come(bare: Pool) -> None:
    cluster = Cluster(weights=False)
    bare.far = cluster
    assert bare.chain(ModelKind.IMAGE_EMBEDDING) == ()
    cluster.weights = True
    assert len(bare.chain(ModelKind.IMAGE_EMBEDDING)) == 1


def test_what_is_configured_and_nobody_has_is_unavailable(bare: Pool) -> None:
    bare.far = Cluster(weights=False)
    spec = bare.configured.spec(ModelKind.IMAGE_EMBEDDING, "clip")
    with pytest.raises(ReelError) as raised:
        bare.provider(spec)
    assert raised.value.code is Code.MODEL_UNAVAILABLE


def test_a_node_with_weights_answers_itself_where_no_actor_can_be_had(tmp_path: Path) -> None:
    tiny_clip.hugging_face(tmp_path / "clip")
    pool = Pool(Configured(folder=tmp_path))
    cluster = Cluster()
    cluster.fleet.is_away = True
    pool.far = cluster
    (spec,) = pool.chain(ModelKind.IMAGE_EMBEDDING)
    provider = pool.provider(spec)
    assert isinstance(provider, RemoteProvider)
    assert isinstance(provider.here, ChildProvider)
    try:
        value, _ = asyncio.run(provider.answer(PicturesAsk(texts=("red",))))
    finally:
        pool.close()
    assert value.rows.shape == (1, 3)
    assert provider.here.loads == 1


def test_hosted_models_and_those_that_need_little_stay_where_they_are(tmp_path: Path) -> None:
    pool = Pool(Configured(folder=tmp_path, keys={"openai": "key"}, urls={"openai": "http://h"}))
    pool.far = Cluster()
    spec = pool.configured.spec(ModelKind.TEXT_EMBEDDING, "openai:text-embedding-3-small")
    assert not isinstance(pool.provider(spec), RemoteProvider)
    pool.close()


def test_a_model_may_be_loaded_before_it_is_asked(tmp_path: Path) -> None:
    tiny_clip.hugging_face(tmp_path / "clip")
    pool = Pool(Configured(folder=tmp_path))
    (spec,) = pool.chain(ModelKind.IMAGE_EMBEDDING)
    provider = pool.provider(spec)
    assert isinstance(provider, ChildProvider)

    async def main() -> None:
        await provider.load()
        await provider.load()
        await provider.answer(PicturesAsk(texts=("red",)))

    try:
        asyncio.run(main())
    finally:
        pool.close()
    assert provider.loads == 1
