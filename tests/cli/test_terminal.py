"""What is printed, and the exit codes."""

import json

import pytest

from reelwright.cli import terminal
from reelwright.cli.exits import EXITS, MEANINGS, exit_code
from reelwright.errors import Code, Kind, Problem, ReelError, SpecErrors


def test_every_kind_of_error_has_a_documented_exit_code() -> None:
    assert set(EXITS) == set(Kind)
    assert set(EXITS.values()) <= set(MEANINGS)
    assert [exit_code(code) for code in (Code.SPEC_SYNTAX, Code.MEDIA_DAMAGED)] == [2, 3]
    assert [exit_code(c) for c in (Code.TOOL_MISSING, Code.CANCELLED, Code.DISK_FULL)] == [4, 5, 6]
    assert exit_code(Code.TRANSITION_REFUSED) == 2


def test_names_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    error = ReelError(Code.INPUT_NOT_FOUND, "no \x1b[2Jfile", where="a\rb\n")
    terminal.report(error, as_json=False)
    told = capsys.readouterr().err
    assert "\x1b" not in told
    assert "\r" not in told
    terminal.report(error, as_json=True)
    assert json.loads(capsys.readouterr().out)["error"]["message"] == "no \x1b[2Jfile"


def test_a_tab_is_a_space(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.report(ReelError(Code.STORE_UNAVAILABLE, "refused\n\tis it up?"), as_json=False)
    assert capsys.readouterr().err.splitlines()[:2] == ["error refused", "       is it up?"]


def test_all_problems_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    problems = [
        Problem(Code.FIELD_INVALID, "not so", "a.b", "but so", {"line": 3}),
        Problem(Code.MEDIA_DAMAGED, "broken", "x.mp4", None, {"stderr": ["one", "two"]}),
    ]
    assert terminal.report(SpecErrors(problems), as_json=False) == 2
    told = capsys.readouterr().err
    assert "error a.b (line 3): not so\n      but so [field_invalid]" in told
    assert "      | two" in told
    assert "2 problems." in told


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 << 30, "3.0 GiB"), (5 << 40, "5.0 TiB")],
)
def test_sizes(count: int, text: str) -> None:
    assert terminal.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "?"), (3.21, "3.2 s"), (245, "4:05"), (3723.4, "1:02:03")]
)
def test_spans(seconds: float | None, text: str) -> None:
    assert terminal.span(seconds) == text


def test_a_table_lines_up(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.table(["a", "size"], [("x", 5), ("longer", 12345)], right="size")
    assert capsys.readouterr().out == "a        size\nx           5\nlonger  12345\n"
