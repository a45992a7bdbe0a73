"""A database that does not answer is named, without its password."""

from __future__ import annotations

import pytest

from reelwright.errors import Code, ReelError
from reelwright.store.database import database_at


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    url = "postgresql://reel:secret@127.0.0.1:1/films?password=other"  # secret-ok: made up
    database = database_at(url)
    try:
        with pytest.raises(ReelError) as refused, database.read() as tx:
            tx.now()
    finally:
        database.close()

    problem = refused.value.problem
    assert problem.code is Code.STORE_UNAVAILABLE
    assert problem.where is not None
    assert "127.0.0.1:1/films" in problem.where
    assert "secret" not in str(problem.to_json())
    assert "other" not in str(problem.to_json())
