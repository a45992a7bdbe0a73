"""The cache knows results by identity: names may change from one spec to the next."""

from reelwright.engine import keys

PAYLOAD = {
    "identity": "whole",
    "outputs": [
        {"name": "out0.mp4", "identity": "one"},
        {"name": "out1.mp4", "identity": "two"},
        {"name": "tap0.json", "identity": "three"},
    ],
    "taps": [{"node": "level/measure", "output": "tap0.json"}],
    "payload": {},
}


def test_outputs_and_results_are_kept_by_identity() -> None:
    assert keys.output_key(PAYLOAD, "out1.mp4") == "two"
    assert keys.stored(PAYLOAD, {"level/measure": 1, "other": 2}) == {"three": 1, "other": 2}


def test_they_come_back_under_the_names_of_the_step_that_asks() -> None:
    renamed = {**PAYLOAD, "taps": [{"node": "lvl/measure", "output": "tap0.json"}]}
    assert keys.recalled(renamed, {"three": 1, "other": 2}) == {"lvl/measure": 1, "other": 2}


def test_outputs_that_no_identity_tells_apart_keep_their_names() -> None:
    outputs = [{"name": n, "identity": i} for n, i in (("a", ""), ("b", "x"), ("c", "x"))]
    assert keys.output_keys({"outputs": outputs}) == {"a": "a", "b": "b", "c": "c"}


def test_a_fetch_has_one_result() -> None:
    payload = {"identity": "f", "outputs": [], "payload": {"node": "get/fetch"}}
    assert keys.stored(payload, {"get/fetch": 1}) == {"f": 1}
