"""`reel library` as people use it, and what is kept as an input of any spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.reel import reel
from tests.features.jobs import Studio
from tests.served import Served

_VTT = "WEBVTT\n\n00:01.000 --> 00:02.000\n{}\n"
_SPEC = """\
inputs: {{talk: "asset:{}"}}
operations: [{{id: cut, op: trim, input: talk, start: 1s, duration: 2s}}]
outputs: [{{from: cut, to: cut.mp4}}]
"""


@pytest.fixture
def kept(studio: Studio, talk: Path, scenes: Path) -> dict[str, str]:
    """Ids of two assets by their titles, imported where they are."""
    return _import(studio, studio.folder, talk, scenes)


def _import(studio: Studio, folder: Path, *videos: Path, **environ: str) -> dict[str, str]:
    for number, video in enumerate(videos):
        target = folder / "Channel" / f"2021-01-0{number + 1} - {video.stem}.mp4"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.hardlink_to(video)
        target.with_suffix(".en.vtt").write_text(_VTT.format(f"this is the {video.stem} speaking"))
    done = reel("import", str(folder / "Channel"), "--json", cwd=studio.folder, **environ)
    assert done.code == 0, done.err
    return {line["title"]: line["asset"] for line in done.lines[:-1]}


def _reel(studio: Studio, *arguments: str, code: int = 0) -> Any:
    done = reel("library", *arguments, "--json", cwd=studio.folder)
    assert done.code == code, f"{done.out}\n{done.err}"
    return done.json


def test_one_document_with_everything(studio: Studio, kept: dict[str, str]) -> None:
    body = _reel(studio, "--sort", "published")
    assert body["total"]["assets"] == 2
    assert [asset["title"] for asset in body["assets"]] == ["scenes", "talk"]
    assert {asset["id"] for asset in body["assets"]} == set(kept.values())
    assert Path(body["library"]).name == "library"
    for asset in body["assets"]:
        assert Path(asset["path"]).is_file()
        assert asset["state"] == "held"


@pytest.mark.parametrize(
    ("arguments", "titles"),
    [
        (["--text", "TALK"], ["talk"]),
        (["--channel", "Channel", "--reverse"], ["talk", "scenes"]),
        (["--after", "2021-01-02"], ["scenes"]),
        (["--before", "2021-01-02"], ["talk"]),
        (["--limit", "1"], ["scenes"]),
        (["--state", "missing"], []),
        (["--origin", "unknown", "--sort", "title", "--reverse"], ["talk", "scenes"]),
    ],
)
def test_filters(
    studio: Studio, kept: dict[str, str], arguments: list[str], titles: list[str]
) -> None:
    assert [asset["title"] for asset in _reel(studio, *arguments)["assets"]] == titles


def test_people_see_a_table_and_whole_pages(studio: Studio, kept: dict[str, str]) -> None:
    done = reel("library", "--limit", "1", cwd=studio.folder)
    assert "2 assets" in done.err
    assert "--limit shows more" in done.err
    assert "scenes" in done.out
    shown = reel("library", "show", kept["talk"][:16] + kept["talk"][16:], cwd=studio.folder)
    assert "2021-01-01 - talk.mp4" in shown.out
    found = reel("library", "search", "speaking", cwd=studio.folder)
    assert found.out.count("[speaking]") == 2
    assert "0:00:01" in found.out
    nothing = reel("library", "search", "elephant", cwd=studio.folder)
    assert (nothing.code, nothing.out) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--state", "x"], "usage"),
        (["--sort", "x"], "usage"),
        (["--after", "yesterday"], "usage"),
        (["show", "nothing"], "asset_unknown"),
        (["search", "*"], "usage"),
        (["remove", "last"], "usage"),
        (["rename", "--template", "{x}"], "template_invalid"),
        (["--text", "x", "show"], "usage"),
    ],
)
def test_what_is_wrong_is_told(
    studio: Studio, kept: dict[str, str], arguments: list[str], code: str
) -> None:
    done = reel("library", *arguments, "--json", cwd=studio.folder)
    assert done.code != 0
    assert done.json["error"]["code"] == code
    assert len(_reel(studio)["assets"]) == 2


def test_removing_asks_and_can_leave_the_files(studio: Studio, kept: dict[str, str]) -> None:
    talk = studio.folder / "Channel" / "2021-01-01 - talk.mp4"
    _reel(studio, "remove", kept["talk"], "--keep-files", "--yes")
    assert talk.is_file()
    scenes = studio.folder / "Channel" / "2021-01-02 - scenes.mp4"
    told = _reel(studio, "remove", kept["scenes"], "--yes")
    assert told["removed"][0]["files"] == 2
    assert not scenes.exists()
    assert _reel(studio)["assets"] == []


def test_what_is_kept_is_an_input_of_any_spec(studio: Studio, kept: dict[str, str]) -> None:
    studio.run(_SPEC.format(kept["talk"]))
    assert studio.numbers("cut.mp4")[0] == 25
    plan = studio.plan(_SPEC.format(f"{kept['talk']}/video/1"))
    assert plan["steps"]


def test_so_is_what_stands_beside_it(studio: Studio, kept: dict[str, str]) -> None:
    (studio.folder / "Channel" / "2021-01-01 - talk.de.vtt").write_text(_VTT.format("deutsch"))
    reel("library", "remove", kept["talk"], "--keep-files", "--yes", cwd=studio.folder)
    done = reel("import", "Channel", "--json", cwd=studio.folder)
    talk = next(line["asset"] for line in done.lines if line.get("title") == "talk")
    spec = 'inputs: {{said: "asset:{}/captions{}"}}\noutputs: [{{from: said, to: said.srt}}]\n'
    studio.write(spec.format(talk, "/de"))
    ran = reel("run", "job.yaml", "--json", cwd=studio.folder)
    assert ran.code == 0, f"{ran.out}{ran.err}"
    assert "deutsch" in studio.path("said.srt").read_text()
    studio.write(spec.format(talk, ""))
    unclear = reel("run", "job.yaml", "--json", cwd=studio.folder)
    assert unclear.json["error"]["code"] == "input_not_found"
    assert "captions/de, captions/en" in unclear.json["error"]["hint"]


def test_an_asset_that_is_not_there_or_was_taken_away(studio: Studio, kept: dict[str, str]) -> None:
    studio.write(_SPEC.format("1m7yta3dmk81ks23r"))
    done = reel("run", "job.yaml", "--json", cwd=studio.folder)
    assert done.json["error"]["code"] == "asset_unknown"
    assert done.json["error"]["where"] == "inputs.talk"
    (studio.folder / "Channel" / "2021-01-01 - talk.mp4").unlink()
    studio.write(_SPEC.format(kept["talk"]))
    done = reel("run", "job.yaml", "--json", cwd=studio.folder)
    assert done.json["error"]["code"] == "file_missing"


def test_a_service_gives_each_owner_their_own(
    studio: Studio, served: Served, talk: Path, tmp_path: Path
) -> None:
    ids = _import(studio, tmp_path / "elsewhere", talk, REEL_HOME=str(served.home))
    spec = {
        "inputs": {"talk": f"asset:{ids['talk']}"},
        "outputs": [{"from": "talk", "to": "out.mkv"}],
    }
    job = served.ended(served.submit(spec))
    assert job["state"] == "succeeded", job
    body = {"name": "bo", "owner": "bo", "role": "editor"}
    token = served.client.post("/v1/keys", json=body).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=served.url, headers=headers, timeout=60) as other:
        for answer in (
            other.post("/v1/plan", json=spec),
            other.post("/v1/probe", json={"path": spec["inputs"]["talk"]}),  # type: ignore[index]
        ):
            assert answer.status_code >= 400
            assert "asset_unknown" in answer.text
        made = other.post("/v1/jobs", json=spec)
        failed = served.ended(made.json()["id"])
    assert failed["state"] == "failed"
    assert failed["error"]["code"] == "asset_unknown"
