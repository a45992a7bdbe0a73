"""What a new user meets: sites that send away, addresses with passwords, the words of a failure."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from tests.faults.archive.runs import LIMIT_S, Archive, until
from tests.site import Site
from tests.site_resources import Refuse, Slow


def said(archive: Archive, *words: str) -> str:
    """All that the command prints."""
    running = archive.start(*words)
    try:
        out, err = running.process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        running.process.kill()
        raise
    return out + err


def test_a_site_that_wants_an_hour_is_not_waited_for(archive: Archive, site: Site) -> None:
    busy, clip = site.clip("/busy.mp4"), site.clip("/clip.mp4")
    site.fail("/busy.mp4", Refuse(429, retry_after=3600))
    ended = archive.run(busy, clip, limit_s=120)
    assert ended.entries[clip]["state"] == "kept"
    assert ended.entries[busy]["state"] == "failed"
    assert ended.entries[busy]["code"] == "http_rate_limited"
    (cause,) = archive.document("workplan")["causes"]
    (item,) = cause["items"]
    assert item["next_at"] - item["at"] >= 3600


def test_a_short_wait_is_kept(archive: Archive, site: Site) -> None:
    clip = site.clip("/clip.mp4")
    site.fail("/clip.mp4", Refuse(429, retry_after=1, times=1))
    assert archive.run(clip).entry["state"] == "kept"


def test_passwords_of_addresses_are_not_shown(archive: Archive, site: Site) -> None:
    plain = [site.url("/pages/none"), site.url("/missing.mp4"), site.url("/files/clip.mp4")]
    known = "http://ana:hush%2Ahush@"  # secret-ok: made up
    urls = [url.replace("http://", known) for url in plain]
    heard = said(archive, "archive", *urls, "--json") + said(archive, "archive", *urls)
    heard += said(archive, "follow", urls[0].replace("none", "video"), "--every", "6h")
    for words in (["follow"], ["library"], ["workplan"], ["logs"], ["jobs"]):
        heard += said(archive, *words) + said(archive, *words, "--json")
    heard += said(archive, "library", "show", "last") + said(archive, "workplan", "--yaml")
    assert "ana:***@" in heard
    assert "hush" not in heard
    with_it = [r.headers.get("authorization") for r in site.requests if r.path == "/files/clip.mp4"]
    assert any(with_it), "it was meant for the site"


def test_a_failed_list_is_named_once(archive: Archive, site: Site) -> None:
    heard = said(archive, "archive", site.url("/loop"))
    (line,) = [line for line in heard.splitlines() if line.startswith("failed: ")]
    assert line.count("/loop") == 1, line


def test_the_documents_are_one_each(archive: Archive, site: Site) -> None:
    archive.run(site.url("/files/clip.mp4"), site.url("/missing.mp4"))
    for words in (["library"], ["workplan"], ["verify"], ["verify", "--quick"]):
        running = archive.start(*words, "--json")
        out, err = running.process.communicate(timeout=LIMIT_S)
        assert isinstance(json.loads(out), dict), (words, out, err)


def test_captions_of_another_encoding_are_read(archive: Archive, site: Site) -> None:
    cue = "WEBVTT\n\n00:00.000 --> 00:01.000\nCrème brûlée\n"
    pages = []
    for encoding in ("latin-1", "utf-16"):
        site.clip(f"/{encoding}.mp4")
        site.add(f"/{encoding}.vtt", cue.encode(encoding))
        pages.append(
            site.add(
                f"/pages/{encoding}",
                f"<html><title>{encoding}</title><video><source src='/{encoding}.mp4'>"
                f"<track kind=captions srclang=fr src='/{encoding}.vtt'></video></html>",
                "text/html; charset=utf-8",
            )
        )
    ended = archive.run(*pages, "--captions", "fr")
    assert ended.job["kept"] == 2, ended.said
    for kept in ended.entries.values():
        video = archive.path(kept)
        for form in (".fr.vtt", ".fr.srt"):
            assert "Crème brûlée" in video.with_name(video.stem + form).read_text("utf-8")
    assert len(archive.document("library", "search", "creme")["hits"]) == 2


def test_a_library_that_is_a_file_is_said_at_once(tmp_path: Path, site: Site) -> None:
    library = tmp_path / "library"
    library.write_text("not a folder")
    archive = Archive(tmp_path / "home", library)
    running = archive.start("archive", site.url("/files/clip.mp4"))
    try:
        _, err = running.process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        running.process.kill()
        raise
    assert running.process.returncode == 2, err
    assert f"{library} is no folder" in err
    assert library.read_text() == "not a folder"


def test_what_a_hasty_stop_left_is_fetched_by_the_next_run(archive: Archive, site: Site) -> None:
    clip = site.clip("/clip.mp4", pad_bytes=3_000_000)
    site.fail("/clip.mp4", Slow(20_000), method="GET")
    with archive.archiving(clip) as running:
        until(lambda: archive.part_bytes() > 20_000)
        running.process.send_signal(signal.SIGINT)
        until(lambda: stops_asked(archive) == 1)
        # Before anybody sees the end of the job, as a second Ctrl-C on a busy machine.
        running.process.kill()
        running.process.communicate()
    site.heal("/clip.mp4")
    ended = archive.run(clip)
    assert (ended.code, ended.entry["state"]) == (0, "kept"), ended


def stops_asked(archive: Archive) -> int:
    with closing(sqlite3.connect(archive.home / "reelwright.db", timeout=60)) as database:
        query = "SELECT COUNT(*) FROM jobs WHERE cancel_requested"
        return int(database.execute(query).fetchone()[0])


def test_exit_codes_say_whose_fault_it_is(archive: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "talk.mp4").write_text("this is no video")
    assert ended_with(archive, "import", str(folder)) == 3
    assert ended_with(archive, "workplan", "-o", str(tmp_path / "none" / "plan.yaml")) == 2


def ended_with(archive: Archive, *words: str) -> int:
    running = archive.start(*words)
    running.process.communicate(timeout=LIMIT_S)
    return running.process.returncode
