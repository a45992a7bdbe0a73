"""The walls around a command, tried from inside by a hostile one."""

import sys
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.process import Command, Completed
from reelwright.tools.sandbox import Confinement, landlock_abi, sandbox_status
from tests.tools.processes import PYTHON, python, run

pytestmark = [
    pytest.mark.attack,
    pytest.mark.skipif(sys.platform != "linux" or not landlock_abi(), reason="needs Landlock"),
]
LIBRARY = Path(sys.base_prefix)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def inside(code: str, workspace: Path, *read: Path, **fields: Any) -> Completed:
    walls = Confinement(read=(LIBRARY, *read), write=(workspace,), **fields)
    return run(python(code, workspace, confinement=walls, grace_s=0.1))


def refused(done: Completed) -> bool:
    return done.exit_code == 1 and "Permission" in done.stderr_tail[-1]


def test_what_is_given_can_be_read_and_the_workspace_written(
    tmp_path: Path, workspace: Path
) -> None:
    given = tmp_path / "in.txt"
    given.write_text("hello")
    code = f"""
import os
text = open({str(given)!r}).read()
os.mkdir("d"); open("d/out", "w").write(text); os.rename("d/out", "out"); os.rmdir("d")
open("out", "r+").truncate(4); os.remove("out"); open("out", "w").write(text + "!")
open("/dev/null", "w").write("x"); open("/dev/urandom", "rb").read(1); os.listdir(".")
"""
    done = inside(code, workspace, given)
    assert done.exit_code == 0, done.stderr_tail
    assert (workspace / "out").read_text() == "hello!"
    assert done.landlock_abi == landlock_abi()


@pytest.mark.parametrize(
    "deed",
    [
        "open('/etc/passwd')",
        "open('/proc/1/environ')",
        "import os; os.listdir('/')",
        "open('../secret')",
        "open('link')",
        "open('../new', 'w')",
        "open('../secret', 'a')",
        "import os; os.truncate('../secret', 0)",
        "import os; os.remove('../secret')",
        "import os; os.mkdir('../folder')",
        "import os; os.rename('mine', '../mine')",
        "import os; os.symlink('/etc', 'etc')",
        "import os; os.mknod('device', 0o020666, 0x103)",
        "import os; os.execv('/bin/sh', ['sh', '-c', 'id'])",
        "import os; os.kill(os.getppid(), 9)",
    ],
)
def test_what_is_outside_stays_out_of_reach(deed: str, tmp_path: Path, workspace: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (workspace / "link").symlink_to(secret)
    (workspace / "mine").write_text("mine")
    done = inside(deed, workspace)
    if "kill" in deed and landlock_abi() < 6:
        pytest.skip("signals are walled off from ABI 6")
    # A rename across the wall is EXDEV in Landlock's terms.
    assert refused(done) or ("rename" in deed and "cross-device" in done.stderr_tail[-1])
    assert secret.read_text() == "secret"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["secret", "workspace"]


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"])
@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM"])
def test_there_is_no_network(family: str, kind: str, workspace: Path) -> None:
    # The C module: the Python one around it would need more of the library than it has.
    code = f"import _socket; _socket.socket(_socket.{family}, _socket.{kind})"
    done = inside(code, workspace)
    assert refused(done), done.stderr_tail


def test_with_network_a_socket_can_be_made(workspace: Path) -> None:
    done = inside("import _socket; _socket.socket()", workspace, network=True)
    assert done.exit_code == 0, done.stderr_tail


@pytest.mark.parametrize(("call", "name"), [(425, "io_uring_setup"), (321, "bpf"), (101, "ptrace")])
def test_calls_that_lead_around_the_walls(call: int, name: str, workspace: Path) -> None:
    import os

    if os.uname().machine != "x86_64":
        pytest.skip(f"{name} has another number here")
    code = f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
result = libc.syscall({call}, 0, 0, 0, 0)
raise SystemExit(0 if result == -1 and ctypes.get_errno() == 13 else 9)
"""
    assert inside(code, workspace).exit_code == 0


def test_memory_is_bounded(workspace: Path) -> None:
    done = inside("b = bytearray(1 << 30)", workspace, memory_bytes=256 << 20)
    assert done.stderr_tail[-1] == "MemoryError"


def test_files_are_bounded_and_the_writer_is_told(workspace: Path) -> None:
    code = "f = open('big', 'wb', buffering=0)\nfor _ in range(9): f.write(bytes(1000))"
    done = inside(code, workspace, file_bytes=5000)
    assert "File too large" in done.stderr_tail[-1]
    assert (workspace / "big").stat().st_size == 5000


def test_cpu_time_is_bounded(workspace: Path) -> None:
    done = inside("while True: pass", workspace, cpu_s=1)
    assert done.exit_code == -24  # SIGXCPU


def test_open_files_are_bounded(workspace: Path) -> None:
    done = inside("x = [open('/dev/null') for _ in range(99)]", workspace, open_files=32)
    assert "Too many open files" in done.stderr_tail[-1]


def test_a_script_with_an_interpreter_runs(tmp_path: Path, workspace: Path) -> None:
    script = tmp_path / "tool"
    script.write_text(f"#!{PYTHON} -IS\nprint('ran')\n")
    script.chmod(0o755)
    walls = Confinement(read=(LIBRARY,), write=(workspace,))
    lines: list[str] = []
    done = run(Command(argv=(str(script),), cwd=workspace, confinement=walls), lines.append)
    assert lines == ["ran"], done.stderr_tail


def test_both_binaries_start_with_nothing_but_the_workspace(
    ffmpeg: Path, ffprobe: Path, workspace: Path
) -> None:
    """One is linked dynamically, the other statically."""
    for binary in (ffmpeg, ffprobe):
        command = Command(
            argv=(str(binary), "-version"),
            cwd=workspace,
            confinement=Confinement(),
            stdout_bytes=9999,
        )
        assert b" version " in run(command).stdout


def test_every_encoder_that_spreads_over_threads_works(ffmpeg: Path, workspace: Path) -> None:
    """They look for the number of processors in /proc and /sys."""
    for codec in ("libx264", "libx265", "libsvtav1", "libvpx-vp9"):
        argv = (
            *(
                str(ffmpeg),
                "-nostdin",
                "-v",
                "error",
                "-f",
                "lavfi",
                "-i",
                "testsrc2=s=128x96:d=0.2",
            ),
            *("-c:v", codec, f"{codec}.mkv"),
        )
        walls = Confinement(write=(workspace,), memory_bytes=2 << 30)
        done = run(Command(argv=argv, cwd=workspace, confinement=walls))
        assert done.exit_code == 0, done.stderr_tail


def test_the_status_names_each_wall() -> None:
    status = sandbox_status()
    assert status.files
    assert status.network
    assert status.landlock_abi == landlock_abi()
    assert str(landlock_abi()) in status.note


def test_a_path_that_is_not_there_is_an_error(workspace: Path) -> None:
    with pytest.raises(ReelError) as caught:
        inside("", workspace, workspace / "missing")
    assert caught.value.code is Code.INPUT_NOT_FOUND
