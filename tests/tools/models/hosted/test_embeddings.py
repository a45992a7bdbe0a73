"""Embeddings from a server that speaks OpenAI's wire format."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.models.hosted import embeddings
from reelwright.tools.models.kinds import ModelKind, TextsAsk, Usage, Vectors
from reelwright.tools.models.providers import ModelSpec
from tests.wire_server import Turn, WireServer, wire_server


def embed(server: WireServer, *texts: str, timeout_s: float = 60.0) -> tuple[Vectors, Usage]:
    spec = ModelSpec(
        kind=ModelKind.TEXT_EMBEDDING,
        provider="local",
        model="nomic",
        url=f"{server.url}/v1",
        timeout_s=timeout_s,
    )
    return asyncio.run(embeddings.make(spec).answer(TextsAsk(texts=texts)))


def test_vectors_are_of_length_one_in_the_order_of_the_texts() -> None:
    with wire_server() as server:
        vectors, usage = embed(server, "a", "a longer one", "")
    assert vectors.rows.dtype == np.float32
    assert vectors.rows.shape == (3, 3)
    assert np.allclose(np.linalg.norm(vectors.rows, axis=1), 1.0)
    # The server's second number is the length of the text; an empty one is sent as a space.
    assert np.allclose(vectors.rows[:, 1] / vectors.rows[:, 0], [1, 12, 1])
    assert usage.input_tokens == 7


def test_many_texts_are_sent_in_parts() -> None:
    texts = [str(n) for n in range(600)]
    with wire_server() as server:
        vectors, usage = embed(server, *texts)
    assert vectors.rows.shape == (600, 3)
    assert [len(one.body["input"]) for one in server.asked] == [256, 256, 88]
    assert usage.input_tokens == 21


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b'{"data": []}',
        b'{"data": [{"index": 0, "embedding": [1, "x"]}]}',
        b'{"data": [{"index": 0, "embedding": [0, 0]}]}',
        b'{"data": [{"index": 0, "embedding": [1, 2]}, {"index": 1, "embedding": [1]}]}',
        b"nonsense",
    ],
)
def test_what_is_no_vectors_is_invalid(raw: bytes) -> None:
    with wire_server(Turn(raw=raw)) as server, pytest.raises(ReelError) as raised:
        embed(server, "a")
    assert raised.value.code is Code.MODEL_ANSWER_INVALID


def test_a_server_that_is_busy_says_until_when() -> None:
    busy = Turn(status=429, headers=(("retry-after", "3"),))
    with wire_server(busy) as server, pytest.raises(ReelError) as raised:
        embed(server, "a")
    assert raised.value.code is Code.MODEL_RATE_LIMITED
    assert raised.value.problem.evidence["retry_after_s"] == 3


def test_a_server_that_does_not_answer_in_time() -> None:
    until = threading.Event()
    with wire_server(Turn(until=until)) as server:
        with pytest.raises(ReelError) as raised:
            embed(server, "a", timeout_s=0.5)
        until.set()
    assert raised.value.code is Code.NETWORK_TIMEOUT
