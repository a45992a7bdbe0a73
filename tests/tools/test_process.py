import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.process import Command, run_command
from reelwright.tools.sandbox import Confinement
from tests.tools.processes import PYTHON, is_alive, python, run, until


def test_lines_tail_and_exit_code(tmp_path: Path) -> None:
    code = "import sys; print('a\\nb\\rc', end=''); print('worse', file=sys.stderr); sys.exit(7)"
    out: list[str] = []
    err: list[str] = []
    done = run(python(code, tmp_path), out.append, err.append)
    assert (out, err) == (["a", "b", "c"], ["worse"])
    assert done.exit_code == 7
    assert done.stderr_tail == ("worse",)
    assert done.max_rss_bytes > 1 << 20


def test_the_cost_is_the_command_s_own(tmp_path: Path) -> None:
    code = "import time\nwhile time.process_time() < 0.2: pass"
    done = run(python(code, tmp_path))
    assert 0.2 <= done.cpu_seconds < 1.0


def test_it_runs_in_its_folder_with_nothing_of_ours(tmp_path: Path) -> None:
    code = "import os, sys; print(os.getcwd(), dict(os.environ), sys.stdin.read() == '')"
    lines: list[str] = []
    run(python(code, tmp_path, env={"LC_ALL": "C.UTF-8"}), lines.append)
    assert lines == [f"{tmp_path} {{'LC_ALL': 'C.UTF-8'}} True"]


def test_no_descriptor_leaks_but_those_that_are_passed(tmp_path: Path) -> None:
    code = "import os; print(*sorted(map(int, os.listdir('/proc/self/fd'))))"
    reading, writing = os.pipe()
    lines: list[str] = []
    try:
        run(python(code, tmp_path, pass_fds=(writing,)), lines.append)
    finally:
        os.close(reading)
        os.close(writing)
    # The listing itself holds one more, the lowest that is free.
    held = {int(n) for n in lines[0].split()}
    assert {0, 1, 2, writing} <= held
    assert len(held) == 5


def test_any_amount_of_output_in_a_bounded_log(tmp_path: Path) -> None:
    code = "for n in range(200_000): print('line', n)"
    log = tmp_path / "log"
    run(python(code, tmp_path, log=log, log_bytes=100_000))
    text = log.read_text()
    assert len(text) <= 100_000
    assert text.startswith("line 0\nline 1\n")
    assert text.endswith("line 199998\nline 199999\n")
    assert "bytes left out" in text


def test_a_line_without_end_is_cut_not_kept(tmp_path: Path) -> None:
    code = "import sys; sys.stderr.write('x' * 5_000_000)"
    lengths: list[int] = []
    done = run(python(code, tmp_path), None, lambda line: lengths.append(len(line)))
    assert sum(lengths) == 5_000_000
    assert max(lengths) <= 64 << 10
    assert sum(map(len, done.stderr_tail)) <= 80 * (64 << 10)


def test_stdout_is_kept_up_to_what_is_asked_for(tmp_path: Path) -> None:
    assert run(python("print('x' * 10)", tmp_path, stdout_bytes=11)).stdout == b"x" * 10 + b"\n"
    with pytest.raises(ReelError) as caught:
        run(python("print('x' * 11)", tmp_path, stdout_bytes=11))
    assert caught.value.code is Code.TOOL_FAILED


def test_undecodable_output_is_no_error(tmp_path: Path) -> None:
    code = "import os; os.write(2, b'\\xff\\xfe bad\\n')"
    assert run(python(code, tmp_path)).stderr_tail == ("\ufffd\ufffd bad",)


def test_what_a_callback_raises_stops_the_command(tmp_path: Path) -> None:
    pids: list[int] = []

    def refuse(line: str) -> None:
        pids.append(int(line))
        raise ReelError(Code.MEDIA_DAMAGED, "seen enough")

    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    with pytest.raises(ReelError, match="seen enough"):
        run(python(code, tmp_path, grace_s=0.1), refuse)
    assert not is_alive(pids[0])


def test_cancelling_lets_ffmpeg_finish_its_file(
    ffmpeg: Path, ffprobe: Path, tmp_path: Path
) -> None:
    argv = (
        *(str(ffmpeg), "-nostdin", "-v", "error", "-progress", "pipe:1", "-re", "-f", "lavfi"),
        *("-i", "testsrc2=size=64x64", "-c:v", "libx264", "-tune", "zerolatency", "out.mp4"),
    )
    command = Command(argv=argv, cwd=tmp_path, confinement=Confinement(write=(tmp_path,)))

    async def cancel_in_the_middle() -> None:
        begun = asyncio.Event()
        task = asyncio.create_task(
            run_command(command, lambda line: begun.set() if line == "progress=continue" else None)
        )
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel_in_the_middle())
    # A killed FFmpeg leaves an MP4 without its index, which nothing can open.
    subprocess.run([ffprobe, "-v", "error", tmp_path / "out.mp4"], check=True)


STUBBORN = """
import os, signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
child = os.fork()
if child == 0:
    time.sleep(600)
print(os.getpid(), child, flush=True)
time.sleep(600)
"""


@pytest.mark.faults
def test_who_ignores_the_signal_is_killed_with_its_children(tmp_path: Path) -> None:
    pids: list[int] = []

    async def cancel() -> None:
        begun = asyncio.Event()

        def listen(line: str) -> None:
            pids.extend(map(int, line.split()))
            begun.set()

        task = asyncio.create_task(run_command(python(STUBBORN, tmp_path, grace_s=0.2), listen))
        await begun.wait()
        task.cancel()
        await asyncio.sleep(0.05)
        task.cancel()  # an impatient caller changes nothing
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not is_alive(pids[0])

    asyncio.run(cancel())
    until(lambda: not is_alive(pids[1]))


@pytest.mark.faults
def test_a_stopped_guard_does_not_hold_up_a_cancellation(tmp_path: Path) -> None:
    code = (
        "import os, time; os.kill(os.getppid(), 19); print(os.getpid(), flush=True); time.sleep(9)"
    )
    pids: list[int] = []

    async def cancel() -> None:
        begun = asyncio.Event()

        def listen(line: str) -> None:
            pids.append(int(line))
            begun.set()

        task = asyncio.create_task(run_command(python(code, tmp_path, grace_s=0.1), listen))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    until(lambda: not is_alive(pids[0]))


def test_many_at_once(tmp_path: Path) -> None:
    async def all_of_them() -> list[int]:
        commands = (python(f"raise SystemExit({n})", tmp_path) for n in range(12))
        done = await asyncio.gather(*(run_command(command) for command in commands))
        return [completed.exit_code for completed in done]

    assert asyncio.run(all_of_them()) == list(range(12))


def test_a_timeout_says_how_long_it_waited(tmp_path: Path) -> None:
    with pytest.raises(ReelError, match=r"did not end within 0\.2 s") as caught:
        run(python("import time; time.sleep(600)", tmp_path, timeout_s=0.2, grace_s=0.1))
    assert caught.value.code is Code.TIMEOUT
    assert caught.value.problem.evidence["argv"][0] == PYTHON


def test_a_renewed_lease_keeps_it_running(tmp_path: Path) -> None:
    renewals: list[bool] = []

    async def renew() -> bool:
        renewals.append(True)
        return True

    command = python("import time; time.sleep(1.6)", tmp_path, lease_s=0.9, heartbeat=renew)
    assert run(command).exit_code == 0
    assert len(renewals) >= 3


def test_a_lost_lease_kills_it(tmp_path: Path) -> None:
    async def fenced() -> bool:
        return False

    command = python("import time; time.sleep(600)", tmp_path, lease_s=0.3, heartbeat=fenced)
    with pytest.raises(ReelError, match="another worker") as caught:
        run(command)
    assert caught.value.code is Code.LEASE_LOST


def test_a_store_that_stays_away_costs_the_lease(tmp_path: Path) -> None:
    async def unreachable() -> bool:
        raise ReelError(Code.STORE_UNAVAILABLE, "no database")

    command = python("import time; time.sleep(600)", tmp_path, lease_s=0.6, heartbeat=unreachable)
    with pytest.raises(ReelError, match=r"not renewed for 0\.6 s") as caught:
        run(command)
    assert caught.value.code is Code.LEASE_LOST


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ReelError) as caught:
        run(Command(argv=(str(tmp_path / "ffmpeg"),), cwd=tmp_path))
    assert caught.value.code is Code.TOOL_MISSING
    assert caught.value.problem.where == str(tmp_path / "ffmpeg")


def test_a_program_that_is_none(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("no program")
    with pytest.raises(ReelError) as caught:
        run(Command(argv=(str(plain),), cwd=tmp_path))
    assert caught.value.code is Code.PERMISSION_DENIED
    plain.chmod(0o755)
    with pytest.raises(ReelError) as caught:
        run(Command(argv=(str(plain),), cwd=tmp_path))
    assert caught.value.code is Code.TOOL_MISSING


def test_an_input_that_vanished(tmp_path: Path) -> None:
    gone = tmp_path / "gone.mp4"
    with pytest.raises(ReelError) as caught:
        run(python("", tmp_path, confinement=Confinement(read=(gone,))))
    assert caught.value.code in (Code.INPUT_NOT_FOUND, Code.SANDBOX_UNAVAILABLE)
    assert caught.value.problem.where == str(gone)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_the_log(tmp_path: Path) -> None:
    with pytest.raises(ReelError) as caught:
        run(python("print(1)", tmp_path, log=Path("/dev/full"), grace_s=0.1))
    assert caught.value.code is Code.DISK_FULL
    assert caught.value.code.retryable


@pytest.fixture
def few_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.usefixtures("few_files")
def test_no_more_files_to_open(tmp_path: Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    held = {int(p.name) for p in Path("/proc/self/fd").iterdir()}
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(held) + 8, hard))

    async def with_few() -> None:
        command = python("", tmp_path)
        spare = []
        with suppress(OSError):
            while True:
                spare.append(os.open("/dev/null", os.O_RDONLY))
        try:
            await run_command(command)
        finally:
            for handle in spare:
                os.close(handle)

    with pytest.raises(ReelError) as caught:
        asyncio.run(with_few())
    assert caught.value.code is Code.PROCESS_LIMIT
