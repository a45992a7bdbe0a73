"""What was found is cut out, joined, and handed to other programs."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import opentimelineio
import pytest

from reelwright.app.settings import load
from reelwright.app.wiring import App
from reelwright.media.cues import read_srt, read_vtt
from reelwright.store import documents
from reelwright.store.documents import NewDocument
from reelwright.store.jobs import LOCAL_OWNER
from reelwright.store.passages import NewPassage
from tests.cli.reel import Done, reel
from tests.features import media
from tests.features.indexed import index, put_video, write_texts
from tests.features.jobs import Studio


@pytest.fixture(scope="session")
def match(ffmpeg: Path, shelf: Path) -> Path:
    """Long enough for moments that lie apart; each frame has its number."""
    return media.talk(ffmpeg, shelf / "match.mp4", 60)


@pytest.fixture
def library(studio: Studio, match: Path, scenes: Path) -> Path:
    """Two real videos with words at known times, and texts."""
    folder = studio.folder
    put_video(
        match,
        (2.0, 4.0, "A goal in the first half."),
        (4.5, 5.0, "Another goal, at once."),
        (45.0, 45.0, "The last goal."),
        title="The match",
    )
    put_video(scenes, (1.0, 2.0, "No goal, but a fine scene."), title="Scenes / of: it")
    write_texts(folder)
    index("texts", cwd=folder)
    return folder


def cut(library: Path, *arguments: str) -> Done:
    return reel("search", "goal", *arguments, cwd=library)


def test_each_hit_becomes_a_clip_and_touching_ones_one(library: Path, studio: Studio) -> None:
    done = cut(library, "--clip", "out", "--padding", "0.5", "--json").json
    assert done["job"]["state"] == "succeeded"
    clips = {Path(clip["path"]).name: clip for clip in done["clips"]}
    assert sorted(clips) == sorted(path.name for path in (library / "out").iterdir())
    parts = {
        (part["start"], part["end"]): part["hits"]
        for clip in done["clips"]
        for part in clip["parts"]
    }
    # From 2 to 5 in one; an instant gets two seconds.
    assert {(1.5, 5.5), (44.0, 46.0)} <= set(parts)
    for clip in done["clips"]:
        (part,) = clip["parts"]
        lasts = float(studio.facts(clip["path"])["format"]["duration"])
        assert lasts == pytest.approx(part["end"] - part["start"], abs=0.12)
    # Names say what it is, and nothing in a title leads out of the folder.
    assert any("The match 00.00.01" in name for name in clips)
    assert any("Scenes" in name for name in clips)


def test_a_reel_of_all_hits_stands_in_the_order_of_time(library: Path, studio: Studio) -> None:
    done = cut(library, "--clip", "out", "--join", "--json").json
    (clip,) = done["clips"]
    assert Path(clip["path"]).parent == library / "out"
    lasts = sum(part["end"] - part["start"] for part in clip["parts"])
    found = float(studio.facts(clip["path"])["format"]["duration"])
    assert found == pytest.approx(lasts, abs=0.3)
    subjects = [part["asset"] for part in clip["parts"]]
    for subject in set(subjects):
        starts = [part["start"] for part in clip["parts"] if part["asset"] == subject]
        assert starts == sorted(starts)
    assert len(subjects) == 3


def test_the_spec_is_printed_and_runs(library: Path) -> None:
    done = cut(library, "--clip", "out", "--spec")
    assert not (library / "out").exists()
    spec = json.loads(done.out)
    assert {operation["op"] for operation in spec["operations"]} == {"trim"}
    (library / "job.json").write_text(done.out)
    assert reel("plan", "job.json", "--json", cwd=library).code == 0


def test_an_edit_list(library: Path) -> None:
    lines = cut(library, "--edl").out.splitlines()
    assert lines[0] == "TITLE: goal"
    events = [line.split() for line in lines if line[:3].isdecimal()]
    assert [event[0] for event in events] == [f"{n:03}" for n in range(1, len(events) + 1)]
    # The record is without gaps.
    for one, following in itertools.pairwise(events):
        assert one[7] == following[6]
    assert events[0][6] == "00:00:00:00"
    assert any(line.startswith("* SOURCE FILE: /") for line in lines)


def test_a_timeline(library: Path) -> None:
    assert cut(library, "--otio", "hits.otio").code == 0
    timeline = opentimelineio.adapters.read_from_file(str(library / "hits.otio"))
    clips = timeline.find_clips()
    assert clips
    for clip in clips:
        assert Path(clip.media_reference.target_url.removeprefix("file://")).is_file()
        inside = clip.media_reference.available_range
        assert inside.start_time <= clip.source_range.start_time
        assert clip.source_range.end_time_exclusive() <= inside.end_time_exclusive()
        assert clip.markers[0].metadata["reelwright"]["text"]
    names = {track.name for track in timeline.tracks}
    assert "video" in names


def test_captions_of_one_video_have_its_times(library: Path, match: Path) -> None:
    done = cut(library, "--asset", str(match), "--padding", "0", "--vtt", "hits.vtt")
    assert done.code == 0, done.err
    cues = list(read_vtt((library / "hits.vtt").read_text()))
    assert [(cue.start_s, cue.end_s) for cue in cues] == [(2.0, 5.0), (44.0, 46.0)]
    assert "goal" in cues[0].plain
    srt = cut(library, "--asset", str(match), "--srt").out
    assert next(cue.start_s for cue in read_srt(srt)) == 1.0


def test_captions_of_several_have_the_times_of_the_reel(library: Path) -> None:
    cues = list(read_vtt(cut(library, "--vtt").out))
    assert cues[0].start_s == 0.0
    for one, following in itertools.pairwise(cues):
        assert one.end_s == following.start_s


def test_files_are_not_replaced_unasked(library: Path) -> None:
    (library / "hits.edl").write_text("mine")
    done = cut(library, "--edl", "hits.edl")
    assert done.code == 2
    assert "output_exists" in done.err
    assert (library / "hits.edl").read_text() == "mine"
    assert cut(library, "--edl", "hits.edl", "--overwrite").code == 0
    assert (library / "hits.edl").read_text().startswith("TITLE")


def test_texts_and_files_that_are_gone_are_said(library: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone.mp4"
    gone.write_bytes(b"x")
    put_video(gone, (1.0, 2.0, "Vanished words."), title="Gone")
    gone.unlink()
    done = reel("search", "vanished", "--clip", "out", "--json", cwd=library)
    assert done.code == 2
    assert done.json["error"]["code"] == "field_missing"
    assert "its file is gone" in done.err
    text = reel("search", "kettle", "--clip", "out", cwd=library)
    assert "is a text" in text.err
    assert not (library / "out").exists()


def test_a_file_that_is_another_one_by_now_is_not_cut(library: Path, match: Path) -> None:
    other = library / "other.mp4"
    other.write_bytes(match.read_bytes())
    put_video(other, (1.0, 2.0, "Unmistakable words."), title="Other")
    other.write_bytes(other.read_bytes() + b"\0" * 8)
    done = reel("search", "unmistakable", "--clip", "out", cwd=library)
    assert done.code == 2
    assert "another video by now" in done.err


def test_clip_cuts_a_part_that_is_named(library: Path, match: Path, studio: Studio) -> None:
    done = reel("clip", str(match), "--from", "1.5", "--to", "0:04", "-o", "a.mp4", cwd=library)
    assert done.code == 0, done.err
    # At 25 frames a second from 1.5 up to 4 seconds: to the frame.
    assert studio.numbers("a.mp4") == list(range(38, 100))
    assert reel("clip", str(match), "--to", "2", cwd=library).code == 0
    assert (library / "match 00.00.00-00.00.02.mp4").is_file()


def test_clip_cuts_the_best_moment(library: Path, studio: Studio) -> None:
    done = reel("clip", "last goal", "-o", "best.mp4", "--json", cwd=library).json
    assert done["clips"][0]["parts"][0]["start"] == 44.0
    assert (library / "best.mp4").is_file()
    second = reel("clip", "goal", "-n", "2", "-o", "second.mp4", cwd=library)
    assert second.code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nowhere.mp4", "--from", "1"], "input_not_found"),
        (["MATCH", "--from", "90"], "range_empty"),
        (["MATCH", "--from", "3", "--to", "2"], "range_empty"),
        (["MATCH", "--from", "soon"], "field_invalid"),
        (["MATCH"], "usage"),
        (["kettle"], "no_evidence"),
        (["goal", "-n", "99"], "no_evidence"),
    ],
)
def test_what_cannot_be_clipped_says_why(
    library: Path, match: Path, arguments: list[str], code: str
) -> None:
    given = [str(match) if one == "MATCH" else one for one in arguments]
    done = reel("clip", *given, "--json", cwd=library)
    assert done.code in (2, 6)
    assert done.json["error"]["code"] == code


def test_an_asset_of_the_library_is_cut_by_its_id(studio: Studio, match: Path) -> None:
    folder = studio.folder
    (folder / "kept").mkdir()
    (folder / "kept" / "The final.mp4").write_bytes(match.read_bytes())
    assert reel("import", "kept", "--json", cwd=folder).code == 0
    (kept,) = reel("library", "--json", cwd=folder).json["assets"]
    asset = kept["id"]
    document = NewDocument(
        owner=LOCAL_OWNER, subject=f"asset:{asset}", kind="asset", title="The final", asset_id=asset
    )
    said = NewPassage(kind="speech", text="It was the decisive penalty.", start_s=10.0, end_s=14.0)
    with App(load()) as app:
        app.store.transact(lambda tx: documents.put(tx, document, [said]))
    (hit,) = reel("search", "penalty", "--json", cwd=folder).json["hits"]
    assert (hit["asset"], hit["start"], hit["end"]) == (asset, 10.0, 14.0)
    done = reel("search", "penalty", "--clip", "out", "--spec", cwd=folder)
    assert json.loads(done.out)["inputs"] == {"video-1": f"asset:{asset}"}
    assert reel("clip", "penalty", "--padding", "0", "-o", "a.mp4", cwd=folder).code == 0
    assert studio.numbers("a.mp4") == list(range(250, 350))
    assert reel("clip", f"asset:{asset}", "--to", "1", "-o", "b.mp4", cwd=folder).code == 0
    assert studio.numbers("b.mp4") == list(range(25))
    answer = reel("ask", "Was the penalty decisive?", "--asset", asset, "--json", cwd=folder).json
    assert f"[{asset} @ 00:00:10]" in answer["answer"]
    assert answer["citations"][0]["asset"] == asset
