"""The reference is what the code says."""

from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from pydantic import Field

from reelwright.errors import Code
from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Fan, Inputs, Operator, Params, Port
from reelwright.media.streams import StreamKind
from scripts import generate_reference

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = sorted((ROOT / "docs" / "reference").glob("*.md"))


@pytest.mark.parametrize("page", COMMITTED, ids=lambda page: page.name)
def test_page_is_what_the_code_says(page: Path) -> None:
    generated = generate_reference.PAGES[page.name]()
    assert page.read_text(encoding="utf-8") == generated, "run `make docs`"


class SpinParams(Params):
    turns: int = Field(ge=1, lt=10, description="How often | in all.")
    way: Literal["left", "right"] = Field("left", description="Where to.")
    at: list[float] | None = None


class Spin(Operator):
    name = "spin"
    summary = "Turns the picture."
    params = SpinParams
    example = "- {id: s, op: spin, input: a, turns: 2}"
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", frozenset({StreamKind.VIDEO}), doc="The picture."),
        Port("masks", required=False, many=True),
    )

    def build(self, params: Any, inputs: Inputs, build: Builder) -> Bundle | Fan:
        return inputs["input"][0]


def test_an_operator_is_shown_whole() -> None:
    lines = generate_reference.operators_page([Spin()]).splitlines()
    assert lines[0].startswith("<!--")
    for expected in [
        "| [`spin`](#spin) | Turns the picture. |",
        "- {id: s, op: spin, input: a, turns: 2}",
        "| `input` | video | yes | The picture. |",
        "| `masks` | any stream; several, in order | no |  |",
        "| `turns` | integer from 1 below 10 | **needed** | How often \\| in all. |",
        '| `way` | `"left"`, `"right"` | `"left"` | Where to. |',
        "| `at` | list of number |  |  |",
    ]:
        assert expected in lines


def test_every_error_code_is_shown_once() -> None:
    page = generate_reference.errors_page()
    for code in Code:
        assert page.count(f"| `{code.text}` |") == 1
