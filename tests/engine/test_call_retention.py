"""Records of calls of models are removed once a day, when they are old enough."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from reelwright.engine.executor import Need
from reelwright.engine.retention import prune_calls_daily
from reelwright.engine.settings import EngineSettings
from reelwright.store import model_calls
from reelwright.store.database import Tx
from reelwright.store.model_calls import CallState, Limits, Outcome
from reelwright.store.store import Store, open_store
from reelwright.store.tables_understand import model_calls as table
from tests.store.test_model_calls import CALL

_DAY_S = 86400.0


def _called(store: Store, days_ago: float, key: str) -> None:
    def put(tx: Tx) -> None:
        call_id = model_calls.begin(tx, replace(CALL, key=key), Limits())
        assert isinstance(call_id, str)
        model_calls.end(tx, call_id, Outcome(state=CallState.DONE, cost_usd=0.25))
        at = table.c.at - days_ago * _DAY_S
        tx.run(table.update().where(table.c.id == call_id).values(at=at))

    store.transact(put)


def test_once_a_day_what_is_too_old_goes(tmp_path: Path) -> None:
    need = Need(cpus=1.0, memory_bytes=1 << 30, disk_bytes=1 << 30)
    settings = EngineSettings(home=tmp_path, machine=need, keep_calls_s=30 * _DAY_S)
    store = open_store(tmp_path / "reel.db")
    try:
        for number, days in enumerate((1, 29, 31, 400)):
            _called(store, days, str(number))
        assert prune_calls_daily(store, settings) == 2
        _called(store, 31, "9")
        assert prune_calls_daily(store, settings) == 0  # it was looked at today
        (tmp_path / ".calls-pruned").unlink()
        assert prune_calls_daily(store, settings) == 1
        with store.read() as tx:
            assert model_calls.spent(tx)["library"] == 5 * 0.25
    finally:
        store.close()
