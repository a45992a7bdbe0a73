"""A package of somebody else's adds an operator, and it is one like all the others."""

import json
import os
import tomllib
from pathlib import Path

import numpy as np
import pytest

from tests.cli.reel import Done, reel_process
from tests.features.jobs import Studio
from tests.features.media import RED, like, make

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "third-party-operator"


@pytest.fixture
def installed(tmp_path: Path) -> str:
    """What pip would leave behind, as a folder for PYTHONPATH: the package and its entry points."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    site = tmp_path / "site"
    described = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in entries.items())]
    (described / "entry_points.txt").write_text("\n".join(lines) + "\n")
    (site / "reelwright_sepia").symlink_to(EXAMPLE / "src" / "reelwright_sepia")
    return str(site)


def reel(studio: Studio, site: str, *arguments: str) -> Done:
    path = os.pathsep.join(filter(None, [site, os.environ.get("PYTHONPATH", "")]))
    return reel_process(*arguments, cwd=studio.folder, PYTHONPATH=path)


def test_it_is_listed_and_described_beside_the_others(studio: Studio, installed: str) -> None:
    names = [o["name"] for o in reel(studio, installed, "operators", "--json").json["operators"]]
    assert "sepia" in names
    assert "trim" in names
    told = reel(studio, installed, "operators", "sepia", "--json").json
    assert [p["name"] for p in told["parameters"]] == ["strength"]
    assert "0 leaves the picture as it is" in reel(studio, installed, "operators", "sepia").out
    assert "sepia" in json.dumps(reel(studio, installed, "schema", "job", "--json").json)
    assert "sepia" not in reel_process("operators", cwd=studio.folder).out


def test_its_mistakes_are_told_as_those_of_the_others(studio: Studio, installed: str) -> None:
    text = (EXAMPLE / "old-film.yaml").read_text()
    studio.write(text.replace("0.8", "8").replace("op: scale", "op: sepai"))
    problems = reel(studio, installed, "run", "job.yaml", "--json").json["problems"]
    assert [p["where"] for p in problems] == ["operations[0].strength", "operations[1].op"]
    assert "did you mean 'sepia'?" in problems[1]["message"]


def test_its_example_runs(studio: Studio, installed: str, ffmpeg: Path) -> None:
    source = ("-f", "lavfi", "-i", "color=red:s=320x180:r=25:d=1")
    make(ffmpeg, studio.path("talk.mp4"), *source)
    studio.write((EXAMPLE / "old-film.yaml").read_text())
    planned = reel(studio, installed, "plan", "job.yaml", "--json").json
    assert len(planned["steps"]) == 1  # in one chain with scale
    done = reel(studio, installed, "run", "job.yaml", "--json")
    assert done.code == 0, done.out
    shown = studio.pictures("old-film.mp4")
    assert shown.shape == (25, 90, 160, 3)
    # 255 * (0.8 * 0.393 + 0.2), 255 * 0.8 * 0.349, 255 * 0.8 * 0.272
    assert like(shown[12, 45, 80], (131, 71, 55), 8)


def test_nothing_is_done_where_nothing_is_asked(
    studio: Studio, installed: str, ffmpeg: Path
) -> None:
    make(ffmpeg, studio.path("talk.mp4"), "-f", "lavfi", "-i", "color=red:s=160x90:r=25:d=1")
    studio.write((EXAMPLE / "old-film.yaml").read_text().replace("0.8", "0"))
    assert reel(studio, installed, "run", "job.yaml", "--json").code == 0
    assert like(np.median(studio.pictures("old-film.mp4")[5], axis=(0, 1)), RED)
