"""A provider whose model is in actors: which is asked, what if it ends, and what without any."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.models.kinds import TextsAsk
from reelwright.tools.models.remote import RemoteProvider, identity_digest, spec_digest
from reelwright.tools.models.remote_desk import Rules
from reelwright.tools.models.remote_scaling import LOOP, Breaker
from tests.tools.models.fleet import IDENTITY, SPEC, Fleet, Toy, until


def provider(
    fleet: Fleet, *, most: int = 2, here: Toy | None = None, breaker: Breaker | None = None
) -> RemoteProvider:
    return RemoteProvider(SPEC, IDENTITY, fleet, most=most, here=here, breaker=breaker)


async def told(asked: RemoteProvider, *texts: str) -> list[float]:
    value, _ = await asked.answer(TextsAsk(texts=texts))
    rows: list[float] = value.rows.ravel().tolist()
    return rows


def test_many_asks_from_many_nodes_are_served_by_one_load() -> None:
    async def main() -> None:
        fleet = Fleet()
        nodes = [provider(fleet) for _ in range(5)]
        answers = await asyncio.gather(*(told(node, "one") for node in nodes for _ in range(10)))
        assert answers == [[3.0]] * 50
        assert [actor.model.loads for actor in fleet.made] == [1]

    asyncio.run(main())


def test_another_one_is_added_where_much_waits_and_no_more_than_are_allowed() -> None:
    async def main() -> None:
        fleet = Fleet(Rules(batch=1, join_s=0))
        asked = RemoteProvider(SPEC, IDENTITY, fleet, most=2, here=None, worth_s=1e-9)
        await told(asked, "first")
        await told(asked, "first")  # the load says nothing of what an ask takes
        first = fleet.made[0]
        first.model.gate.clear()
        tasks = [asyncio.create_task(told(asked, "more")) for _ in range(4)]
        await until(lambda: len(fleet.made) == 2)
        async with asyncio.timeout(60):  # as soon as it is heard of, it answers what comes next
            while not fleet.made[1].desk.answered:
                tasks.append(asyncio.create_task(told(asked, "next")))
                await asyncio.sleep(0.005)
        first.model.gate.set()
        await asyncio.gather(*tasks)
        assert len(fleet.made) == 2

    asyncio.run(main())


def test_what_an_ended_actor_had_is_asked_of_another() -> None:
    async def main() -> None:
        fleet = Fleet()
        asked = provider(fleet)
        await told(asked, "first")
        fleet.made[0].model.gate.clear()
        waits = asyncio.create_task(told(asked, "again"))
        await until(lambda: len(fleet.made[0].model.asked) == 2)
        fleet.made[0].end.set()
        assert await waits == [5.0]
        assert len(fleet.made) == 2

    asyncio.run(main())


def test_many_asks_that_are_lost_with_one_actor_are_one_accident() -> None:
    async def main() -> None:
        fleet, here = Fleet(), Toy()
        asked = provider(fleet, here=here)
        await told(asked, "first")
        fleet.made[0].model.gate.clear()
        waits = [asyncio.create_task(told(asked, "again")) for _ in range(2 * LOOP)]
        await until(lambda: fleet.made[0].desk.waiting == 2 * LOOP)
        fleet.made[0].end.set()
        assert await asyncio.gather(*waits) == [[5.0]] * (2 * LOOP)
        assert len(fleet.made) == 2
        assert not here.asked

    asyncio.run(main())


def test_one_that_retires_sends_its_asks_on() -> None:
    async def main() -> None:
        fleet = Fleet()
        asked = provider(fleet)
        await told(asked, "first")
        fleet.made[0].desk.is_closed = True
        assert await told(asked, "next") == [4.0]
        assert len(fleet.made) == 2

    asyncio.run(main())


def test_a_full_one_is_waited_for() -> None:
    async def main() -> None:
        fleet = Fleet(Rules(room=1, batch=1, join_s=0))
        asked = provider(fleet, most=1)
        await told(asked, "first")
        actor = fleet.made[0]
        actor.model.gate.clear()
        tasks = [asyncio.create_task(told(asked, "x" * n)) for n in range(1, 6)]
        await until(lambda: actor.desk.waiting == 2)
        actor.model.gate.set()
        assert await asyncio.gather(*tasks) == [[1.0], [2.0], [3.0], [4.0], [5.0]]
        assert len(fleet.made) == 1

    asyncio.run(main())


def test_what_ends_every_actor_is_answered_here() -> None:
    """Here it is a child process that ends, and the step's own failure."""

    class Deadly(Fleet):
        async def add(self, index: int) -> Any:
            actor = await super().add(index)
            self.there[index].end.set()
            return actor

    async def main() -> None:
        fleet, here = Deadly(), Toy()
        assert await told(provider(fleet, here=here), "poison") == [6.0]
        assert len(fleet.made) == 3
        assert len(here.asked) == 1

    asyncio.run(main())


def test_a_loop_of_ends_opens_the_breaker_and_actors_are_left_alone() -> None:
    async def main() -> None:
        fleet, here, breaker = Fleet(), Toy(), Breaker()
        fleet.is_away = True
        asked = provider(fleet, here=here, breaker=breaker)
        for _ in range(LOOP):
            await told(asked, "one")
        fleet.is_away = False
        assert await told(asked, "two") == [3.0]
        assert not fleet.made
        assert len(here.asked) == LOOP + 1

    asyncio.run(main())


def test_one_that_is_there_and_says_nothing_is_not_asked_again_and_again() -> None:
    """A process that is frozen, on a node that is not."""

    async def main() -> None:
        fleet, here = Fleet(), Toy()
        asked = provider(fleet, here=here)
        await told(asked, "first")
        fleet.made[0].is_silent = True
        assert await told(asked, "one") == [3.0]
        assert await told(asked, "two") == [3.0]
        assert [one.texts for one in here.asked] == [("one",), ("two",)]
        assert fleet.made[0].silences == 1

    asyncio.run(main())


def test_a_child_that_crashes_in_each_actor_opens_it_too() -> None:
    async def main() -> None:
        fleet, here = Fleet(), Toy()
        asked = provider(fleet, here=here)
        await told(asked, "first")
        fleet.made[0].model.error = ReelError(
            Code.MODEL_FAILED, "its process ended", evidence={"exit_code": -11}
        )
        for _ in range(LOOP):
            with pytest.raises(ReelError, match="its process ended"):
                await told(asked, "one")
        assert await told(asked, "two") == [3.0]

    asyncio.run(main())


def test_a_refusal_is_the_answer_and_no_failure_of_the_actor() -> None:
    async def main() -> None:
        fleet, here = Fleet(), Toy()
        asked = provider(fleet, here=here)
        for _ in range(LOOP + 1):
            with pytest.raises(ReelError) as raised:
                await told(asked, "bad")
            assert raised.value.code is Code.MODEL_REFUSED
        assert not here.asked

    asyncio.run(main())


def test_without_actors_and_without_weights_it_is_unavailable() -> None:
    async def main() -> None:
        fleet = Fleet()
        fleet.is_away = True
        with pytest.raises(ReelError) as raised:
            await told(provider(fleet), "one")
        assert raised.value.code is Code.MODEL_UNAVAILABLE
        assert raised.value.problem.where == "models.text_embedding"

    asyncio.run(main())


def test_cancelling_leaves_the_line() -> None:
    async def main() -> None:
        fleet = Fleet(Rules(batch=1, join_s=0))
        asked = provider(fleet)
        await told(asked, "first")
        actor = fleet.made[0]
        actor.model.gate.clear()
        stays = asyncio.create_task(told(asked, "stays"))
        await until(lambda: len(actor.model.asked) == 2)
        leaves = asyncio.create_task(told(asked, "leaves"))
        await until(lambda: actor.desk.waiting == 2)
        leaves.cancel()
        actor.model.gate.set()
        assert await stays == [5.0]
        assert await told(asked, "after") == [5.0]
        assert ("leaves",) not in [one.texts for one in actor.model.asked]

    asyncio.run(main())


def test_the_digests_tell_models_and_weights_apart() -> None:
    from dataclasses import replace

    assert spec_digest(SPEC) != spec_digest(replace(SPEC, model="other"))
    assert identity_digest(IDENTITY) != identity_digest(replace(IDENTITY, revision="2"))
    assert spec_digest(SPEC) == spec_digest(replace(SPEC, threads=7))
