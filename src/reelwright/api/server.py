"""Runs the application: binds, says when it serves, and ends when it is told to."""

from __future__ import annotations

import asyncio
import errno
import gc
import resource
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import uvicorn

from reelwright.api.application import make
from reelwright.api.connections import protocol
from reelwright.app.reach import listed_proxies
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from types import FrameType

    from reelwright.app.wiring import App

# What is being answered gets so long at shutdown; streams are told to end and take less.
_FINISH_S = 5
_CLOSE_S = 2  # for closing what is open, where nobody waits for answers
_BACKLOG = 2048
_COLLECT_EVERY = 20_000  # new objects; Python's own 700 suits a small program
_MANY_FILES = 10_240  # OPEN_MAX of macOS
_ENDINGS = (signal.SIGINT, signal.SIGTERM)


def run(reel: App, service: object | None, on_ready: Callable[[str], None]) -> bool:
    """Serves until SIGINT or SIGTERM; on the main thread. `on_ready` gets the URL. Whether there is
    time to finish what runs: False where a second signal came.

    Raises USAGE where the address cannot be had, CONFIG_INVALID, STORE_*.
    """
    allow_many_files()
    serve = reel.settings.serve
    proxies = listed_proxies(serve.proxies)
    bound = bind(serve.host, serve.port)
    try:
        url = _url(bound, serve.host)
        application = make(reel, service)
        # Now and not at the first message: a wrong setting is told as every other error is.
        application.middleware_stack = application.build_middleware_stack()
        config = uvicorn.Config(
            application,
            loop="uvloop",
            http=protocol(serve),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=_BACKLOG,
            timeout_graceful_shutdown=_FINISH_S,
            # Forwarded headers name the client only where a proxy that is known sent them.
            proxy_headers=bool(proxies),
            forwarded_allow_ips=proxies,
        )
        server = _Server(config, lambda: on_ready(url))
        server.run(sockets=[bound])
        return not server.force_exit
    finally:
        bound.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        # What is loaded by now stays: the collector need not walk it, again and again, for what
        # requests leave behind (which counting frees, all but little).
        gc.collect()
        gc.freeze()
        gc.set_threshold(_COLLECT_EVERY)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Streams last as long as their clients like: they look at this.
        app = self.config.app
        app.state.closing.set()  # type: ignore[union-attr]
        await super().shutdown(sockets=sockets)
        if self.force_exit:  # uvicorn would leave what is open to the end of its loop, and say so
            with suppress(TimeoutError):
                await asyncio.wait_for(self.lifespan.shutdown(), _CLOSE_S)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Without raising the signal again at the end, as uvicorn does: it was obeyed."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in _ENDINGS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first asks, the second does not wait for answers."""
        self.force_exit = self.should_exit
        self.should_exit = True


def allow_many_files() -> None:
    """Every stream is an open file: as many as this user may have, not the 1024 that one begins
    with."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return
    # macOS says it has no limit, and refuses more than OPEN_MAX.
    wanted = _MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, _MANY_FILES)
    if wanted > soft:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def bind(host: str, port: int) -> socket.socket:
    """Raises USAGE with what stands in the way."""
    is_v6 = ":" in host
    try:
        found = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise _refused(host, port, f"'{host}' is no address of this machine", "serve.host") from (
            error
        )
    family = socket.AF_INET6 if is_v6 else found[0][0]
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(found[0][4])
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise _cannot(host, port, error) from error
    bound.set_inheritable(False)
    return bound


def _cannot(host: str, port: int, error: OSError) -> ReelError:
    said = {
        errno.EADDRINUSE: f"port {port} is in use already",
        errno.EACCES: f"port {port} is for root alone",
        errno.EADDRNOTAVAIL: f"'{host}' is no address of this machine",
    }.get(error.errno or 0, f"{host}:{port} cannot be listened on: {error.strerror}")
    where = "serve.host" if error.errno == errno.EADDRNOTAVAIL else "serve.port"
    return _refused(host, port, said, where)


def _refused(host: str, port: int, message: str, where: str) -> ReelError:
    hint = "choose another with `--port`; 0 takes any that is free"
    if where == "serve.host":
        hint = "127.0.0.1 is this machine alone, 0.0.0.0 all of its addresses"
    return ReelError(
        Code.USAGE, message, where=where, hint=hint, evidence={"host": host, "port": port}
    )


def _url(bound: socket.socket, host: str) -> str:
    port = bound.getsockname()[1]
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host.strip("[]"), host.strip("[]"))
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
