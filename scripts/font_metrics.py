"""Writes src/reelwright/analysis/bundled_font.py: the widths of the bundled font's characters.

Run it when the font changes; a test compares the module with the font.
"""

import base64
import sys
import zlib
from pathlib import Path

from reelwright.analysis.text_layout import Metrics, advances

ROOT = Path(__file__).resolve().parent.parent
FONT = ROOT / "src/reelwright/assets/fonts/DejaVuSans.ttf"
MODULE = ROOT / "src/reelwright/analysis/bundled_font.py"

HEAD = '''"""Widths of the bundled font's characters. Written by scripts/font_metrics.py."""

from __future__ import annotations

import base64
import zlib
from functools import cache

from reelwright.analysis.text_layout import Metrics

MISSING = {missing}
_PACKED = (
{lines}
)


@cache
def metrics() -> Metrics:
    """Unpacked on first use: runs of code points of one width, each as distance, length, width."""
    found: dict[int, int] = {{}}
    code = 0
    for run in zlib.decompress(base64.b85decode(_PACKED)).decode("ascii").split(";"):
        distance, length, width = (int(n, 16) for n in run.split(","))
        first = code + distance
        code = first + length
        found.update(dict.fromkeys(range(first, code + 1), width))
    return Metrics(found, MISSING)
'''


def packed(metrics: Metrics) -> str:
    """The widths as text: distance from the last run, length of the run less one, width."""
    runs: list[list[int]] = []
    for code, width in sorted(metrics.advances.items()):
        if runs and runs[-1][1] + 1 == code and runs[-1][2] == width:
            runs[-1][1] = code
        else:
            runs.append([code, code, width])
    parts, last = [], 0
    for first, end, width in runs:
        parts.append(f"{first - last:x},{end - first:x},{width:x}")
        last = end
    return base64.b85encode(zlib.compress(";".join(parts).encode("ascii"), 9)).decode("ascii")


def main() -> int:
    metrics = advances(FONT.read_bytes())
    text = packed(metrics)
    lines = "\n".join(f'    "{text[i : i + 92]}"' for i in range(0, len(text), 92))
    MODULE.write_text(HEAD.format(missing=metrics.missing, lines=lines), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
