"""``python -m reelwright.tools.smartcut JOB RESULT``: one smart cut, from a JSON file to another.

Prints progress as FFmpeg's ``-progress`` does. Exit codes: `exits.py`; RESULT is written on `CUT`
and on `CANNOT`, where it says why. Anything else is a crash.
"""

from __future__ import annotations

import errno
import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

from reelwright.tools.smartcut.cut import cut
from reelwright.tools.smartcut.exits import CANNOT, CUT, DISK_FULL
from reelwright.tools.smartcut.job import CannotCut, Job


def main(job_path: str, result_path: str) -> int:
    job = Job.from_json(json.loads(Path(job_path).read_text(encoding="utf-8")))
    result: dict[str, Any]
    try:
        result = {"report": cut(job, _say)}
    except CannotCut as error:
        result = {"reason": str(error), "seam": error.seam}
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        return DISK_FULL
    Path(result_path).write_text(json.dumps(result), encoding="utf-8")
    return CANNOT if "reason" in result else CUT


def _say(frames: int, time: Fraction) -> None:
    sys.stdout.write(f"frame={frames}\nout_time_us={int(time * 1_000_000)}\nprogress=continue\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
