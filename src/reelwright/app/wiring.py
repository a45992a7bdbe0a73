"""Puts the rooms together: home, store, blobs, tools, engine, each made when it is first used."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from reelwright.app.settings import Loaded, Settings

if TYPE_CHECKING:
    from reelwright.app.archive.budgets import Budgets
    from reelwright.app.cluster.nodes import RayNodes
    from reelwright.app.observe.journal import Journal
    from reelwright.app.observe.metrics import Metrics
    from reelwright.app.observe.service import Observed
    from reelwright.app.observe.tracing import Span
    from reelwright.engine.attempt import AttemptRunner
    from reelwright.engine.engine import Engine, OnEvent
    from reelwright.engine.events import Event
    from reelwright.engine.executor import Executor
    from reelwright.engine.expansion import Prepared
    from reelwright.engine.indexing import Indexed, IndexOrder
    from reelwright.engine.keeping import KeepOrder, Kept
    from reelwright.engine.settings import EngineSettings
    from reelwright.engine.watch import Watch
    from reelwright.engine.writing import Write
    from reelwright.planning.plan import Machine
    from reelwright.search.searching import Searcher
    from reelwright.store.blobs import Blobs
    from reelwright.store.combine import Combiner
    from reelwright.store.rows import StepRow
    from reelwright.store.shared import SharedStore
    from reelwright.store.store import Store
    from reelwright.tools.binaries import Tools
    from reelwright.tools.models.pool import Pool
    from reelwright.tools.models.serving import Serving

_DATABASE = "reelwright.db"
_LOGS_S = 5.0


class App:
    """What a use case works with. `close` it, or use it as a context manager."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.observed: Observed | None = None
        self._opened: list[Any] = []
        self.serves = False
        # Those that a service hands steps to, once its engine was made.
        self.nodes: RayNodes | None = None
        # The one way in which the tools take a path of their own.
        for name in ("ffmpeg", "ffprobe"):
            chosen = getattr(self.settings, name)
            if chosen is not None:
                os.environ[f"REEL_{name.upper()}"] = str(chosen)

    @property
    def settings(self) -> Settings:
        return self.loaded.settings

    @cached_property
    def home(self) -> Path:
        chosen = self.settings.home
        if chosen is not None:
            return chosen
        from reelwright.tools.home import home_folder

        return home_folder()

    @property
    def is_sandboxed(self) -> bool:
        return self.settings.sandbox != "off"

    @cached_property
    def tools(self) -> Tools:
        """Raises TOOL_MISSING."""
        from reelwright.tools.binaries import find_tools

        self._check_walls()
        return find_tools(self.home)

    @cached_property
    def store(self) -> Store:
        """Raises STORE_*."""
        from reelwright.store.store import open_store

        if self.settings.database is None:
            make_home(self.home)
        opened = open_store(self.settings.database or self.home / _DATABASE)
        self._opened.append(opened)
        return opened

    @cached_property
    def combiner(self) -> Combiner:
        """Commits of all threads of this process, together."""
        from reelwright.store.combine import Combiner

        made = Combiner(self.store)
        self._opened.append(made)
        return made

    @cached_property
    def blobs(self) -> Blobs:
        """Where ``cluster.artifacts`` names a store of all nodes, with a cache here. Raises
        CONFIG_INVALID, LIBRARY_MISSING."""
        from reelwright.store.blobs import Blobs

        shared = self.shared_store()
        if shared is None:
            return Blobs(self.home / "blobs")
        from reelwright.store.shared_blobs import SharedBlobs

        cluster = self.settings.cluster
        return SharedBlobs(self.home / "blobs", shared, limit_bytes=cluster.cache_bytes)

    def shared_store(self, deadline_s: float | None = None) -> SharedStore | None:
        """What ``cluster.artifacts`` names; `deadline_s`: how long it may stay silent. Raises
        CONFIG_INVALID, LIBRARY_MISSING."""
        cluster = self.settings.cluster
        if not cluster.artifacts:
            return None
        from reelwright.store.shared import open_shared

        return open_shared(cluster.artifacts, deadline_s=deadline_s or cluster.artifacts_s)

    @cached_property
    def shared_logs(self) -> SharedStore | None:
        """Logs of attempts are looked for there; nobody waits long for one."""
        return self.shared_store(min(_LOGS_S, self.settings.cluster.artifacts_s))

    @property
    def machine(self) -> Machine:
        """What planning may know: of this machine, or of the nodes that are there now."""
        if not (self.serves and self.settings.cluster.engine == "ray"):
            return self._machine
        from reelwright.app.machine import over_nodes

        return over_nodes(self._machine, self.settings.limits, self.store)

    @cached_property
    def _machine(self) -> Machine:
        from reelwright.app.machine import machine

        models = self.chains
        return machine(self.settings.limits, self.home, self.tools, self.store, models)

    @cached_property
    def chains(self) -> Mapping[str, str]:
        """Which models would be asked, by kind."""
        from reelwright.app.models.chains import Chains

        return Chains(self)

    @cached_property
    def models(self) -> Pool:
        """The models of this process; `asker` gives a door to them."""
        from reelwright.app.models.configured import configured
        from reelwright.tools.models.pool import Pool

        made = Pool(configured(self.settings.models, self.settings.limits, self.home))
        self._opened.append(made)
        return made

    def asker(self, row: StepRow | None = None, *, owner: str | None = None) -> Serving:
        """A door to the models: for a step, or for somebody who asks outside of jobs."""
        from reelwright.app.models.ledger import ledger
        from reelwright.tools.models.serving import Serving

        return Serving(self.models, ledger(self, row, owner))

    @cached_property
    def searcher(self) -> Searcher:
        """Of this process: it holds in memory what makes searches quick."""
        from reelwright.search.searching import Searcher

        return Searcher(self.store, self.home / "search")

    @cached_property
    def engine_settings(self) -> EngineSettings:
        from reelwright.app.engine_settings import engine_settings

        self._check_networks()
        make_home(self.home)
        return engine_settings(self)

    @cached_property
    def metrics(self) -> Metrics:
        """Of this process, for Prometheus."""
        from reelwright.app.observe.metrics import Metrics

        return Metrics(self)

    def observe(self, role: str, stream: TextIO | None = None, *, is_json: bool = False) -> None:
        """Logs and traces of a service: once, before its engine is made. `role`: api, worker, or
        service (both). `stream` gets the lines too, as text or JSON."""
        from reelwright.app.observe.service import Observed

        self.observed = Observed(self, role=role, stream=stream, is_json=is_json)
        self._opened.append(self.observed)

    def job_span(
        self, name: str, job_id: str, kind: str = "internal"
    ) -> AbstractContextManager[Span | None]:
        """A span of the job's trace, around work that is not one of its steps."""
        return nullcontext() if self.observed is None else self.observed.span(name, job_id, kind)

    @cached_property
    def journal(self) -> Journal:
        """Failures, into a file; the logs of a service take its place (`observe.service`)."""
        from reelwright.app.observe.journal import Journal, into_file

        return Journal(into_file(self.home / "logs"))

    @cached_property
    def watch(self) -> Watch:
        """Who sees attempts: nobody, until a service does."""
        from reelwright.engine.watch import nobody

        return nobody

    @cached_property
    def budgets(self) -> Budgets:
        """What each site may still be asked, all jobs together."""
        from reelwright.app.archive.budgets import Budgets

        return Budgets(self)

    def serve_others(self) -> None:
        """Specs come from others than this process's user: before an engine is made."""
        self.serves = True
        self.__dict__.pop("engine_settings", None)

    def wait_for_room(self) -> None:
        """A full disk puts downloads off, and fails no job: before an engine is made."""
        from dataclasses import replace

        self.__dict__["engine_settings"] = replace(self.engine_settings, waits_for_room=True)

    def engine(self, on_event: OnEvent) -> Engine:
        """An engine; inside a running event loop. That of a service shares its commits with
        whatever else writes in this process, and hands steps to the cluster where there is one."""
        from reelwright.app.replan import replan
        from reelwright.engine.engine import Engine
        from reelwright.engine.local import LocalExecutor
        from reelwright.engine.writing import together

        write = together(self.combiner) if self.serves else None

        def tell(event: Event) -> None:
            self.journal(event)
            on_event(event)

        home = LocalExecutor(self.runner(write))
        home.on_event = tell
        executor: Executor = home
        if self.hands_on:
            from reelwright.app.cluster.wiring import cluster_executor

            executor = cluster_executor(self, home)
        return Engine(
            self.store,
            self.blobs,
            executor,
            self.engine_settings,
            replan=lambda job_id, results: replan(self, job_id, results),
            on_event=tell,
            write=write,
        )

    @property
    def hands_on(self) -> bool:
        """Whether steps run on a cluster: those of a service do, where it is told to."""
        return self.serves and self.settings.cluster.engine == "ray"

    def runner(
        self, write: Write | None, of: Callable[..., AttemptRunner] | None = None
    ) -> AttemptRunner:
        """What runs attempts here, an `AttemptRunner` or what `of` makes of the same arguments."""
        from reelwright.app.learn import learn
        from reelwright.app.remote import deliver
        from reelwright.engine.attempt import AttemptRunner
        from reelwright.engine.log_copies import LogCopies
        from reelwright.runners.dispatch import run_step

        shared = self.shared_logs
        return (of or AttemptRunner)(
            self.store,
            self.blobs,
            self.engine_settings,
            run_step=run_step,
            tools=self.tools,
            deliver_remote=deliver,
            learn=learn,
            plan_job=self._plan_job,
            watch=self.watch,
            write=write,
            gate=self.budgets,
            keep=self._keep,
            models=self.asker,
            index=self._index,
            log_copies=None if shared is None else LogCopies(shared),
        )

    async def _keep(self, order: KeepOrder) -> Kept:
        from reelwright.app.library.keep import keep_video

        return await keep_video(self, order)

    async def _index(self, order: IndexOrder) -> Indexed:
        from reelwright.app.understand.indexing import index_found

        return await index_found(self, order)

    async def _plan_job(self, job_id: str) -> Prepared:
        from reelwright.app.first_plan import prepare_job

        return await prepare_job(self, job_id)

    @property
    def prober(self) -> str:
        """What makes a remembered MediaInfo comparable: our version and the tools' build."""
        from reelwright import __version__

        return f"{__version__}/{self.tools.build_id}"

    def close(self) -> None:
        while self._opened:
            self._opened.pop().close()

    def __enter__(self) -> App:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _check_networks(self) -> None:
        """Raises CONFIG_INVALID for a `net_allow` that is no list of networks."""
        if self.settings.net_allow:
            from reelwright.tools.download.addresses import networks

            networks(self.settings.net_allow, self.loaded.source("net_allow"))

    def _check_walls(self) -> None:
        """`sandbox: on` asks for walls or nothing."""
        if self.settings.sandbox != "on":
            return
        from reelwright.errors import Code, ReelError
        from reelwright.tools.sandbox import sandbox_status

        status = sandbox_status()
        if not status.files:
            raise ReelError(Code.SANDBOX_UNAVAILABLE, status.note, where="sandbox")


def make_folder(path: Path, mode: int = 0o777) -> None:
    """`mode`: of a new one. Raises PERMISSION_DENIED, DISK_FULL, OUTPUT_PATH."""
    from reelwright.store.blobs import refused

    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise refused(error, path) from error


def make_home(path: Path) -> None:
    """The folder of the setting `home`; a new one is its user's alone, for what is in it: specs,
    results, secrets of webhooks. Raises PERMISSION_DENIED, DISK_FULL, CONFIG_INVALID."""
    from reelwright.errors import Code, ReelError

    try:
        make_folder(path, 0o700)
        if not os.access(path, os.W_OK | os.X_OK):
            raise ReelError(Code.PERMISSION_DENIED, f"it may not be written: {path}")
    except ReelError as error:
        if error.code is Code.DISK_FULL:
            raise
        is_denied = error.code is Code.PERMISSION_DENIED
        raise ReelError(
            Code.PERMISSION_DENIED if is_denied else Code.CONFIG_INVALID,
            f"there can be no home folder: {error.problem.message}",
            where="home",
            hint="name a folder that you may write: `REEL_HOME`, or `home` in the configuration",
        ) from error
