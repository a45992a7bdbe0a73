"""Examples in the documentation work: specs parse, commands exist, links lead somewhere."""

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.examples import Block, blocks, command_lines, local_links, pages

ROOT = Path(__file__).resolve().parents[2]
PAGES = pages(ROOT)
BLOCKS = [
    block
    for page in PAGES
    for block in blocks(str(page.relative_to(ROOT)), page.read_text(encoding="utf-8"))
]
SPECS = [b for b in BLOCKS if b.language == "yaml" and re.search(r"^operations:", b.text, re.M)]
COMMANDS = [
    pytest.param(words, id=f"{block}-{' '.join(words)}")
    for block in BLOCKS
    if block.language == "console"
    for words in command_lines(block)
]


@pytest.mark.parametrize("block", SPECS, ids=str)
def test_spec_parses(block: Block) -> None:
    from reelwright.spec.parse import parse_text

    spec = parse_text(block.text, base=ROOT)
    assert spec.operations
    assert spec.outputs


@functools.cache
def help_of(*path: str) -> str | None:
    """What `reel … --help` prints, or None where there is no such command."""
    reel = Path(sys.executable).parent / "reel"
    environment = {**os.environ, "COLUMNS": "300", "TERM": "dumb", "NO_COLOR": "1"}
    done = subprocess.run(
        [reel, *path, "--help"], capture_output=True, text=True, check=False, env=environment
    )
    return done.stdout if done.returncode == 0 else None


@pytest.mark.parametrize("words", COMMANDS)
def test_command_exists(words: list[str]) -> None:
    path: list[str] = []
    shown = help_of()
    assert shown is not None
    while words[:1] in (["--server"], ["--token"]):
        assert words[0] in shown
        words = words[2:]
    for word in words:
        if word.startswith("-") or not re.search(r"Usage: .*COMMAND", shown):
            break
        path.append(word)
        shown = help_of(*path)
        assert shown is not None, f"there is no command 'reel {' '.join(path)}'"
    for option in (word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)):
        known = re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", shown)
        assert known, f"'reel {' '.join(path)}' has no option {option}"


@pytest.mark.parametrize("page", sorted({*PAGES, *(ROOT / "docs").rglob("*.md")}), ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    targets = local_links(page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]


def test_blocks_and_commands_are_found() -> None:
    page = (
        "Text\n\n```console\n$ ls\n$ REEL_HOME=/tmp reel run spec.yaml \\\n    --json | jq .\nout\n"
        "```\n- item\n  ```yaml\n  operations:\n    - {}\n  ```\n"
    )
    found = list(blocks("page.md", page))
    assert [(b.language, b.line) for b in found] == [("console", 3), ("yaml", 10)]
    assert found[1].text == "operations:\n  - {}\n"
    assert list(command_lines(found[0])) == [["run", "spec.yaml", "--json"]]


def test_links_of_code_and_of_the_web_are_left_alone() -> None:
    page = "[a](guides/x.md#y) [b](https://example.org) [c](#here)\n```\n[d](no.md)\n```\n"
    assert list(local_links(page)) == ["guides/x.md"]
