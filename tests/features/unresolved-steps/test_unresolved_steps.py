"""Steps that nobody can plan before others ran: shots, fetched files, and what fans out of them."""

import json
from fractions import Fraction
from pathlib import Path

from tests.features.jobs import Studio, states
from tests.runners.origin import Served, serving


def test_a_picture_and_a_part_of_every_shot(studio: Studio, scenes: Path) -> None:
    studio.bring(scenes, "in.mp4")
    text = (
        "inputs: {in: in.mp4}\noperations:\n"
        "  - {id: found, op: shots, input: in}\n"
        "  - {id: still, op: thumbnail, input: found, at: each-shot}\n"
        "  - {id: part, op: trim, input: found, each: shots}\n"
        "outputs:\n"
        "  - {from: found.shots, to: shots.json}\n"
        '  - {from: still, to: "still-{index}.png"}\n'
        '  - {from: part, to: "part-{index:02d}.mp4"}\n'
    )
    plan = studio.plan(text)
    assert [s["kind"] for s in plan["steps"]] == ["look", "unresolved"]
    assert plan["unresolved"]
    done = studio.run(text)
    assert set(states(done).values()) == {"expanded", "succeeded"}

    found = json.loads(studio.path("shots.json").read_text())["shots"]
    assert [(Fraction(str(s["start"])), Fraction(str(s["end"]))) for s in found] == [
        (0, Fraction(3, 2)), (Fraction(3, 2), 3), (3, Fraction(9, 2)),
    ]  # fmt: skip
    source = studio.pictures("in.mp4").astype(int)
    for number, middle in enumerate((15, 45, 75), start=1):
        still = studio.pictures(f"still-{number}.png")[0].astype(int)
        assert abs(still - source[middle]).mean() < 6
        part = studio.pictures(f"part-{number:02d}.mp4").astype(int)
        assert len(part) == 30
        assert abs(part - source[30 * (number - 1) : 30 * number]).mean() < 2
    assert not studio.path("part-04.mp4").exists()


def test_what_follows_a_fan_runs_for_each_of_its_lanes(studio: Studio, scenes: Path) -> None:
    studio.bring(scenes, "in.mp4")
    studio.run(
        "inputs: {in: in.mp4}\noperations:\n"
        "  - {id: found, op: shots, input: in}\n"
        "  - {id: part, op: trim, input: found, each: shots}\n"
        "  - {id: small, op: scale, input: part, height: 46}\n"
        'outputs: [{from: small, to: "small-{index}.mp4"}]\n'
    )
    for number in (1, 2, 3):
        assert studio.pictures(f"small-{number}.mp4").shape == (30, 46, 82, 3)


def test_a_fetched_file_is_planned_on_once_it_is_there(studio: Studio, talk: Path) -> None:
    with serving() as origin:
        origin.answers["/talk.mp4"] = Served(talk.read_bytes())
        text = (
            f"operations:\n  - {{id: get, op: fetch, url: '{origin.url('/talk.mp4')}'}}\n"
            "  - {id: cut, op: trim, input: get, start: 1.32s, end: 4s}\n"
            "outputs: [{from: cut, to: cut.mp4}]\n"
        )
        kinds = [s["kind"] for s in studio.plan(text)["steps"]]
        assert kinds == ["fetch", "unresolved"]
        studio.run(text)
        assert studio.numbers("cut.mp4") == list(range(33, 100))
        # Only the origin knows whether its file is still the same; what follows goes by content.
        asked = len(origin.requests)
        again = {name.partition("-")[0]: state for name, state in states(studio.run(text)).items()}
        assert len(origin.requests) > asked
        assert again["fetch"] == "succeeded"
        assert again["smart"] == "cached"
