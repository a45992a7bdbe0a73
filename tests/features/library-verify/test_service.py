"""A service verifies by itself, where the settings say how often."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.faults.archive.runs import Archive
from tests.served import serving, until
from tests.site import Site
from tests.site_resources import Refuse


def test_a_service_reads_and_asks_without_being_told(archive: Archive, site: Site) -> None:
    url = site.url("/files/clip.mp4")
    video = archive.path(archive.run(url).entry)
    byte = bytearray(video.read_bytes())
    byte[len(byte) // 2] ^= 1
    video.write_bytes(byte)
    site.fail("/files/clip.mp4", Refuse(410))

    def state() -> tuple[str, str]:
        (asset,) = archive.document("library")["assets"]
        return asset["state"], asset["origin"]

    assert state() == ("held", "there")
    settings = {
        "REEL_LIBRARY": str(archive.library),
        "REEL_ARCHIVE__VERIFY_DAYS": "30",
        # So often that what was asked a moment ago is due; but no site is asked twice an hour.
        "REEL_ARCHIVE__CHECK_DAYS": "0.000001",
        "REEL_NET_ALLOW": "127.0.0.0/8",
    }
    change(archive, "UPDATE origin_checks SET at = at - 4000")
    with serving(archive.home, **settings):
        until(lambda: state() == ("damaged", "gone"), timeout_s=180)


def change(archive: Archive, statement: str) -> None:
    with closing(sqlite3.connect(archive.home / "reelwright.db", timeout=60)) as database:
        database.execute(statement)
        database.commit()
