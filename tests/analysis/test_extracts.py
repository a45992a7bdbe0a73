"""Central sentences, topics and names of real texts: the guides of this project."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reelwright.analysis import extracts
from reelwright.analysis.narration import sentences

GUIDES = Path(__file__).resolve().parents[2] / "docs" / "guides"


def guide(name: str, most: int = 30) -> list[str]:
    text = (GUIDES / f"{name}.md").read_text(encoding="utf-8")
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    text = re.sub(r"[|#*`>\[\]()]", " ", text)
    return [one for one in sentences(text) if len(one.split()) > 3][:most]


def test_topics_begin_where_one_text_ends_and_another_begins() -> None:
    texts = [guide("webhooks"), guide("smart-cut"), guide("sandbox"), guide("backup")]
    joined = [sentence for text in texts for sentence in text]
    seams = [sum(len(t) for t in texts[:n]) for n in range(1, len(texts))]
    found = extracts.topics(joined)
    assert found[0] == 0
    assert found == sorted(set(found))
    hit = [seam for seam in seams if any(abs(at - seam) <= 2 for at in found)]
    assert len(hit) == len(seams)
    assert len(found) <= 8


def test_one_topic_is_not_divided_but_where_it_must_be() -> None:
    same = ["The cat sat on the mat with another cat."] * 12
    assert extracts.topics(same) == [0]
    assert len(extracts.topics(same, 3)) == 3
    assert extracts.topics(["alone"], 3) == [0]
    assert extracts.topics([]) == []


def test_long_texts_are_divided_too() -> None:
    """More passages than are compared one by one."""
    first = [f"Whales swim in the cold ocean near ship number {n}." for n in range(700)]
    second = [f"Bakers knead fresh bread dough in oven number {n}." for n in range(700)]
    found = extracts.topics([*first, *second])
    assert any(abs(at - 700) <= 2 for at in found)
    assert len(found) <= 40


def test_what_is_central_is_about_what_all_is_about() -> None:
    text = [
        "The rover drove across Mars and photographed the crater.",
        "Lunch was served at noon.",
        "The crater on Mars held water, said the rover's photographs.",
        "Mars lost its water, and the rover found the crater dry.",
        "Somebody sneezed.",
    ]
    chosen = extracts.central(text, 2)
    assert set(chosen) <= {0, 2, 3}


def test_nothing_is_said_twice() -> None:
    text = ["The rover drove across Mars to the crater."] * 5 + ["The crater on Mars is dry."]
    chosen = extracts.central(text, 3)
    assert len([n for n in chosen if n < 5]) == 1


@pytest.mark.parametrize("texts", [[], [""], ["and of the"], ["...", "!!!"]])
def test_texts_that_say_nothing_give_nothing(texts: list[str]) -> None:
    assert extracts.central(texts, 3) == []
    assert extracts.name(texts) == ""


def test_ranks_are_those_of_the_matrix_that_is_never_made() -> None:
    import numpy as np

    rows, _ = extracts.vectors(guide("webhooks"))
    matrix = rows.astype(float) @ rows.astype(float).T
    np.fill_diagonal(matrix, 0)
    matrix[matrix.sum(axis=1) == 0] = 1  # those that are like no other vote for all
    step = matrix / matrix.sum(axis=1, keepdims=True)
    rank = np.full(len(rows), 1 / len(rows))
    for _ in range(300):
        rank = 0.85 * (rank @ step) + 0.15 / len(rows)
    assert np.abs(extracts.ranks(rows) - rank).max() < 1e-6


def test_a_name_says_what_sets_a_part_apart() -> None:
    sea = ["Blue whales sing to other blue whales.", "The ship follows the blue whales."]
    bread = ["The baker kneads sourdough bread.", "Sourdough bread rises slowly on the ship."]
    assert "blue whales" in extracts.name(sea, bread).lower()
    assert "sourdough bread" in extracts.name(bread, sea).lower()


def test_languages_without_spaces_have_terms_too() -> None:
    texts = ["東京の天気は晴れです", "東京の天気は雨です", "犬が走ります"]
    assert extracts.central(texts, 1)[0] in (0, 1)
