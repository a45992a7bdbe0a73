"""Text in pictures with the reader in the box: how much of it is right, and what it takes.

    python -m benchmarks.read_text [CORPUS]

Of pictures with a known text the character error rate, and CPU-seconds a picture; of videos how
many of the pictures that were sampled had to be read. Prints JSON. CPU-seconds are of one thread,
and do not depend on what else the machine does as wall-clock time would.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from reelwright.analysis.texts import edit_distance
from reelwright.tools.models.kinds import ModelKind, PictureAsk
from reelwright.tools.models.ocr import rapidocr
from reelwright.tools.models.providers import ModelSpec

_EN = "3 MovieShots Dataset To facilitate the shot type analysis in videos, we collect MovieShots,"
_EN += " a large-scale shot type annotation set that contains 46K shots from 7858 movies. The"
_EN += " details of this dataset are specified as follows."
_PICTURES = {
    "HelloGoogle.tif": "Hello Google",
    "black_font_color_transparent.png": "我是中国人",
    "en.jpg": _EN,
    "phototest.tif": "phototest.gold.txt",
    "phototest-rotated-R.png": "phototest.gold.txt",
    "eurotext.tif": "eurotext.txt",
}
_VIDEOS = (
    "frames/timecode_42s.mp4",
    "frames/video-h265.mp4",
    "cuts/silent-black-25s.mp4",
    "cuts/bikes.mp4",
    "names/filename with spaces and '_half_res.mp4",
)


def main() -> None:
    default = Path(__file__).parents[2] / "shared" / "media"
    corpus = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    pictures = [_picture(corpus / "ocr", name, gold) for name, gold in _PICTURES.items()]
    videos = [_video(corpus / name) for name in _VIDEOS]
    print(json.dumps({"pictures": pictures, "videos": videos}, indent=2, ensure_ascii=False))


def _picture(folder: Path, name: str, gold: str) -> dict[str, Any]:
    wanted = (folder / gold).read_text("utf-8") if gold.endswith(".txt") else gold
    to = BytesIO()
    with Image.open(folder / name) as picture:
        picture.save(to, "PNG")
        size = picture.size
    spec = ModelSpec(kind=ModelKind.OCR, provider="rapidocr", threads=1)
    reader = rapidocr.make(spec)
    ask = PictureAsk(image=to.getvalue())
    reader.read(ask)  # the first one loads the recogniser
    began = time.process_time()
    lines = reader.read(ask).lines
    took_s = time.process_time() - began
    wanted, read = (" ".join(t.split()) for t in (wanted, " ".join(line.text for line in lines)))
    return {
        "picture": name,
        "size": size,
        "lines": len(lines),
        "characters": len(wanted),
        "error_rate": round(edit_distance(read, wanted) / len(wanted), 4),
        "cpu_s": round(took_s, 2),
    }


def _video(path: Path) -> dict[str, Any]:
    """All of `reel read-text`, decoding and start-up too, on a home of its own."""
    with tempfile.TemporaryDirectory(prefix="reel-benchmark-") as home:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [str(Path(sys.executable).parent / "reel"), "read-text", str(path), "--json"],
            env={**os.environ, "REEL_HOME": home},
            stdout=subprocess.PIPE,
            check=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = json.loads(done.stdout)
    took_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    how = found["pictures"]
    return {
        "video": path.name,
        "sampled": found["sampled"],
        **how,
        "texts": len(found["texts"]),
        "cpu_s": round(took_s, 1),
    }


if __name__ == "__main__":
    main()
