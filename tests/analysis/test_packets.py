"""What sizes of packets tell: made-up streams in the order of their files."""

import numpy as np

from reelwright.analysis.packets import Packets, suspicion

# A stretch of mini-groups as encoders write them: an anchor, then the B frames shown before it.
GROUP = ((3, 400), (1, 90), (2, 60))


def packets(groups: int = 10, **changed: int) -> Packets:
    """A keyframe of 1000 bytes, then groups of `GROUP`; ``at_4=900``: the packet at 4 is so big."""
    rows = [(0, 1000, True)]
    for group in range(groups):
        rows += [(3 * group + time, size, False) for time, size in GROUP]
    rows.append((3 * groups + 1, 1000, True))
    for name, size in changed.items():
        at = int(name.removeprefix("at_"))
        rows[at] = (rows[at][0], size, rows[at][2])
    times, sizes, keys = zip(*rows, strict=True)
    return Packets(np.array(times), np.array(sizes), np.array(keys, bool))


def test_anchors_are_shown_later_than_all_before_them() -> None:
    found = packets(2).anchors()
    assert found.tolist() == [True, True, False, False, True, False, False, True]


def test_keyframes_are_suspects_and_nothing_else_where_all_is_alike() -> None:
    found = suspicion(packets())
    assert np.flatnonzero(found.suspects).tolist() == [0, 31]


def test_an_anchor_that_stands_out_is_a_suspect_and_its_neighbourhood_is_near() -> None:
    found = suspicion(packets(at_13=900))
    assert np.flatnonzero(found.suspects).tolist() == [0, 13, 31]
    assert found.near[10:19].all()  # its group, the one before it and the one after
    assert not found.near[4:10].any()
    assert not found.near[19:31].any()


def test_an_anchor_that_is_small_beside_keyframes_is_none() -> None:
    quiet = {f"at_{1 + 3 * group}": 20 for group in range(10)}
    found = suspicion(packets(**(quiet | {"at_13": 150})))
    assert 13 not in np.flatnonzero(found.suspects)


def test_keyframes_only_and_nothing_at_all() -> None:
    keys = Packets(np.arange(5), np.full(5, 100), np.ones(5, bool))
    assert suspicion(keys).suspects.all()
    nothing = Packets(np.array([], np.int64), np.array([], np.int64), np.array([], np.bool_))
    assert not len(suspicion(nothing).anchors)
