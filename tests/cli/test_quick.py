"""The quick reader of `reel run` and Typer understand the same."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.cli import quick, root, running
from reelwright.cli.running import RunOptions

WORDS = st.sampled_from(
    [
        *("spec.yaml", "-", "other.yaml", "a=b", "x", "--", "-5", ""),
        *("--json", "--overwrite", "--dry-run", "--no-cache", "--allow-outside"),
        *("--detach",),
        *("--sandbox", "--no-sandbox", "--set", "--label", "--timeout", "--priority", "--bad"),
    ]
)


def by_typer(words: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> RunOptions | None:
    """What Typer hands to `run_spec`; None where it refuses."""
    seen: list[RunOptions] = []

    def keep(options: RunOptions) -> int:
        seen.append(options)
        return 0

    with monkeypatch.context() as patched:
        patched.setattr(running, "run_spec", keep)
        root.run(words)
    return seen[0] if seen else None


@given(st.lists(WORDS, max_size=5))
def test_what_is_read_quickly_is_what_typer_reads(words: list[str]) -> None:
    read = quick.read(["run", *words])
    if read is not None:
        assert by_typer(["run", *words, "--json"], pytest.MonkeyPatch()) == _as_json(read)


def _as_json(options: RunOptions) -> RunOptions:
    options.as_json = True
    return options


@pytest.mark.parametrize(
    "words",
    [
        ["run", "spec.yaml"],
        ["run", "-", "--json", "--set", "a=b", "--set", "c=", "--label", "x=y", "--no-sandbox"],
        [
            "run",
            "--detach",
            "--overwrite",
            "--dry-run",
            "--no-cache",
            "--allow-outside",
            "--sandbox",
            "s.yaml",
        ],
    ],
)
def test_the_usual_forms_are_read_quickly(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = quick.read(words)
    assert read is not None
    assert read == by_typer(words, monkeypatch)


@pytest.mark.parametrize(
    "words",
    [["run"], ["run", "--help"], ["run", "a", "b"], ["run", "a", "--set", "b"], ["plan", "a"]],
)
def test_everything_else_is_left_to_typer(words: list[str]) -> None:
    assert quick.read(words) is None
