"""thumbnail and waveform: the very frames, sheets with their WebVTT, the peaks of the sound."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.features import media
from tests.features.jobs import Studio, argv
from tests.features.media import tone


def spec(operation: str, to: str, more: str = "") -> str:
    return (
        f"inputs: {{in: in.mp4}}\noperations:\n  - {{id: a, op: {operation}}}\n"
        f"outputs:\n  - {{from: a, to: {to}}}\n{more}"
    )


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        ("at: [0s, 1.32s, 5s]", [0, 33, 125]),
        ("at: [-1s]", [225]),
        ("at: [1.33s]", [33]),  # the frame that is on screen then
        ("every: 2.5s", [0, 63, 125, 188]),
        ("count: 4", None),
    ],
)
@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_pictures_are_the_very_frames(
    studio: Studio, talk: Path, what: str, shown: list[int] | None, ending: str
) -> None:
    studio.bring(talk, "in.mp4")
    studio.run(spec(f"thumbnail, {what}", f'"still-{{index}}.{ending}"'))
    files = sorted(studio.folder.glob(f"still-*.{ending}"))
    found = [number for file in files for number in studio.numbers(file.name)]
    if shown is None:
        assert len(found) == 4
        assert np.diff(found) == pytest.approx(62.5, abs=1)
    else:
        assert found == pytest.approx(shown, abs=0 if "at" in what else 1)


def test_a_picture_late_in_the_video_is_sought_not_decoded_up_to(
    studio: Studio, talk: Path
) -> None:
    studio.bring(talk, "in.mp4")
    plan = studio.plan(spec("thumbnail, at: [9s], width: 160", "still.webp"))
    assert re.search(r"-ss (8|9)", argv(plan))
    studio.run(spec("thumbnail, at: [9s], width: 160", "still.webp"))
    assert studio.numbers("still.webp") == [225]
    assert studio.pictures("still.webp").shape == (1, 90, 160, 3)


def test_the_best_frame_is_not_the_black_one(studio: Studio, ffmpeg: Path) -> None:
    graph = "color=black:s=160x90:r=25:d=0.4[a];testsrc2=s=160x90:r=25:d=2[b];[a][b]concat=n=2"
    media.make(ffmpeg, studio.path("in.mp4"), "-f", "lavfi", "-i", graph)
    studio.run(spec("thumbnail, best: 50", "best.png"))
    assert studio.pictures("best.png").mean() > 60


def test_a_sprite_sheet_and_its_webvtt_agree(studio: Studio, talk: Path) -> None:
    studio.bring(talk, "in.mp4")
    sprite = "thumbnail, sprite: {interval: 1s, columns: 3, rows: 2, width: 64}"
    studio.run(spec(sprite, '"sheet-{index}.png"', "  - {from: a.vtt, to: sheet.vtt}\n"))
    sheets = [studio.pictures(f"sheet-{n}.png")[0] for n in (1, 2)]
    assert sheets[0].shape[:2] == (72, 192)
    text = studio.path("sheet.vtt").read_text()
    assert text.startswith("WEBVTT\n")
    cue = r"([\d:.]+) --> ([\d:.]+)\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)"
    cues = re.findall(cue, text)
    assert len(cues) == 10
    for second, (begins, _, name, *place) in enumerate(cues):
        x, y, width, height = map(int, place)
        sheet = studio.pictures(name)[0]
        tile = sheet[y : y + height, x : x + width]
        assert tile.shape == (36, 64, 3)
        assert abs(media.numbers(tile[None])[0] - 25 * second) <= 13
        assert begins.endswith(f"{second:02d}.000")


def test_a_waveform_is_drawn_and_its_peaks_are_those_of_the_sound(
    studio: Studio, ffmpeg: Path
) -> None:
    """Loud, then silent: so is the picture, so are the peaks."""
    graph = "sine=f=440:r=48000:d=2,volume=6,volume='lt(t,1)':eval=frame"
    media.make(ffmpeg, studio.path("in.wav"), "-f", "lavfi", "-i", graph)
    text = spec("waveform, size: 400x100, color: red, background: black", "wave.png")
    more = "  - {from: a.peaks, to: peaks.json}\n"
    studio.run(text.replace("in.mp4", "in.wav") + more)
    picture = studio.pictures("wave.png")[0].astype(int)
    assert picture.shape == (100, 400, 3)
    red = (picture[..., 0] > 100).sum(axis=0)
    assert red[20:180].min() > 40
    assert red[220:380].max() <= 3

    peaks = json.loads(studio.path("peaks.json").read_text())
    assert (peaks["version"], peaks["sample_rate"], peaks["bits"]) == (2, 48000, 16)
    assert len(peaks["data"]) == 2 * peaks["length"]
    highest = np.array(peaks["data"][1::2])
    half = round(48000 / peaks["samples_per_pixel"])
    assert highest[5 : half - 5].min() == pytest.approx(0.75 * 32767, rel=0.1)
    assert abs(highest[half + 5 :]).max() <= 1


def test_peaks_of_each_channel(studio: Studio, ffmpeg: Path) -> None:
    left = tone(ffmpeg, studio.path("left.wav"), seconds=1)
    graph = "[0:a]asplit[l][s];[s]volume=0[r];[l][r]amerge"
    media.make(ffmpeg, studio.path("in.wav"), "-i", str(left), "-filter_complex", graph)
    text = spec("waveform, split_channels: true, bits: 8, size: 200x80", "wave.png")
    studio.run(text.replace("in.mp4", "in.wav") + "  - {from: a.peaks, to: peaks.json}\n")
    peaks = json.loads(studio.path("peaks.json").read_text())
    assert (peaks["channels"], peaks["bits"]) == (2, 8)
    data = np.array(peaks["data"]).reshape(-1, 4)
    assert data[2:-2, 1].min() > 10
    assert abs(data[:, 2:]).max() <= 1
