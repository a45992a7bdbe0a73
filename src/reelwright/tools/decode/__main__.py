"""``python -m reelwright.tools.decode JOB RESULT``: one look at a video, asked in a JSON file.

Prints progress as FFmpeg's ``-progress`` does. Exit codes: `exits.py`; RESULT is written on
`LOOKED` and on `CANNOT`, where it says why. Anything else is a crash.
"""

from __future__ import annotations

import errno
import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

from reelwright.tools.decode.exits import CANNOT, DISK_FULL, LOOKED
from reelwright.tools.decode.job import CannotLook, Job
from reelwright.tools.decode.looking import look


def main(job_path: str, result_path: str) -> int:
    job = Job.from_json(json.loads(Path(job_path).read_text(encoding="utf-8")))
    result: dict[str, Any]
    try:
        result = look(job, _say)
    except CannotLook as error:
        result = {"reason": str(error)}
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        return DISK_FULL
    Path(result_path).write_text(json.dumps(result), encoding="utf-8")
    return CANNOT if "reason" in result else LOOKED


def _say(frames: int, time: Fraction) -> None:
    sys.stdout.write(f"frame={frames}\nout_time_us={int(time * 1_000_000)}\nprogress=continue\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
