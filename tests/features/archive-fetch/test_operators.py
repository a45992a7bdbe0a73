"""`fetch`, `metadata`, `captions`, `thumbnail` and `keep` in a spec, through the real command."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from reelwright.media.digest import sha256_file
from tests.features.jobs import Studio, because, states
from tests.site import Site
from tests.site_resources import Reset


def test_everything_of_a_page_by_one_extraction(site: Site, studio: Studio) -> None:
    url = site.url("/pages/video")
    spec = f"""
operations:
  - {{id: get, op: fetch, url: "{url}"}}
  - {{id: part, op: trim, input: get, start: 0.4s}}
  - {{id: about, op: metadata, url: "{url}"}}
  - {{id: words, op: captions, url: "{url}", languages: [en, de]}}
outputs:
  - {{from: part, to: part.mp4}}
  - {{from: about, to: about.json}}
  - {{from: about.info, to: site.json}}
  - {{from: words, to: words.srt}}
  - {{from: words, to: "subs/{{language}}.vtt"}}
"""
    planned = studio.plan(spec)
    assert "one extraction of" in because(planned)
    done = studio.run(spec)

    assert sum(name.startswith("fetch") for name in states(done)) == 1
    assert site.count("/files/clip.mp4") == 1
    assert site.count("/captions/en.vtt") == 1
    assert json.loads(studio.path("about.json").read_text())["title"] == "A talk with captions"
    assert "webpage_url" in json.loads(studio.path("site.json").read_text())
    for name in ("words.en.srt", "subs/en.vtt"):
        assert "The first words" in studio.path(name).read_text(encoding="utf-8")
    for name in ("words.de.srt", "subs/de.vtt"):
        assert "Die ersten Worte" in studio.path(name).read_text(encoding="utf-8")
    assert studio.path("subs/en.vtt").read_text().startswith("WEBVTT")
    assert float(studio.facts("part.mp4")["format"]["duration"]) == pytest.approx(0.6, abs=0.2)


@pytest.mark.parametrize("name", ["cover.png", "cover.jpg", "cover.webp"])
def test_the_picture_of_a_page(site: Site, studio: Studio, name: str) -> None:
    spec = f"""
operations:
  - {{id: cover, op: thumbnail, url: "{site.url("/pages/json-ld")}", width: 80}}
outputs: [{{from: cover, to: {name}}}]
"""
    studio.run(spec)
    if name.endswith(".png"):  # ffprobe reads none without zlib; its header says the size
        assert struct.unpack(">II", studio.path(name).read_bytes()[16:24]) == (80, 45)
        return
    found = studio.facts(name)["video"]
    assert (found["width"], found["height"]) == (80, 45)


def test_a_page_without_a_picture_says_so(site: Site, studio: Studio) -> None:
    spec = f"""
operations: [{{id: cover, op: thumbnail, url: "{site.url("/pages/video")}"}}]
outputs: [{{from: cover, to: cover.png}}]
"""
    done = studio.run(spec, code=3)
    assert done.lines[-1]["error"]["code"] == "media_no_streams"
    assert not studio.path("cover.png").exists()


def test_captions_that_are_not_there(site: Site, studio: Studio) -> None:
    """None are no failure, unless they are required."""
    spec = """
operations:
  - {{id: words, op: captions, url: "{url}", languages: [fr], required: {required}}}
outputs: [{{from: words, to: words.vtt}}]
"""
    url = site.url("/pages/video")
    studio.run(spec.format(url=url, required="false"))
    assert not list(studio.folder.glob("*.vtt"))
    done = studio.run(spec.format(url=url, required="true"), code=2)
    assert done.lines[-1]["error"]["code"] == "stream_missing"


def test_kept_and_worked_on_with_one_download(
    site: Site, studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "library"
    monkeypatch.setenv("REEL_LIBRARY", str(library))
    url = site.url("/pages/video")
    spec = f"""
operations:
  - {{id: get, op: fetch, url: "{url}"}}
  - {{id: about, op: metadata, url: "{url}"}}
  - {{id: words, op: captions, url: "{url}", languages: [en]}}
  - {{id: kept, op: keep, inputs: {{video: get, metadata: about, captions: words}}}}
  - {{id: small, op: scale, input: get, height: 90}}
outputs: [{{from: small, to: small.mp4}}]
"""
    studio.run(spec)
    assert studio.facts("small.mp4")["video"]["height"] == 90
    assert site.count("/files/clip.mp4") == 1
    (video,) = library.rglob("*.mp4")
    assert sha256_file(video) == site.sha256("/files/clip.mp4")
    beside = {path.name.removeprefix(video.stem) for path in video.parent.iterdir()}
    assert {".mp4", ".en.vtt", ".en.srt", ".info.json"} <= beside


def test_only_kept(
    site: Site, studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No outputs, no second plan; the next job asks the origin again and holds one copy."""
    library = tmp_path / "library"
    monkeypatch.setenv("REEL_LIBRARY", str(library))
    spec = f"""
operations:
  - {{id: get, op: fetch, url: "{site.url("/files/clip.mp4")}"}}
  - {{id: kept, op: keep}}
"""
    done = studio.run(spec)
    assert not [line for line in done.lines if line["event"] == "plan" and line["revision"] > 1]
    assert set(states(done).values()) == {"succeeded"}
    studio.run(spec)
    assert site.count("/files/clip.mp4") == 2
    assert len(list(library.rglob("*.mp4"))) == 1


def test_a_half_download_is_gone_on_with_by_the_next_job(site: Site, studio: Studio) -> None:
    """Three tries of the first job break off; what came is not asked for again."""
    size = site.resource("/files/clip.mp4").size_bytes
    site.fail("/files/clip.mp4", Reset(3000, times=3))
    spec = f"""
operations: [{{id: get, op: fetch, url: "{site.url("/files/clip.mp4")}"}}]
outputs: [{{from: get, to: whole.mp4}}]
"""
    studio.run(spec, code=3)
    first = len(site.asked("/files/clip.mp4"))
    studio.run(spec)
    (last,) = site.asked("/files/clip.mp4")[first:]
    begins = int(last.headers["range"].removeprefix("bytes=").rstrip("-"))
    assert 3000 <= begins < size
    assert studio.path("whole.mp4").exists()
