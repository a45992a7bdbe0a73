"""Files hold at most 400 lines and functions 40, docstring not counted.

Where splitting would hurt, `# size: <reason>` exempts: a file from one of its first five lines, a
function from the line of its `def`.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.tree import Problem, files, report, text_of

FILE_LINES = 400
FUNCTION_LINES = 40
EXEMPTION = re.compile(r"# size: \S+")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def check(root: Path) -> list[Problem]:
    found: list[Problem] = []
    for path in files(root, frozenset({".py"})):
        source = text_of(root / path)
        if source is not None:
            found.extend(check_source(path, source))
    return found


def check_source(path: Path, source: str) -> Iterator[Problem]:
    lines = source.splitlines()
    if len(lines) > FILE_LINES and not any(map(EXEMPTION.search, lines[:5])):
        yield Problem(path, 1, f"{len(lines)} lines, more than {FILE_LINES}")
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, Function):
            continue
        size = function_lines(node)
        if size > FUNCTION_LINES and not EXEMPTION.search(lines[node.lineno - 1]):
            message = f"{node.name}() has {size} lines, more than {FUNCTION_LINES}"
            yield Problem(path, node.lineno, message)


def function_lines(node: Function) -> int:
    """Lines from `def` to the end of the body, without the docstring and the decorators."""
    size = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node, clean=False) is not None:
        docstring = node.body[0]
        size -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return size


if __name__ == "__main__":
    sys.exit(report("sizes", check(Path.cwd())))
