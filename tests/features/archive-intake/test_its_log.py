"""What the archive did stands in its log, and `reel logs` finds it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.cli.reel import REEL, reel
from tests.faults.archive.runs import Archive, until
from tests.site import Site
from tests.site_resources import Refuse


def test_lists_and_videos_and_what_failed(archive: Archive, site: Site, tmp_path: Path) -> None:
    feed = site.feed("rss", 2)
    site.fail(feed.entries[0].path, Refuse(403))
    archive.run(feed.url)
    home = {"REEL_HOME": str(archive.home)}

    lines = reel("logs", "--json", cwd=tmp_path, **home).lines
    by_component = {line["component"]: line for line in lines}
    assert by_component["archive.intake"]["fields"]["new"] == 2
    failed = by_component["archive.entries"]
    assert (failed["level"], failed["fields"]["code"]) == ("warning", "http_forbidden")
    assert failed["fields"]["url"] == feed.entries[0].url
    kept = by_component["archive.library"]
    assert (archive.library / kept["fields"]["path"]).is_file()
    assert kept["job_id"]
    assert [line["seq"] for line in lines] == sorted(line["seq"] for line in lines)

    def found(*words: str) -> set[str]:
        return {
            line["component"] for line in reel("logs", *words, "--json", cwd=tmp_path, **home).lines
        }

    assert found("--level", "warning") == {"archive.entries"}
    assert found("--component", "archive") == set(by_component)
    assert found("--component", "archive.intake", "--since", "1h") == {"archive.intake"}
    assert found("--until", "1h") == set()
    assert found("--text", "STANDS IN") == {"archive.library"}
    assert found(kept["job_id"], "--level", "info") == {"archive.library"}

    table = reel("logs", "--tail", "1", cwd=tmp_path, **home)
    assert len(table.out.splitlines()) == 1
    assert reel("logs", "--level", "loud", cwd=tmp_path, **home).code == 2

    # The log of a job is where it was.
    assert "fetch" in reel("logs", kept["job_id"], cwd=tmp_path, **home).out


def test_following(archive: Archive, tmp_path: Path) -> None:
    environ = {**archive.environ}
    shown = tmp_path / "shown.jsonl"
    with shown.open("w") as out:
        words = [str(REEL), "logs", "--follow", "--json"]
        process = subprocess.Popen(words, env=environ, stdout=out, stderr=subprocess.PIPE)
        try:
            until(lambda: (archive.home / "reelwright.db").exists())
            until(lambda: _note_and_look(archive, shown))
            process.send_signal(2)
            assert process.wait(timeout=60) == 5
        finally:
            process.kill()
            process.communicate()


def _note_and_look(archive: Archive, shown: Path) -> bool:
    """Whether what was written after it began is shown."""
    from reelwright.app import log_lines
    from reelwright.app.settings import Loaded, Settings
    from reelwright.app.wiring import App

    with App(Loaded(Settings(home=archive.home))) as app:
        log_lines.note(app, "info", "archive", "it comes")
    lines = [json.loads(one) for one in shown.read_text().splitlines()]
    return any(line["message"] == "it comes" for line in lines)
