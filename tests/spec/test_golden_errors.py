"""What a person reads when a spec is wrong. `REEL_UPDATE_GOLDEN=1 pytest` writes the files anew:
then read them, every word."""

import os
from pathlib import Path

import pytest

from reelwright.errors import Problem, SpecErrors
from reelwright.spec.parse import parse_text
from tests.spec.sample import REGISTRY

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "spec_errors"
SPECS = sorted(FOLDER.glob("*.yaml"))
# Words of the libraries below, which mean nothing to a person who wrote a spec.
JARGON = ("pydantic", "input should be", "value error", "extra inputs", "nonetype", "traceback")


def told(problem: Problem) -> str:
    line = problem.evidence.get("line")
    place = f" (line {line})" if line and problem.where else ""
    head = f"{problem.where}{place}: " if problem.where else ""
    hint = f"\n    {problem.hint}" if problem.hint else ""
    return f"{problem.code.text}\n  {head}{problem.message}{hint}\n"


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_messages(path: Path) -> None:
    with pytest.raises(SpecErrors) as caught:
        parse_text(path.read_text(encoding="utf-8"), base=Path("/jobs/talk"), registry=REGISTRY)
    text = "\n".join(told(problem) for problem in caught.value.problems)
    golden = path.with_suffix(".txt")
    if os.environ.get("REEL_UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
    assert not [word for word in JARGON if word in text.lower()]


def test_there_are_enough_of_them() -> None:
    assert len(SPECS) >= 30
    assert {path.stem for path in FOLDER.glob("*.txt")} == {path.stem for path in SPECS}
