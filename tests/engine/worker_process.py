"""A worker as a process of its own that runs `/bin/sh` steps, with leases as short as a test wants.

``python -m tests.engine.worker_process HOME DATABASE LEASE_S [MAX_LOSSES]``; says ``ready`` when it
serves.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

from reelwright.engine.attempt import AttemptRunner
from reelwright.engine.engine import Engine
from reelwright.engine.local import LocalExecutor
from reelwright.engine.writing import together
from reelwright.store.combine import Combiner
from tests.engine.jobs import NO_TOOLS, World, run_shell, world


async def serve(here: World) -> None:
    """Until SIGTERM."""
    combiner = Combiner(here.store)
    write = together(combiner)
    runner = AttemptRunner(
        here.store, here.blobs, here.settings, run_step=run_shell, tools=NO_TOOLS, write=write
    )
    executor = LocalExecutor(runner)
    engine = Engine(here.store, here.blobs, executor, here.settings, write=write)
    serving = engine.serve(version="test")
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.drain)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await serving.run()
    await engine.close()
    combiner.close()


def main() -> None:
    home, database, lease_s, *losses = sys.argv[1:]
    lease = float(lease_s)
    options: dict[str, Any] = {"lease_s": lease, "renew_s": lease / 3, "poll_s": 0.1}
    if losses:
        options["max_losses"] = int(losses[0])
    asyncio.run(serve(world(Path(home), database, **options)))


if __name__ == "__main__":
    main()
