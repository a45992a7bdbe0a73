"""Walls around FFmpeg: what a hostile file names is neither read nor reached nor delivered."""

import sys
from pathlib import Path

import pytest

from reelwright.tools.sandbox import landlock_abi
from tests.cli.reel import reel
from tests.features.jobs import Studio, argv
from tests.runners.origin import Served, serving

walled = pytest.mark.skipif(
    sys.platform != "linux" or not landlock_abi(), reason="needs a kernel with Landlock"
)

SPEC = """\
inputs: {in: in.mp4}
operations: [{id: a, op: scale, height: 90}]
outputs: [{from: a, to: out.mp4, video: {codec: h264, preset: ultrafast}}]
"""
MANIFESTS = {
    "ffconcat": "ffconcat version 1.0\nfile '{target}'\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n",
}


@pytest.mark.parametrize("kind", MANIFESTS)
@pytest.mark.parametrize("walls", ["--sandbox", "--no-sandbox"])
@walled
def test_a_manifest_called_mp4_reads_no_other_file(
    studio: Studio, talk: Path, kind: str, walls: str
) -> None:
    """With the walls and without them: demuxers are pinned as well."""
    secret = studio.bring(talk, "secret.mp4")
    studio.path("in.mp4").write_text(MANIFESTS[kind].format(target=secret))
    done = studio.run(SPEC, walls, code=3)
    assert done.lines[-1]["error"]["where"] == "inputs.in"
    assert not studio.path("out.mp4").exists()


def test_a_manifest_reaches_no_server(studio: Studio, talk: Path) -> None:
    with serving() as origin:
        origin.answers["/secret.mp4"] = Served(talk.read_bytes())
        manifest = MANIFESTS["hls"].format(target=origin.url("/secret.mp4"))
        studio.path("in.mp4").write_text(manifest)
        studio.run(SPEC, code=3)
        assert origin.requests == []


def test_names_and_texts_are_data_never_options_or_filters(studio: Studio, talk: Path) -> None:
    for name in ("-y.mp4", "a'b [c];d,e=f:g\\h.mp4", "%d {index} $(id).mp4"):
        studio.bring(talk, name)
        quoted = name.replace("'", "''")
        text = SPEC.replace("in.mp4", f"{{path: './{quoted}', glob: false}}")
        text = text.replace("op: scale, height: 90", 'op: drawtext, text: "\':movie=/etc/passwd"')
        assert "movie=" not in argv(studio.plan(text))
        studio.run(text, "--overwrite")
        assert len(studio.pictures("out.mp4")) == 250


def test_an_output_leaves_the_folder_only_if_that_is_said(studio: Studio, talk: Path) -> None:
    studio.bring(talk, "in.mp4")
    text = SPEC.replace("to: out.mp4", "to: ../outside.mp4")
    error = studio.run(text, code=2).lines[-1]["error"]
    assert error["code"] == "output_path"
    assert not (studio.folder.parent / "outside.mp4").exists()
    studio.run(text, "--allow-outside")
    assert (studio.folder.parent / "outside.mp4").is_file()


def test_the_doctor_says_which_walls_there_are(studio: Studio) -> None:
    checks = {c["name"]: c for c in reel("doctor", "--json", cwd=studio.folder).json["checks"]}
    if sys.platform == "linux" and landlock_abi():
        assert "Landlock" in checks["sandbox"]["found"]
        assert "files" in checks["sandbox"]["found"]
    else:
        assert checks["sandbox"]["hint"]
