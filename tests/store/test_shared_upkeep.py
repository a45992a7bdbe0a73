"""Folders that machines read in place, and what is cleared up of what they share."""

from __future__ import annotations

import os
import time
from pathlib import Path

from reelwright.errors import Code
from reelwright.store import artifacts
from reelwright.store.blobs import Pins
from reelwright.store.prune import prune, sweep_shared
from reelwright.store.store import Store
from tests.object_storage import Door
from tests.store.machines import BODY, LARGE, Machines, bring, check, code_of, digest, put


def test_a_shared_folder_is_read_in_place(in_folder: Machines, tmp_path: Path) -> None:
    one, other = in_folder("one"), in_folder("other")
    blob = put(one, tmp_path)
    assert check(other, blob)
    path = bring(other, blob)
    assert path == tmp_path / "shared" / "sha256" / blob.sha256[:2] / blob.sha256
    assert path.read_bytes() == BODY
    assert not (tmp_path / "other").exists()


def test_a_touched_file_of_a_shared_folder_is_not_trusted(
    in_folder: Machines, tmp_path: Path
) -> None:
    one, other = in_folder("one"), in_folder("other")
    blob = put(one, tmp_path)
    path = bring(one, blob)
    # The same bytes with another time, as some network file systems show them: read once.
    os.utime(path, ns=(1, 1))
    assert check(other, blob)
    path.write_bytes(b"x" + BODY[1:])
    for blobs in (one, other, in_folder("third")):
        assert not check(blobs, blob)
        assert code_of(lambda b=blobs: bring(b, blob)) is Code.ARTIFACT_DAMAGED  # type: ignore[misc]
    again = put(one, tmp_path)
    assert bring(in_folder("fourth"), again).read_bytes() == BODY


def test_pruning_leaves_neither_object_nor_file(
    machine: Machines, door: Door, store: Store, tmp_path: Path
) -> None:
    blobs = machine("one")
    kept, gone = put(blobs, tmp_path), put(blobs, tmp_path, b"x" + BODY)
    for n, blob in enumerate((gone, kept)):
        store.transact(
            lambda tx, n=n, blob=blob: artifacts.put(  # type: ignore[misc]
                tx, f"{n:064x}", {"out": [blob]}, result={}, report={}, cpu_seconds=1.0
            )
        )
        time.sleep(0.01)
    assert prune(store, blobs, free_bytes=1).files == 0, "the cache gives way, no result does"
    assert all(blobs.check_all([kept, gone]))
    assert prune(store, blobs, limit_bytes=len(BODY) + 10).files == 1
    other = machine("other")
    assert (check(other, kept), check(other, gone)) == (True, False)
    assert code_of(lambda: bring(other, gone)) is Code.ARTIFACT_DAMAGED


def test_what_no_row_names_goes_after_a_while(
    machine: Machines, store: Store, tmp_path: Path
) -> None:
    blobs = machine("one")
    blob = put(blobs, tmp_path)
    store.transact(
        lambda tx: artifacts.put(
            tx, "0" * 64, {"out": [blob]}, result={}, report={}, cpu_seconds=1.0
        )
    )
    source = tmp_path / "input"
    source.write_bytes(LARGE)
    with Pins() as pins:
        blobs.offer(digest(LARGE), source, pins)
    assert source.read_bytes() == LARGE
    assert blobs.bring_any(digest(LARGE)) is not None
    assert sweep_shared(store, blobs.shared).files == 0, "it is new"
    assert sweep_shared(store, blobs.shared, age_s=-60).files == 1
    other = machine("other")
    assert other.bring_any(digest(LARGE)) is None
    assert bring(other, blob).read_bytes() == BODY


def test_an_input_that_changed_is_not_offered(machine: Machines, tmp_path: Path) -> None:
    blobs = machine("one")
    source = tmp_path / "input"
    source.write_bytes(b"x" + BODY[1:])
    with Pins() as pins:
        assert code_of(lambda: blobs.offer(digest(BODY), source, pins)) is Code.INPUT_CHANGED
    assert machine("other").bring_any(digest(BODY)) is None
