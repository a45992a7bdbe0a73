"""The roadmap tells the truth: what it calls done has tests and a page."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROADMAP = json.loads((ROOT / "ROADMAP.json").read_text(encoding="utf-8"))
FEATURES: list[dict[str, Any]] = ROADMAP["features"]


def shortcomings(feature: dict[str, Any], root: Path) -> Iterator[str]:
    """What a feature that is called done still lacks."""
    for folder in feature["tests"]:
        if not any(count_tests(path) for path in sorted((root / folder).rglob("test_*.py"))):
            yield f"no test under {folder}"
    for page in feature["docs"]:
        path = root / page
        if not path.is_file() or not path.read_text(encoding="utf-8").strip():
            yield f"no page {page}"


def count_tests(path: Path) -> int:
    """Test functions in a file, those not counted that are skipped or expected to fail."""
    functions = (
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return sum(
        node.name.startswith("test_")
        and not any(
            re.search(r"\bmark\.(skip|xfail)\b", ast.unparse(d)) for d in node.decorator_list
        )
        for node in functions
    )


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature["id"])
def test_feature(feature: dict[str, Any]) -> None:
    assert set(feature) == {"id", "area", "title", "state", "tests", "docs"}
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", feature["id"])
    assert feature["title"]
    assert feature["state"] in ROADMAP["states"]
    assert feature["tests"] == [f"tests/features/{feature['id']}/"]
    assert feature["docs"]
    assert all(page.startswith("docs/") for page in feature["docs"])
    if feature["state"] == "done":
        assert not list(shortcomings(feature, ROOT))


def test_ids_are_unique() -> None:
    ids = [feature["id"] for feature in FEATURES]
    assert len(ids) == len(set(ids))


def test_every_folder_of_feature_tests_is_on_the_roadmap() -> None:
    folders = {
        path.relative_to(ROOT / "tests" / "features").parts[0]
        for path in (ROOT / "tests" / "features").rglob("test_*.py")
    }
    assert folders <= {feature["id"] for feature in FEATURES}


FEATURE = {"tests": ["tests/features/cache/"], "docs": ["docs/cache.md"]}


@pytest.mark.parametrize(
    ("source", "page", "lacking"),
    [
        (None, None, ["no test under tests/features/cache/", "no page docs/cache.md"]),
        ("x = 1\n", "Text.\n", ["no test under tests/features/cache/"]),
        (
            "@pytest.mark.skip\ndef test_x(): ...\n",
            "Text.\n",
            ["no test under tests/features/cache/"],
        ),
        ("def test_x(): assert x\n", " \n", ["no page docs/cache.md"]),
        ("class TestX:\n    async def test_x(self): assert x\n", "Text.\n", []),
    ],
)
def test_what_is_lacking_is_found(
    tmp_path: Path, source: str | None, page: str | None, lacking: list[str]
) -> None:
    for name, text in [("tests/features/cache/test_x.py", source), ("docs/cache.md", page)]:
        if text is not None:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
    assert list(shortcomings(FEATURE, tmp_path)) == lacking
