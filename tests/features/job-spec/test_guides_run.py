"""The specs of the guides do not only parse: each runs, on small media of the names it uses."""

import re
from pathlib import Path

import pytest

from tests.docs.examples import Block, blocks
from tests.features.jobs import Studio
from tests.features.media import make, tone
from tests.runners.origin import Served, serving
from tests.site import Site

GUIDES = Path(__file__).resolve().parents[3] / "docs" / "guides"
SPECS = [
    block
    for page in ("operators.md", "fan-out.md", "planning.md", "running.md", "smart-cut.md")
    for block in blocks(page, (GUIDES / page).read_text(encoding="utf-8"))
    if block.language == "yaml" and re.search(r"^operations:", block.text, re.M)
]


@pytest.fixture(scope="module")
def files(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ninety seconds of a talk, of three small frames each, and what goes with it."""
    folder = tmp_path_factory.mktemp("guides")
    picture = ("-f", "lavfi", "-i", "testsrc2=s=64x36:r=3:d=90")
    sound = ("-f", "lavfi", "-i", "sine=r=48000:d=90", "-c:a", "aac", "-ac", "2")
    talk = make(ffmpeg, folder / "talk.mp4", *picture, *sound, "-preset", "ultrafast", "-g", "6")
    again = ("-i", str(talk), "-t", "4")
    for name in ("old-tape.avi", "screen.webm", "intro.mov"):
        make(ffmpeg, folder / name, *again)
    for name in ("logo.png", "outro.png"):
        make(ffmpeg, folder / name, *("-f", "lavfi", "-i", "color=red:s=32x18", "-frames:v", "1"))
    for name in ("voice.wav", "music.mp3"):
        tone(ffmpeg, folder / name)
    return folder


def watch_page(site: Site) -> str:
    """A page with everything that the guide takes from one."""
    page = (
        '<html><head><title>Talk</title><meta property="og:description" content="Of it."></head>'
        '<body><video poster="/files/poster.jpg"><source src="/files/clip.mp4" type="video/mp4">'
        '<track kind="captions" srclang="en" src="/captions/en.vtt"></video></body></html>'
    )
    return site.add("/watch/1", page, "text/html; charset=utf-8")


def test_specs_are_found() -> None:
    assert len(SPECS) >= 15


@pytest.mark.parametrize("block", SPECS, ids=str)
def test_the_spec_of_a_guide_runs(studio: Studio, files: Path, site: Site, block: Block) -> None:
    text = block.text.replace("https://example.org/watch/1", watch_page(site))
    for path in files.iterdir():
        if path.name in text and f"to: {path.name}" not in text:
            studio.bring(path)
    # Nine minutes are as good as the last ten seconds.
    text = text.replace('end: "00:09:40"', "end: 80.5s")
    with serving() as origin:
        origin.answers["/talk.mp4"] = Served((files / "talk.mp4").read_bytes())
        done = studio.run(text.replace("https://example.org/talk.mp4", origin.url("/talk.mp4")))
    outputs = done.lines[-1]["outputs"]
    assert len(outputs) >= len(re.findall(r"\bfrom:", text))
    assert all(Path(output["path"]).stat().st_size > 0 for output in outputs)
