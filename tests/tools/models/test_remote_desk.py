"""The line before a loaded model: joined, bounded, left, closed."""

from __future__ import annotations

import asyncio
from typing import Any

from reelwright.errors import Code, Problem
from reelwright.tools.models import wire
from reelwright.tools.models.kinds import PictureAsk, TextsAsk
from reelwright.tools.models.remote_desk import Desk, Rules
from tests.tools.models.fleet import Toy, until


async def ask(desk: Desk, *texts: str, purpose: str = "passage") -> dict[str, Any]:
    body, blocks = wire.pack(TextsAsk(texts=texts, purpose=purpose))
    head, out = await desk.ask({"ask": body}, blocks)
    if "answer" in head:
        head["answer"] = wire.unpack(head["answer"], out)[0].rows.ravel().tolist()
    return head


async def waiting(desk: Desk, count: int) -> None:
    await until(lambda: desk.waiting == count)


def test_what_waits_is_asked_together_up_to_a_size() -> None:
    async def main() -> None:
        model = Toy()
        desk = Desk(model, Rules(batch=4, join_s=0))
        model.gate.clear()
        first = asyncio.create_task(ask(desk, "a"))
        await until(lambda: len(model.asked) == 1)
        rest = [asyncio.create_task(ask(desk, "b" * n)) for n in range(2, 8)]
        await waiting(desk, 7)
        model.gate.set()
        answers = [found["answer"] for found in await asyncio.gather(first, *rest)]
        assert answers == [[1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [7.0]]
        assert [len(one.texts) for one in model.asked] == [1, 4, 2]
        assert (desk.answered, desk.batches) == (7, 3)

    asyncio.run(main())


def test_the_first_waits_a_moment_for_others() -> None:
    async def main() -> None:
        model = Toy()
        desk = Desk(model, Rules(join_s=0.5))
        found = await asyncio.gather(ask(desk, "a"), ask(desk, "bb"), ask(desk, "ccc", "d"))
        assert [one["answer"] for one in found] == [[1.0], [2.0], [3.0, 1.0]]
        assert [len(one.texts) for one in model.asked] == [4]

    asyncio.run(main())


def test_a_batch_of_one_joins_nothing() -> None:
    async def main() -> None:
        model = Toy()
        desk = Desk(model, Rules(batch=1, join_s=0))
        await asyncio.gather(ask(desk, "a"), ask(desk, "b"))
        assert len(model.asked) == 2

    asyncio.run(main())


def test_like_is_joined_over_what_is_unlike_and_nobody_is_passed_over() -> None:
    async def main() -> None:
        model = Toy()
        desk = Desk(model, Rules(join_s=0))
        model.gate.clear()
        first = asyncio.create_task(ask(desk, "a"))
        await until(lambda: model.asked)
        tasks = [
            asyncio.create_task(ask(desk, text, purpose=purpose))
            for text, purpose in [("b", "passage"), ("q", "query"), ("c", "passage")]
        ]
        await waiting(desk, 4)
        model.gate.set()
        await asyncio.gather(first, *tasks)
        assert [one.texts for one in model.asked] == [("a",), ("b", "c"), ("q",)]

    asyncio.run(main())


def test_a_picture_to_read_is_asked_alone() -> None:
    async def main() -> None:
        model = Toy()
        desk = Desk(model)
        body, blocks = wire.pack(PictureAsk(image=b"picture"))
        heads = await asyncio.gather(*(desk.ask({"ask": body}, blocks) for _ in range(3)))
        assert all("answer" in head for head, _ in heads)
        assert len(model.asked) == 3

    asyncio.run(main())


def test_the_mistake_of_one_is_not_that_of_the_batch() -> None:
    async def main() -> None:
        desk = Desk(Toy(), Rules(join_s=0.2))
        good, bad, other = await asyncio.gather(
            ask(desk, "good"), ask(desk, "bad"), ask(desk, "other")
        )
        assert good["answer"] == [4.0]
        assert other["answer"] == [5.0]
        assert Problem.from_json(bad["error"]).code is Code.MODEL_REFUSED

    asyncio.run(main())


def test_where_too_many_wait_the_next_is_turned_away() -> None:
    async def main() -> None:
        model = Toy()
        desk = Desk(model, Rules(room=2, join_s=0))
        model.gate.clear()
        first = asyncio.create_task(ask(desk, "a"))
        await until(lambda: model.asked)
        more = [asyncio.create_task(ask(desk, "b")) for _ in range(2)]
        await waiting(desk, 3)
        turned = await ask(desk, "c")
        assert turned["full"] is True
        assert turned["told"]["waiting"] == 3
        model.gate.set()
        assert all("answer" in found for found in await asyncio.gather(first, *more))
        assert "answer" in await ask(desk, "c")

    asyncio.run(main())


def test_who_leaves_the_line_is_not_asked_for() -> None:
    async def main() -> None:
        model = Toy()
        desk = Desk(model, Rules(batch=1, join_s=0))
        model.gate.clear()
        first = asyncio.create_task(ask(desk, "a"))
        await until(lambda: model.asked)
        left, stays = asyncio.create_task(ask(desk, "b")), asyncio.create_task(ask(desk, "c"))
        await waiting(desk, 3)
        left.cancel()
        model.gate.set()
        await asyncio.gather(first, stays)
        assert [one.texts for one in model.asked] == [("a",), ("c",)]

    asyncio.run(main())


def test_what_nobody_waits_for_is_given_up_and_the_next_is_served() -> None:
    async def main() -> None:
        model = Toy()
        desk = Desk(model, Rules(left_s=0.0, join_s=0))
        model.gate.clear()
        hangs = asyncio.create_task(ask(desk, "hangs"))
        await until(lambda: model.asked)
        hangs.cancel()
        await until(lambda: model.given_up == 1)
        model.gate.set()
        assert (await ask(desk, "next"))["answer"] == [4.0]

    asyncio.run(main())


def test_a_closed_one_says_so() -> None:
    async def main() -> None:
        desk = Desk(Toy())
        desk.is_closed = True
        assert (await ask(desk, "a"))["gone"] is True

    asyncio.run(main())


def test_what_cannot_be_read_is_an_error_and_no_end() -> None:
    async def main() -> None:
        desk = Desk(Toy())
        head, _ = await desk.ask({"ask": {"$type": "Nothing", "of": {}}}, [])
        assert Problem.from_json(head["error"]).code is Code.MODEL_ANSWER_INVALID
        assert "answer" in await ask(desk, "a")

    asyncio.run(main())


def test_it_tells_what_it_has_done_and_for_how_long_nobody_asked() -> None:
    async def main() -> None:
        desk = Desk(Toy(), Rules(join_s=0))
        assert desk.told()["loads"] == 0
        await ask(desk, "a")
        assert desk.told()["loads"] == 1
        told = desk.told()
        assert (told["answered"], told["batches"], told["waiting"]) == (1, 1, 0)
        assert told["service_s"] == 0  # it was loaded for this one
        assert told["idle_s"] >= 0
        await ask(desk, "b")
        assert desk.told()["service_s"] > 0

    asyncio.run(main())
