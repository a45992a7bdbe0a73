"""Models in warm processes of their own: kept, restarted, killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.models import providers
from reelwright.tools.models.chains import Configured
from reelwright.tools.models.kinds import ModelKind, PictureAsk
from reelwright.tools.models.pool import Pool
from reelwright.tools.models.providers import Entry, ModelSpec, Runs
from reelwright.tools.models.serving import Serving

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# Where the child finds it: a module beside the package's own.
_HOOK = """
import sys; sys.path.insert(0, {root!r})
from reelwright.tools.models import host, providers
import tests.tools.models.echo_model as echo
sys.modules["reelwright.tools.models.echo"] = echo
providers._OF_OCR["echo"] = providers.Entry("echo", providers.Runs.CHILD, "")
host.main()
"""
_ROOT = Path(__file__).parents[3]


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider ``echo`` of OCR, here and in its child."""
    from reelwright.tools.models import child
    from tests.tools.models import echo_model

    monkeypatch.setitem(sys.modules, "reelwright.tools.models.echo", echo_model)
    monkeypatch.setitem(providers._OF_OCR, "echo", Entry("echo", Runs.CHILD, ""))
    code = _HOOK.format(root=str(_ROOT))
    monkeypatch.setattr(
        child, "python_argv", lambda module, *more: (sys.executable, "-c", code, *more)
    )


@pytest.fixture
def pool(echo: None) -> Iterator[Pool]:
    made = Pool(Configured(chains={ModelKind.OCR: "echo"}, threads=3))
    yield made
    made.close()


async def told(pool: Pool, words: str) -> list[str]:
    served = await Serving(pool).read(PictureAsk(image=words.encode()))
    return served.value.lines[0].text.split()


def until(condition: Callable[[], Any], timeout_s: float = 60.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """And no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_one_process_answers_many_asks(pool: Pool) -> None:
    async def main() -> list[list[str]]:
        return [await told(pool, "one"), await told(pool, "two")]

    first, second = asyncio.run(main())
    assert first[1] == second[1]
    assert int(first[1]) != os.getpid()
    assert first[2] == "3"  # threads are bounded


def test_it_may_be_asked_from_several_event_loops(pool: Pool) -> None:
    first, second = (asyncio.run(told(pool, "word")) for _ in range(2))
    assert first == second


def test_what_a_library_prints_is_no_answer(pool: Pool) -> None:
    assert asyncio.run(told(pool, "print"))[0] == "print"


def test_an_error_is_told_and_the_process_stays(pool: Pool) -> None:
    async def main() -> tuple[list[str], ReelError, list[str]]:
        before = await told(pool, "one")
        with pytest.raises(ReelError) as raised:
            await told(pool, "fail")
        return before, raised.value, await told(pool, "one")

    before, error, after = asyncio.run(main())
    assert error.code is Code.MODEL_FAILED
    assert "no such thing" in str(error)
    assert before == after


def test_a_process_that_dies_is_started_once_more(pool: Pool, tmp_path: Path) -> None:
    assert asyncio.run(told(pool, f"once {tmp_path / 'died'}"))[0] == "once"


def test_one_that_dies_again_is_a_failure_with_its_last_words(pool: Pool) -> None:
    with pytest.raises(ReelError) as raised:
        asyncio.run(told(pool, "die"))
    assert raised.value.code is Code.MODEL_FAILED
    assert raised.value.problem.evidence["exit_code"] == 9


def test_cancelling_kills_what_works_and_the_next_ask_has_a_new_process(
    pool: Pool, tmp_path: Path
) -> None:
    mark = tmp_path / "hangs"

    async def main() -> tuple[list[str], list[str]]:
        before = await told(pool, "one")
        task = asyncio.create_task(told(pool, f"hang {mark}"))
        await asyncio.to_thread(until, mark.exists)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return before, await told(pool, "two")

    before, after = asyncio.run(main())
    assert before[1] != after[1]
    until(lambda: not is_alive(int(before[1])))


def test_closing_kills_it(pool: Pool) -> None:
    pid = int(asyncio.run(told(pool, "one"))[1])
    pool.close()
    until(lambda: not is_alive(pid))


def test_without_asks_it_goes_to_rest_and_comes_back(echo: None) -> None:
    pool = Pool(Configured(chains={ModelKind.OCR: "echo"}, idle_s=0.2))
    try:
        first = int(asyncio.run(told(pool, "one"))[1])
        until(lambda: not is_alive(first))
        assert int(asyncio.run(told(pool, "two"))[1]) != first
    finally:
        pool.close()


def test_several_copies_answer_at_once_where_cores_allow(echo: None) -> None:
    pool = Pool(Configured(chains={ModelKind.OCR: "echo"}, copies=2))

    async def main() -> list[list[str]]:
        return await asyncio.gather(*(told(pool, "one") for _ in range(4)))

    try:
        assert len({answer[1] for answer in asyncio.run(main())}) <= 2
    finally:
        pool.close()


def test_a_model_that_cannot_be_loaded_says_so(echo: None) -> None:
    from reelwright.tools.models.child import ChildProvider
    from tests.tools.models import echo_model

    spec = ModelSpec(kind=ModelKind.OCR, provider="echo", options={"is_broken": True})
    provider = ChildProvider(spec, echo_model.identify(spec), idle_s=60)
    with pytest.raises(ReelError) as raised:
        asyncio.run(provider.answer(PictureAsk(image=b"one")))
    provider.shut()
    assert raised.value.code is Code.MODEL_UNAVAILABLE
    assert raised.value.problem.where == "models.ocr"


def test_it_dies_with_its_parent_also_while_it_works(tmp_path: Path) -> None:
    """Killed with SIGKILL, the parent can tell nobody."""
    mark = tmp_path / "hangs"
    script = tmp_path / "parent.py"
    script.write_text(
        f"""
import asyncio, sys
sys.path.insert(0, {str(_ROOT)!r})
from unittest import mock
from tests.tools.models.test_child import *
from tests.tools.models import echo_model
from reelwright.tools.models import child
sys.modules["reelwright.tools.models.echo"] = echo_model
providers._OF_OCR["echo"] = Entry("echo", Runs.CHILD, "")
code = {_HOOK.format(root=str(_ROOT))!r}
child.python_argv = lambda module, *more: (sys.executable, "-c", code, *more)
pool = Pool(Configured(chains={{ModelKind.OCR: "echo"}}))
print(asyncio.run(told(pool, "one"))[1], flush=True)
asyncio.run(told(pool, "hang {mark}"))
"""
    )
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    pid = int(parent.stdout.readline())
    until(mark.exists)
    assert is_alive(pid)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    until(lambda: not is_alive(pid))
