"""No death above a command leaves it running. Real processes are killed, stopped and frozen."""

import marshal
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reelwright.tools import guard as guard_module
from reelwright.tools.sandbox import Confinement, guard_limits, guard_rules
from tests.tools.processes import PYTHON, Driven, is_alive, python, run, until

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc"),
]
GUARD = Path(guard_module.__file__)
ENDLESS = (
    *("-nostdin", "-nostats", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=64x64"),
    *("-c:v", "libx264", "-f", "matroska", "out.mkv"),
)


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Callable[..., Driven]]:
    started: list[Driven] = []

    def start(*argv: str, lease_s: float = 0.0) -> Driven:
        driven = Driven(tmp_path, *argv, lease_s=lease_s)
        started.append(driven)
        return driven

    yield start
    for driven in started:
        driven.end()


def test_killing_the_caller_kills_ffmpeg(drive: Callable[..., Driven], ffmpeg: Path) -> None:
    driven = drive(str(ffmpeg), *ENDLESS)
    driven.process.kill()
    until(lambda: not is_alive(driven.command) and not is_alive(driven.guard))


def test_killing_the_guard_kills_ffmpeg(drive: Callable[..., Driven], ffmpeg: Path) -> None:
    driven = drive(str(ffmpeg), *ENDLESS)
    os.kill(driven.guard, signal.SIGKILL)
    until(lambda: not is_alive(driven.command))
    assert driven.said() == "error tool_crashed"


def test_killing_caller_and_guard_at_once(drive: Callable[..., Driven], ffmpeg: Path) -> None:
    driven = drive(str(ffmpeg), *ENDLESS)
    driven.process.send_signal(signal.SIGSTOP)  # neither can act on the other's death
    os.kill(driven.guard, signal.SIGKILL)
    driven.process.kill()
    until(lambda: not is_alive(driven.command))


def test_killing_ffmpeg_is_reported(drive: Callable[..., Driven], ffmpeg: Path) -> None:
    driven = drive(str(ffmpeg), *ENDLESS)
    os.kill(driven.command, signal.SIGKILL)
    assert driven.said() == "ended -9"
    assert not is_alive(driven.guard)


def test_a_frozen_caller_loses_ffmpeg_with_its_lease(
    drive: Callable[..., Driven], ffmpeg: Path
) -> None:
    driven = drive(str(ffmpeg), *ENDLESS, lease_s=1.5)
    driven.process.send_signal(signal.SIGSTOP)
    until(lambda: not is_alive(driven.command))
    driven.process.send_signal(signal.SIGCONT)
    assert driven.said() == "error lease_lost"


def test_a_frozen_caller_without_lease_keeps_ffmpeg_until_it_dies(
    drive: Callable[..., Driven], ffmpeg: Path
) -> None:
    driven = drive(str(ffmpeg), *ENDLESS, lease_s=0.0)
    driven.process.send_signal(signal.SIGSTOP)
    assert is_alive(driven.command)
    driven.process.kill()
    until(lambda: not is_alive(driven.command))


def test_a_stopped_ffmpeg_dies_with_its_caller(drive: Callable[..., Driven], ffmpeg: Path) -> None:
    driven = drive(str(ffmpeg), *ENDLESS)
    os.kill(driven.command, signal.SIGSTOP)
    driven.process.kill()
    until(lambda: not is_alive(driven.command))


def test_a_signal_to_the_guard_reaches_the_command(
    drive: Callable[..., Driven], ffmpeg: Path, tmp_path: Path
) -> None:
    driven = drive(str(ffmpeg), *ENDLESS)
    until((tmp_path / "out.mkv").exists)  # by then it handles signals
    os.kill(driven.guard, signal.SIGTERM)
    assert driven.said() == "ended 255"  # FFmpeg ends its file and says 255


def test_what_a_command_leaves_behind_dies_with_it(tmp_path: Path) -> None:
    code = """
import os, time
left = os.fork()
if left == 0:
    time.sleep(600)
print(left)
"""
    lines: list[str] = []
    done = run(python(code, tmp_path), lines.append)
    assert done.exit_code == 0
    until(lambda: not is_alive(int(lines[0])))


def test_the_guard_stays_small() -> None:
    """Each of these would add milliseconds to every command."""
    code = f"""
import sys
source = open({str(GUARD)!r}).read()
exec(compile(source, "guard", "exec"), {{"__name__": "guard"}})
print(*sys.modules)
"""
    loaded = subprocess.check_output([sys.executable, "-I", "-S", "-c", code], text=True).split()
    assert not {"json", "re", "enum", "signal", "struct", "typing", "ctypes", "site"} & set(loaded)


def as_changed(change: str, folder: Path, confinement: Confinement | None, *argv: str) -> str:
    """What the guard says when its script is run after `change`: other systems and kernels."""
    code = f"""
import sys
source = open({str(GUARD)!r}).read().replace('if __name__ == "__main__":', {change!r} + "\\nif 1:")
exec(compile(source, "guard", "exec"), {{"__name__": "__main__"}})
"""
    config = marshal.dumps(
        {
            "argv": list(argv),
            "executable": argv[0],
            "cwd": str(folder),
            "env": {},
            "lease_s": None,
            "limits": guard_limits(confinement),
            "sandbox": guard_rules(confinement, Path(argv[0])),
        }
    )
    status, end = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", code, str(end)], stdin=subprocess.PIPE, pass_fds=(end,)
    ) as process:
        os.close(end)
        assert process.stdin
        process.stdin.write(b"%08x" % len(config) + config)
        process.stdin.flush()
        with os.fdopen(status) as file:
            said = file.read()
    return said


def test_where_there_is_no_linux_it_still_runs_and_reports(tmp_path: Path) -> None:
    said = as_changed(
        "LINUX = False; del os.waitid", tmp_path, Confinement(), PYTHON, "-c", "raise SystemExit(3)"
    )
    assert '"exit_code": 3' in said
    assert "landlock" not in said


def test_without_landlock_the_other_walls_stand(tmp_path: Path) -> None:
    said = as_changed("CREATE_RULESET = 9999", tmp_path, Confinement(), PYTHON, "-c", "")
    assert '"landlock": 0, "seccomp": 1' in said
    assert '"exit_code": 0' in said


def test_without_landlock_but_required_nothing_runs(tmp_path: Path) -> None:
    said = as_changed(
        "CREATE_RULESET = 9999", tmp_path, Confinement(required=True), PYTHON, "-c", "1"
    )
    assert '"failed": "sandbox", "errno": 13' in said
    assert '"exit_code": 127' in said
