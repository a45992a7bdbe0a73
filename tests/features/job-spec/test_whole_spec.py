"""The spec that every page shows, run word by word; and the example of every operator."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reelwright.cli.exits import exit_code
from reelwright.errors import Code
from reelwright.operators import BUILTIN, REGISTRY
from tests.features.jobs import Studio
from tests.features.media import make, tone
from tests.operators.senses import loudness
from tests.runners.origin import Served, serving
from tests.site import Site

TALK = """\
inputs:
  talk: talk.mp4
  logo: {path: logo.png}
operations:
  - {id: cut,   op: trim,    input: talk, start: 10s, duration: "00:05:00"}
  - {id: small, op: scale,   input: cut,  height: 720}
  - {id: mark,  op: overlay, inputs: {base: small, over: logo}, position: bottom-right, margin: 16}
  - {id: level, op: loudnorm, input: mark, target: -16}
  - {id: still, op: thumbnail, input: cut, at: [5s]}
outputs:
  - {from: level, to: out/talk-720p.mp4, video: {codec: h264, crf: 20}, audio: {codec: aac, bitrate: 128k}}
  - {from: still, to: out/still.jpg}
"""  # noqa: E501


def test_the_talk_runs_word_by_word(studio: Studio, ffmpeg: Path) -> None:
    """Its talk has 17 s, of which the last 7 are kept: a gray that rises with the time."""
    gray = "nullsrc=s=64x36:r=10:d=17,geq=lum=20+N:cb=128:cr=128,format=yuv420p"
    sound = ("-f", "lavfi", "-i", "sine=f=500:r=48000:d=17", "-c:a", "aac")
    make(ffmpeg, studio.path("talk.mp4"), "-f", "lavfi", "-i", gray, *sound)
    logo = ("-f", "lavfi", "-i", "color=red:s=120x60", "-frames:v", "1")
    make(ffmpeg, studio.path("logo.png"), *logo)

    done = studio.run(TALK)

    last = done.lines[-1]
    assert [Path(o["path"]).name for o in last["outputs"]] == ["talk-720p.mp4", "still.jpg"]
    made = studio.facts("out/talk-720p.mp4")
    assert (made["video"]["codec_name"], made["video"]["height"]) == ("h264", 720)
    assert made["audio"]["codec_name"] == "aac"
    assert float(made["format"]["duration"]) == pytest.approx(7, abs=0.05)
    assert int(made["video"]["nb_read_frames"]) == 70
    shown = studio.pictures("out/talk-720p.mp4")
    corner = shown[30, 720 - 16 - 30, 1280 - 16 - 60].astype(int)
    assert corner[0] > 200
    assert corner[1] < 60
    heard = loudness(ffmpeg, studio.path("out/talk-720p.mp4"))
    assert heard.integrated_lufs == pytest.approx(-16, abs=0.4)
    # Five seconds into the cut are fifteen into the talk: frame 150.
    still = studio.pictures("out/still.jpg")
    assert still.shape == (1, 36, 64, 3)
    assert still.mean() == pytest.approx((20 + 150 - 16) * 255 / 219, abs=4)


@pytest.fixture(scope="module")
def cupboard(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Something under every name that the examples use as an input."""
    folder = tmp_path_factory.mktemp("cupboard")
    clip = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=5:d=65")
    sound = ("-f", "lavfi", "-i", "sine=r=48000:d=65", "-c:a", "aac")
    make(ffmpeg, folder / "talk.mp4", *clip, *sound, "-preset", "ultrafast", "-g", "25")
    make(ffmpeg, folder / "short.mp4", *clip, *sound, "-preset", "ultrafast", "-t", "3")
    logo = ("-f", "lavfi", "-i", "color=red:s=16x16", "-frames:v", "1")
    make(ffmpeg, folder / "logo.png", *logo)
    tone(ffmpeg, folder / "music.wav", seconds=2)
    return folder


FILES = {
    "talk": "talk.mp4", "logo": "logo.png", "music": "music.wav", "voice": "music.wav",
    "phone": "short.mp4", "screen": "short.mp4", "intro": "short.mp4", "outro": "short.mp4",
}  # fmt: skip


def names_in(example: str) -> Iterator[str]:
    for name in FILES:
        if re.search(rf"(?<![\w/.]){name}(?![\w.])", example.partition("op:")[2]):
            yield name


# What has something else than a video to give, and what gives it into the library.
ENDINGS = {
    "thumbnail": "jpg", "waveform": "png", "mix": "wav", "shots": "json", "metadata": "json",
    "captions": "vtt",
}  # fmt: skip
LABELS = {"shots": "shots", "metadata": "facts"}
# What stands before an operation that works on what another has found.
SAID = "  - {id: said, op: transcribe, input: talk}\n"
# Nothing in the box can do these.
ASKS_A_MODEL = {"describe", "embed_frames"}


@pytest.mark.parametrize("operator", sorted(ASKS_A_MODEL))
def test_the_example_of_what_asks_a_model_says_that_there_is_none(
    studio: Studio, cupboard: Path, operator: str
) -> None:
    studio.bring(cupboard / "talk.mp4")
    example = REGISTRY.get(operator).example.strip()
    name = re.findall(r"id: (\w+)", example)[0]
    refused = studio.run(
        f"inputs: {{talk: talk.mp4}}\noperations:\n  - {example}\n"
        f"outputs:\n  - {{from: {name}, to: out.mp4}}\n",
        code=exit_code(Code.MODEL_UNAVAILABLE),
    )
    assert refused.lines[-1]["error"]["code"] == "model_unavailable"


@pytest.mark.parametrize("operator", sorted(set(BUILTIN) - {"keep", "index"} - ASKS_A_MODEL))
def test_the_example_of_every_operator_runs(
    studio: Studio, cupboard: Path, site: Site, operator: str
) -> None:
    example = REGISTRY.get(operator).example.strip()
    name = re.findall(r"id: (\w+)", example)[0]
    before = SAID if "input: said" in example else ""
    inputs = {used: FILES[used] for used in names_in(example + before)}
    for file in set(inputs.values()):
        studio.bring(cupboard / file)
    ending = ENDINGS.get(operator, "mp4")
    reference = f"{name}.{LABELS[operator]}" if operator in LABELS else name
    listed = ", ".join(f"{key}: {file}" for key, file in inputs.items())
    with serving() as origin:
        origin.answers["/talk.mp4"] = Served((cupboard / "short.mp4").read_bytes())
        example = example.replace("https://example.org/talk.mp4", origin.url("/talk.mp4"))
        example = example.replace("https://example.org/watch/1", site.url("/pages/video"))
        several = "-{index}" if operator == "thumbnail" else ""
        studio.run(
            f"inputs: {{{listed}}}\noperations:\n{before}  - {example.removeprefix('- ')}\n"
            f"outputs:\n  - {{from: {reference}, to: 'out{several}.{ending}'}}\n"
        )
    made = sorted(studio.folder.glob("out*"))
    assert len(made) == (2 if operator in {"thumbnail", "captions"} else 1)
    assert all(path.stat().st_size > 30 for path in made)


def test_the_example_of_keep_runs_on_what_is_fetched(studio: Studio, site: Site) -> None:
    example = REGISTRY.get("keep").example.strip()
    fetch = f"{{id: talk, op: fetch, url: '{site.url('/pages/video')}'}}"
    done = studio.run(f"operations:\n  - {fetch}\n  - {example}\n")
    assert done.lines[-1]["state"] == "succeeded"
