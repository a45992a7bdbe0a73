"""Runs one command so that it cannot outlive, or reach beyond, what it was started for.

A stand-alone script (``python -I -S guard.py STATUS_FD``, see `process.py`). It reads how to run
the command from standard input, which stays open as the lifeline: a zero byte is a heartbeat, any
other byte is a signal to pass on, and its end, or silence for a lease lifetime, kills the command's
group at once. The command is in its turn killed by the kernel when the guard dies (Linux). What
happened is written to the status descriptor as one JSON object a line.

Every command pays for this process, so it imports little: `json`, `signal` and `struct` would
double its 10 ms, hence marshal and the C modules behind them. It must stay single-threaded: the
death signal fires when the *thread* that forked ends.
"""

# ruff: noqa: SIM105 - contextlib would cost as much as the whole script

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import marshal
import os
import resource
import select
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

HEADER_BYTES = 8
HEARTBEAT = b"\0"
LINUX = sys.platform == "linux"

# include/uapi/linux/landlock.h; a right is handled from the ABI at which its row starts.
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
HANDLED = ((1, (1 << 13) - 1), (2, REFER), (3, TRUNCATE), (5, IOCTL_DEV))
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
READ = READ_FILE | READ_DIR
# No symbolic links, sockets or devices: a link would lead whoever reads the workspace outside.
WRITE = READ | WRITE_FILE | TRUNCATE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every architecture
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38
EACCES, ENOENT = 13, 2

# By machine: AUDIT_ARCH, the number of socket(), and those of what no media tool needs, other
# processes' memory, kernel and mount tables, io_uring (which makes sockets past a filter): ptrace,
# process_vm_readv/writev, io_uring_setup, bpf, perf_event_open, userfaultfd, keyctl, add_key,
# request_key, mount, umount2, pivot_root, kexec_load, kexec_file_load, init_module, finit_module,
# delete_module, unshare, setns.
CALLS = {
    "x86_64": (
        0xC000003E,
        41,
        "101 310 311 425 321 298 323 250 248 249 165 166 155 246 320 175 313 176 272 308",
    ),
    "aarch64": (
        0xC00000B7,
        198,
        "117 270 271 425 280 241 282 219 217 218 40 39 41 104 294 105 273 106 97 268",
    ),
}


def main() -> NoReturn:
    status = int(sys.argv[1])
    config = marshal.loads(_exactly(int(_exactly(HEADER_BYTES), 16)))
    os.set_inheritable(status, False)
    wakeup, signalled = os.pipe()
    os.set_blocking(signalled, False)
    _signal.set_wakeup_fd(signalled)
    for number in (_signal.SIGCHLD, _signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP):
        _signal.signal(number, lambda *_: None)
    guard = os.getpid()
    child = os.fork()
    if child == 0:
        _become(config, status, guard)
    try:
        os.setpgid(child, child)  # whichever of the two comes first
    except OSError:
        pass  # it runs already, and has done so itself
    report(status, f'{{"pid": {child}}}')
    report(status, _watch(child, wakeup, config["lease_s"]))
    os._exit(0)


def _exactly(size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = os.read(0, size - len(data))
        if not more:
            os._exit(1)  # whoever started us is gone
        data += more
    return data


def report(status: int, line: str) -> None:
    try:
        os.write(status, line.encode() + b"\n")
    except OSError:
        pass  # nobody listens any more; the lifeline decides


def _watch(child: int, wakeup: int, lease_s: float | None) -> str:
    """Waits until the child has ended; the report says for what the guard killed it, if it did."""
    reason = ""
    lifeline = [0]
    last_beat = time.monotonic()
    while True:
        wait_s = None if lease_s is None or reason else last_beat + lease_s - time.monotonic()
        ready = select.select([wakeup, *lifeline], [], [], wait_s and max(wait_s, 0.0))[0]
        if 0 in ready:
            sent = os.read(0, 4096)
            last_beat = time.monotonic()
            if not sent:
                lifeline, reason = [], reason or "lifeline"
                _kill(child, _signal.SIGKILL)
            for number in sent.replace(HEARTBEAT, b""):
                _kill(child, number)
        elif not ready:
            reason = "lease"
            _kill(child, _signal.SIGKILL)
        if wakeup in ready:
            for number in os.read(wakeup, 4096):
                if number != _signal.SIGCHLD:
                    _kill(child, number)
                else:
                    ending = _reap(child)
                    if ending:
                        return _ending(*ending, reason)


def _kill(child: int, number: int) -> None:
    try:
        os.killpg(child, number)
    except OSError:
        pass  # the group is gone


def _reap(child: int) -> tuple[int, Any] | None:
    """The wait status and usage once it has ended; what it left in its group is killed."""
    if hasattr(os, "waitid"):
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        # While the child is unreaped its group's number cannot be given to others.
        _kill(child, _signal.SIGKILL)
    ended, code, usage = os.wait4(child, os.WNOHANG)
    if not ended:
        return None
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        _kill(child, _signal.SIGKILL)
    return code, usage


def _ending(code: int, usage: Any, reason: str) -> str:
    exit_code = os.waitstatus_to_exitcode(code)
    rss_bytes = usage.ru_maxrss * (1024 if LINUX else 1)
    cpu_s = usage.ru_utime + usage.ru_stime
    return (
        f'{{"exit_code": {exit_code}, "cpu_s": {cpu_s:.6f}, '
        f'"max_rss_bytes": {rss_bytes}, "reason": "{reason}"}}'
    )


def _become(config: dict[str, Any], status: int, guard: int) -> NoReturn:
    """In the child: everything is taken away, then the command takes its place."""
    stage = "start"
    try:
        os.setpgid(0, 0)
        _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)  # Python ignores it, tools expect it
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        if LINUX:
            _tie(guard)
        stage = "cwd"
        os.chdir(config["cwd"])
        stage = "limits"
        _limit(config["limits"])
        stage = "sandbox"
        if LINUX and config["sandbox"]:
            confine(config["sandbox"], status)
        stage = "exec"
        os.execve(config["executable"], config["argv"], config["env"])
    except OSError as error:
        name = os.fsencode(error.filename or "").hex()
        report(
            status, f'{{"failed": "{stage}", "errno": {error.errno or 0}, "path_hex": "{name}"}}'
        )
    finally:
        os._exit(127)


def _tie(guard: int) -> None:
    """The kernel kills us when the guard dies; and first of us all when memory runs out."""
    prctl(PR_SET_PDEATHSIG, _signal.SIGKILL)
    if os.getppid() != guard:  # it died before the line above
        os._exit(127)
    try:
        with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - no pathlib here
            file.write("500")
    except OSError:
        pass  # no /proc in this container


def _limit(limits: dict[str, int]) -> None:
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        # One second later, so that SIGXCPU comes first and says what happened.
        last = value + 1 if name == "CPU" else value
        resource.setrlimit(kind, (value, last if hard == resource.RLIM_INFINITY else hard))


def _libc() -> Any:
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int, argument: Any = 0) -> None:
    import ctypes

    long = ctypes.c_ulong
    last = argument if argument else long(0)
    if _libc().prctl(option, long(value), last, long(0), long(0)) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def landlock_abi() -> int:
    """The Landlock ABI of the running kernel; 0 where there is none (or no Linux)."""
    if not LINUX:
        return 0
    return max(_syscall(CREATE_RULESET, 0, 0, 1), 0)


def _syscall(number: int, *arguments: Any) -> int:
    import ctypes

    given = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return int(_libc().syscall(ctypes.c_long(number), *given, ctypes.c_long(0)))


def confine(sandbox: dict[str, Any], status: int) -> None:
    """Files by Landlock, system calls by seccomp. `required`: fail where Landlock is missing."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    abi = landlock_abi()
    if abi == 0 and sandbox["required"]:
        raise OSError(EACCES, "no Landlock", "landlock")
    if abi:
        _landlock(sandbox, abi)
    filtered = _seccomp(network=sandbox["network"])
    report(status, f'{{"landlock": {abi}, "seccomp": {int(filtered)}}}')


def _landlock(sandbox: dict[str, Any], abi: int) -> None:
    import ctypes

    handled = 0
    for since, rights in HANDLED:
        handled |= rights if abi >= since else 0
    network = 3 if abi >= 4 and not sandbox["network"] else 0  # TCP bind and connect
    scope = 3 if abi >= 6 else 0  # abstract unix sockets, signals
    words = [handled, network, scope][: 1 if abi < 4 else 2 if abi < 6 else 3]
    attribute = b"".join(word.to_bytes(8, sys.byteorder) for word in words)
    ruleset = _syscall(CREATE_RULESET, ctypes.c_char_p(attribute), len(attribute), 0)
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "landlock_create_ruleset")
    for rights, needed, paths in (
        (READ, True, sandbox["read"]),
        (WRITE, True, sandbox["write"]),
        (READ | EXECUTE, True, sandbox["execute"]),
        (READ, False, sandbox["system_read"]),
        (READ | WRITE_FILE | IOCTL_DEV, False, sandbox["system_write"]),
    ):
        for path in paths:
            _allow(ruleset, path, rights & handled, needed=needed)
    if _syscall(RESTRICT_SELF, ruleset, 0) != 0:
        raise OSError(ctypes.get_errno(), "landlock_restrict_self")
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int, *, needed: bool) -> None:
    import ctypes

    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        if needed:
            raise
        return
    if os.fstat(handle).st_mode & 0o170000 != 0o040000:
        rights &= OF_FILES
    rule = rights.to_bytes(8, sys.byteorder) + handle.to_bytes(4, sys.byteorder)
    if _syscall(ADD_RULE, ruleset, 1, ctypes.c_char_p(rule), 0) != 0:
        raise OSError(ctypes.get_errno(), "landlock_add_rule", path)
    os.close(handle)


def _seccomp(*, network: bool) -> bool:
    """Landlock knows only TCP: without a socket() there is no UDP and no unix socket either."""
    if os.uname().machine not in CALLS:
        return False
    import ctypes

    arch, socket, others = CALLS[os.uname().machine]
    denied = [*([] if network else [socket]), *map(int, others.split())]
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06  # BPF_LD|W|ABS, JEQ|K, JGE|K, RET|K
    count = len(denied)
    program = [
        (load, 0, 0, 4),
        (equal, 0, count + 3, arch),  # another architecture's table has other numbers: refuse
        (load, 0, 0, 0),
        (at_least, count + 1, 0, 0x40000000),  # x32 calls
        *((equal, count - i, 0, number) for i, number in enumerate(denied)),
        (answer, 0, 0, 0x7FFF0000),
        (answer, 0, 0, 0x00050000 | EACCES),
    ]
    code = b"".join(
        c.to_bytes(2, sys.byteorder) + bytes((t, f)) + k.to_bytes(4, sys.byteorder)
        for c, t, f, k in program
    )
    buffer = ctypes.create_string_buffer(code, len(code))
    head = len(program).to_bytes(2, sys.byteorder) + bytes(6)
    fprog = head + ctypes.addressof(buffer).to_bytes(8, sys.byteorder)
    try:
        prctl(PR_SET_SECCOMP, 2, ctypes.c_char_p(fprog))
    except OSError:
        return False  # a kernel without seccomp filters; Landlock stays
    return True


if __name__ == "__main__":
    main()
