"""Runs one outside command under the guard: its output, its end, and what it cost."""

from __future__ import annotations

import asyncio
import errno
import marshal
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelwright.errors import Code, ReelError
from reelwright.tools import watch
from reelwright.tools.output import BoundedLog, Pipe
from reelwright.tools.pulse import PULSE, Beating
from reelwright.tools.sandbox import Confinement, guard_limits, guard_rules

Line = Callable[[str], None]

_GUARD = Path(__file__).with_name("guard.py")
_KILL, _INTERRUPT = 9, 2
_DRAIN_S = 2.0  # for output that something outside the group still holds open
_KILL_S = 2.0  # for the guard to pass on SIGKILL and report
_TAIL_LINES = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One process to run.

    `argv[0]` is the path of the program. Its environment is `env` alone, its standard input is
    empty. `log` gets stderr, and stdout where nobody listens to it, both at most `log_bytes` with
    head and tail kept. `stdout_bytes`: keep so much of stdout in `Completed.stdout`; more is an
    error. `grace_s` lies between SIGINT and SIGKILL.

    `lease_s`: the process is killed when nothing has renewed its right to run for so long, because
    this one is stopped or frozen, or because `heartbeat`, awaited three times in that span, did
    not come back with True; None: only when this process is gone. Where `heartbeat` says False the
    lease is lost and the process is killed at once. An event loop that is held up between two
    heartbeats costs nothing (`pulse`).
    """

    argv: tuple[str, ...]
    cwd: Path
    confinement: Confinement | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    pass_fds: tuple[int, ...] = ()
    log: Path | None = None
    log_bytes: int = 4 << 20
    stdout_bytes: int = 0
    timeout_s: float | None = None
    grace_s: float = 5.0
    lease_s: float | None = 15.0
    heartbeat: Callable[[], Awaitable[bool]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """How a process ended. `exit_code` is -N after signal N; `landlock_abi` 0: ran without."""

    exit_code: int
    cpu_seconds: float
    max_rss_bytes: int
    wall_s: float
    stderr_tail: tuple[str, ...]
    stdout: bytes = b""
    landlock_abi: int = 0


async def run_command(
    command: Command,
    on_stdout_line: Line | None = None,
    on_stderr_line: Line | None = None,
) -> Completed:
    """Runs `command` to its end, whatever its exit code.

    Lines come without their end, decoded leniently, at most 64 KiB each; what a callback raises
    stops the process and comes out here. Cancelling stops it too: SIGINT to its group, `grace_s`,
    SIGKILL; on return nothing of it is left. Raises TOOL_MISSING, PERMISSION_DENIED,
    INPUT_NOT_FOUND (a path of the confinement), PROCESS_LIMIT, DISK_FULL, TIMEOUT, LEASE_LOST,
    TOOL_CRASHED (the guard was killed), SANDBOX_UNAVAILABLE, TOOL_FAILED (more stdout than
    `stdout_bytes`).
    """
    run = _Run(command, on_stdout_line, on_stderr_line)
    try:
        await run.start()
        async with asyncio.timeout(command.timeout_s):
            await run.finished()
    except TimeoutError as error:
        await run.stop()
        raise ReelError(
            Code.TIMEOUT,
            f"{_name(command)} did not end within {command.timeout_s:g} s",
            evidence=run.evidence(),
        ) from error
    except BaseException:
        await run.stop()
        raise
    finally:
        run.close()
        watch.tell(command.argv, time.monotonic() - run.started, run.said)
    return run.completed()


class _Run:
    """One process on its way; `start`, then `finished` or `stop`, then `close`."""

    def __init__(self, command: Command, on_stdout: Line | None, on_stderr: Line | None) -> None:
        self.command = command
        self.loop = asyncio.get_running_loop()
        self.changed = asyncio.Event()
        self.failure: BaseException | None = None
        self.said: dict[str, Any] = {}
        self.log = BoundedLog(command.log, command.log_bytes)
        keep = command.stdout_bytes
        logged = on_stdout is None and not keep
        self.out = Pipe(self._fail, on_stdout, self.log if logged else None, keep=keep)
        self.err = Pipe(self._fail, on_stderr, self.log, tail_lines=_TAIL_LINES)
        self.status = Pipe(self._fail, self._hear)
        self.started = time.monotonic()
        self.guard: subprocess.Popen[bytes] | None = None
        self.control: asyncio.WriteTransport | None = None
        self.readers: list[asyncio.ReadTransport] = []
        self.beats: asyncio.Task[None] | None = None
        self.beating: Beating | None = None
        self.grace_s = command.grace_s

    async def start(self) -> None:
        config = self._config()
        self.log.open()
        try:
            guard, status = self._spawn()
        except OSError as error:
            self.log.close()
            raise _spawn_error(self.command, error) from error
        self.guard = guard
        assert guard.stdin
        for pipe, file in ((self.out, guard.stdout), (self.err, guard.stderr)):
            await self._read(pipe, file)
        await self._read(self.status, os.fdopen(status, "rb", buffering=0))
        self.control, _ = await self.loop.connect_write_pipe(asyncio.BaseProtocol, guard.stdin)
        self.control.write(b"%08x" % len(config) + config)
        if self.command.lease_s is not None:
            every_s = self.command.lease_s / 3
            self.beating = PULSE.add(guard.stdin.fileno(), every_s)
            self._trust()
            self.beats = asyncio.create_task(self._beat(self.beating, every_s))

    def _config(self) -> bytes:
        command = self.command
        executable = Path(command.argv[0])
        if not executable.is_file():
            raise ReelError(
                Code.TOOL_MISSING, f"{executable} does not exist", where=str(executable)
            )
        return marshal.dumps(
            {
                "argv": list(command.argv),
                "executable": str(executable.resolve()),
                "cwd": str(command.cwd),
                "env": dict(command.env),
                "lease_s": command.lease_s,
                "limits": guard_limits(command.confinement),
                "sandbox": guard_rules(command.confinement, executable),
            }
        )

    def _spawn(self) -> tuple[subprocess.Popen[bytes], int]:
        status, status_end = os.pipe()
        try:
            guard = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_GUARD), str(status_end)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(status_end, *self.command.pass_fds),
                env={},
                start_new_session=True,  # Ctrl-C on the terminal is ours to pass on
                bufsize=0,
            )
        except BaseException:
            os.close(status)
            raise
        finally:
            os.close(status_end)
        return guard, status

    async def _read(self, pipe: Pipe, file: Any) -> None:
        transport, _ = await self.loop.connect_read_pipe(lambda: pipe, file)
        self.readers.append(transport)

    async def _beat(self, beating: Beating, every_s: float) -> None:
        """Renews the right to run; a store that fails for a while is not yet a lost lease."""
        renew = self.command.heartbeat
        while True:
            await asyncio.sleep(every_s)
            beating.doubt()
            try:
                kept = renew is None or await renew()
            except ReelError:
                continue  # the guard waits for one lease lifetime
            except Exception as error:  # noqa: BLE001 - handed on to whoever awaits the process
                self._fail(error)
                return
            if not kept:
                self.grace_s = 0.0
                self._fail(self._lease_lost("another worker has its lease"))
                return
            self._signal(0)
            self._trust()

    def _trust(self) -> None:
        """The pulse may write, unless some of the configuration is still on its way."""
        if self.beating and self.control and not self.control.get_write_buffer_size():
            self.beating.trust()

    def _hear(self, line: str) -> None:
        import json

        self.said |= json.loads(line)

    def _fail(self, failure: BaseException) -> None:
        self.failure = self.failure or failure
        self.changed.set()

    async def finished(self) -> None:
        """Until the guard has reported and all output is read; raises what went wrong."""
        ended = asyncio.ensure_future(self._drained())
        failed = asyncio.ensure_future(self.changed.wait())
        try:
            await asyncio.wait({ended, failed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            failed.cancel()
        if self.failure is not None:
            raise self.failure
        self._judge()

    async def _drained(self) -> None:
        await self.status.closed.wait()
        if "exit_code" not in self.said:
            self._kill_group()  # the guard was killed: on macOS nothing else ends its child
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):
                await self.out.closed.wait()
                await self.err.closed.wait()
        assert self.guard
        # Its descriptors are closed, so it is all but gone; a child watcher would be a thread.
        while self.guard.poll() is None:  # noqa: ASYNC110
            await asyncio.sleep(0.001)

    async def stop(self) -> None:
        """SIGINT, grace, SIGKILL; returns when nothing is left, also when cancelled again."""
        if self.guard is None or self.guard.poll() is not None:
            return
        if self.control is None:  # it was not told yet what to run
            self.guard.kill()
            self.guard.wait()
            return
        ended = asyncio.ensure_future(self._drained())
        try:
            self._signal(_INTERRUPT)
            await asyncio.wait({ended}, timeout=self.grace_s)
        finally:
            self._signal(_KILL)
            while not ended.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({ended}, timeout=_KILL_S)
                    self._kill_group()  # if the guard itself is stopped or stuck
                    self.guard.kill()

    def _signal(self, number: int) -> None:
        if self.control is not None and not self.control.is_closing():
            self.control.write(bytes([number]))

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if "pid" in self.said:
                os.killpg(self.said["pid"], _KILL)

    def close(self) -> None:
        if self.beats is not None:
            self.beats.cancel()
        if self.beating is not None:
            PULSE.remove(self.beating)
        for transport in [*self.readers, *([self.control] if self.control else [])]:
            transport.close()
        self.log.close()

    def evidence(self) -> dict[str, Any]:
        return {"argv": list(self.command.argv), "stderr": list(self.err.tail)}

    def _judge(self) -> None:
        """What the guard says of itself is not the command's fault."""
        if "failed" in self.said:
            raise _start_error(self.command, self.said)
        if self.said.get("reason") == "lease":
            raise self._lease_lost(f"it was not renewed for {self.command.lease_s:g} s")
        if "exit_code" not in self.said:
            raise ReelError(
                Code.TOOL_CRASHED,
                f"the guard of {_name(self.command)} was killed",
                evidence=self.evidence(),
            )

    def _lease_lost(self, why: str) -> ReelError:
        message = f"{_name(self.command)} was killed: {why}"
        return ReelError(Code.LEASE_LOST, message, evidence=self.evidence())

    def completed(self) -> Completed:
        return Completed(
            exit_code=self.said["exit_code"],
            cpu_seconds=self.said["cpu_s"],
            max_rss_bytes=self.said["max_rss_bytes"],
            wall_s=time.monotonic() - self.started,
            stderr_tail=tuple(self.err.tail),
            stdout=bytes(self.out.kept),
            landlock_abi=self.said.get("landlock", 0),
        )


def _name(command: Command) -> str:
    return Path(command.argv[0]).name


def _spawn_error(command: Command, error: OSError) -> ReelError:
    code = Code.TOOL_FAILED
    if error.errno in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE):
        code = Code.PROCESS_LIMIT
    return ReelError(code, f"{_name(command)} could not be started: {error.strerror}")


def _start_error(command: Command, said: Mapping[str, Any]) -> ReelError:
    """From what the guard's child reported just before it gave up."""
    stage, number = said["failed"], said["errno"]
    path = os.fsdecode(bytes.fromhex(said["path_hex"])) or command.argv[0]
    codes = {
        ("sandbox", errno.ENOENT): Code.INPUT_NOT_FOUND,
        ("sandbox", errno.EACCES): Code.SANDBOX_UNAVAILABLE
        if path == "landlock"
        else Code.INPUT_UNREADABLE,
        ("exec", errno.ENOENT): Code.TOOL_MISSING,
        ("exec", errno.EACCES): Code.PERMISSION_DENIED,
        ("exec", errno.ENOEXEC): Code.TOOL_MISSING,
        ("cwd", errno.ENOENT): Code.INTERNAL,
    }
    limits = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
    code = codes.get((stage, number), Code.PROCESS_LIMIT if number in limits else Code.TOOL_FAILED)
    return ReelError(
        code,
        f"{_name(command)} could not be started ({stage}): {os.strerror(number)}: {path}",
        where=path,
        evidence={"argv": list(command.argv)},
    )
