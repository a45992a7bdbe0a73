"""The archive over HTTP: wishes, their entries, the library, its files, and what is missing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.served import Served, serving, until
from tests.site import Site
from tests.site_resources import Refuse

QUICK = {
    "REEL_NET_ALLOW": "127.0.0.0/8",
    "REEL_RETRY__BACKOFF_S": "0.2",
    "REEL_RETRY__BACKOFF_MAX_S": "1",
    "REEL_ARCHIVE__KEEP_FREE_BYTES": "1MB",
    "REEL_ARCHIVE__ATTEMPTS": "0",
}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    library = str(tmp_path / "library")
    with serving(tmp_path / "home", REEL_LIBRARY=library, **QUICK) as found:
        yield found


def key(served: Served, **wanted: Any) -> httpx.Client:
    """A client of another owner."""
    made = served.client.post("/v1/keys", json={"name": "other", "owner": "other", **wanted})
    assert made.status_code == 201, made.text
    headers = {"Authorization": f"Bearer {made.json()['token']}"}
    return httpx.Client(base_url=served.url, headers=headers, timeout=60)


def ask(served: Served, *urls: str, headers: dict[str, str] | None = None, **more: Any) -> Any:
    answer = served.client.post("/v1/archive", json={"urls": urls, **more}, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()["sources"]


def settled(served: Served, source_id: str) -> dict[str, Any]:
    """The source when nothing of it is left to do."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = served.client.get(f"/v1/archive/{source_id}").json()
        at_work = found["entries"]["pending"] + found["entries"]["queued"]
        is_read = found["state"] in ("listed", "failed")
        return found if is_read and not at_work else None

    return until(look, 240)


def test_from_a_wish_to_the_files(served: Served, site: Site) -> None:
    feed = site.feed("rss", 2, encloses=False, shown="captions")
    options = {"languages": ["en"], "limit": 2}
    (made,) = ask(served, feed.url, options=options)
    assert (made["url"], made["schedule"], made["options"]) == (feed.url, None, options)
    found = settled(served, made["id"])
    assert (found["entries"]["held"], found["kind"], found["error"]) == (2, "feed", None)

    entries = served.client.get(f"/v1/archive/{made['id']}/entries", params={"limit": 1}).json()
    more = {"limit": 1, "cursor": entries["next"]}
    rest = served.client.get(f"/v1/archive/{made['id']}/entries", params=more).json()
    urls = {entries["entries"][0]["url"], rest["entries"][0]["url"]}
    assert (urls, rest["next"]) == ({entry.url for entry in feed.entries}, None)

    page = served.client.get("/v1/assets", params={"limit": 1}).json()
    (first,) = page["assets"]
    assert page["next"] == first["id"]
    (second,) = served.client.get("/v1/assets", params={"cursor": page["next"]}).json()["assets"]
    assert {first["id"], second["id"]} == {
        entries["entries"][0]["asset"],
        rest["entries"][0]["asset"],
    }
    asset = served.client.get(f"/v1/assets/{first['id']}").json()
    roles = {file["role"] for file in asset["files"]}
    assert {"video", "captions", "info"} <= roles
    assert asset["checks"] is not None
    video = next(file for file in asset["files"] if file["role"] == "video")
    _downloads(served, asset["id"], video)
    hits = served.client.get("/v1/captions", params={"q": "captions"})
    assert hits.status_code == 200, hits.text


def _downloads(served: Served, asset_id: str, video: dict[str, Any]) -> None:
    path = f"/v1/assets/{asset_id}/files/{video['path']}"
    whole = served.client.get(path)
    assert whole.status_code == 200, whole.text
    assert hashlib.sha256(whole.content).hexdigest() == video["sha256"]
    assert whole.headers["etag"] == f'"{video["sha256"]}"'
    assert whole.headers["content-type"] == "video/mp4"
    part = served.client.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    again = served.client.get(path, headers={"If-None-Match": whole.headers["etag"]})
    assert again.status_code == 304
    assert served.client.head(path).headers["content-length"] == str(video["bytes"])
    for wrong in ("../../reelwright.db", "nothing.mp4", "%2e%2e/x"):
        refused = served.client.get(f"/v1/assets/{asset_id}/files/{wrong}")
        assert refused.status_code == 404, wrong


def test_the_same_key_asks_once(served: Served, site: Site) -> None:
    url = site.clip("/once.mp4")
    headers = {"Idempotency-Key": "wish-1"}
    (made,) = ask(served, url, headers=headers)
    answer = served.client.post("/v1/archive", json={"urls": [url]}, headers=headers)
    assert answer.headers["idempotent-replayed"] == "true"
    assert [one["id"] for one in answer.json()["sources"]] == [made["id"]]
    other = served.client.post("/v1/archive", json={"urls": [url, url]}, headers=headers)
    assert other.json()["code"] == "idempotency_mismatch"


def test_passwords_in_addresses_are_shown_to_nobody(served: Served, site: Site) -> None:
    url = site.clip("/secret.mp4").replace("://", "://ana:hush@")
    (made,) = ask(served, url)
    settled(served, made["id"])
    entries = served.client.get(f"/v1/archive/{made['id']}/entries").text
    held = served.client.get("/v1/assets").text
    shown = [str(made), served.client.get(f"/v1/archive/{made['id']}").text, entries, held]
    assert "ana:***@" in shown[0]
    assert not [text for text in shown if "hush" in text]


def test_subscriptions(served: Served, site: Site) -> None:
    feed = site.feed("atom", 1)
    body = {"url": feed.url, "schedule": "6h", "options": {"thumbnail": False}}
    made = served.client.post("/v1/subscriptions", json=body)
    assert made.status_code == 201, made.text
    place = made.headers["location"]
    source_id = made.json()["id"]
    assert settled(served, source_id)["entries"]["held"] == 1
    assert served.client.get(place).json()["next_at"] > made.json()["created_at"]
    paused = served.client.patch(place, json={"enabled": False}).json()
    assert (paused["enabled"], paused["next_at"]) == (False, None)
    assert served.client.patch(place, json={"schedule": "soon"}).status_code == 422

    (new,) = feed.add()
    listed = served.client.post(f"/v1/archive/{source_id}/list")
    assert listed.status_code == 202
    until(lambda: served.client.get(place).json()["entries"]["held"] == 2, 120)
    assert new.sha256 in str(served.client.get("/v1/assets").json())
    (one,) = served.client.get("/v1/subscriptions").json()["subscriptions"]
    assert one["id"] == source_id
    assert served.client.delete(place).status_code == 200
    assert served.client.get(place).json()["code"] == "source_unknown"
    assert len(served.client.get("/v1/assets").json()["assets"]) == 2


def test_the_work_plan(served: Served, site: Site) -> None:
    urls = [site.clip(f"/{name}.mp4") for name in ("login", "gone")]
    site.fail("/login.mp4", Refuse(403))
    site.fail("/gone.mp4", Refuse(410))
    for made in ask(served, *urls):
        settled(served, made["id"])
    plan = served.client.get("/v1/workplan").json()
    assert {c["cause"]: c["count"] for c in plan["causes"]} == {"login": 1, "gone": 1}
    assert {item["url"] for item in plan["items"]} == set(urls)
    first = served.client.get("/v1/workplan", params={"limit": 1}).json()
    more = {"limit": 1, "cursor": first["next"]}
    rest = served.client.get("/v1/workplan", params=more).json()
    assert [first["items"][0], rest["items"][0]] == plan["items"]
    assert rest["next"] is None

    site.heal("/login.mp4")
    left = served.client.post("/v1/workplan/run", json={}).json()
    assert (left["tried"], left["left"]) == (0, 2)
    done = served.client.post("/v1/workplan/run", json={"causes": ["login"]}).json()
    assert done["tried"] == 1
    until(lambda: len(served.client.get("/v1/assets").json()["assets"]) == 1, 120)
    (gone,) = served.client.get("/v1/workplan").json()["items"]
    skipped = served.client.post("/v1/workplan/skip", json={"ids": [gone["id"]], "because": "x"})
    assert skipped.json() == {"changed": [gone["id"]]}
    assert served.client.get("/v1/workplan").json()["total"] == 0
    off = served.client.get("/v1/workplan", params={"skipped": True}).json()
    assert off["items"][0]["skipped"]["because"] == "x"
    served.client.post("/v1/workplan/unskip", json={"ids": [gone["id"]]})
    assert served.client.get("/v1/workplan").json()["total"] == 1
    actions = {line["action"] for line in served.client.get("/v1/audit").json()["entries"]}
    assert {"archive.ask", "workplan.run", "workplan.skip", "workplan.unskip"} <= actions


def test_owners_see_their_own(served: Served, site: Site) -> None:
    (made,) = ask(served, site.clip("/mine.mp4"))
    settled(served, made["id"])
    (asset,) = served.client.get("/v1/assets").json()["assets"]
    with key(served) as other:
        assert other.get("/v1/assets").json()["assets"] == []
        assert other.get("/v1/archive").json()["sources"] == []
        assert other.get("/v1/workplan").json()["total"] == 0
        for path in (
            f"/v1/archive/{made['id']}",
            f"/v1/archive/{made['id']}/entries",
            f"/v1/assets/{asset['id']}",
            f"/v1/assets/{asset['id']}/files/{asset['path'].rpartition('/')[2]}",
            f"/v1/storage/check/{asset['id']}",
            f"/v1/storage/path/{asset['id']}",
        ):
            assert other.get(path).status_code == 404, path
        assert other.delete(f"/v1/assets/{asset['id']}").status_code == 404
        assert other.delete(f"/v1/archive/{made['id']}").status_code == 404
        cookies = {"urls": ["https://example.org/"], "options": {"cookies": "/etc/passwd"}}
        assert other.post("/v1/archive", json=cookies).json()["code"] == "folder_refused"
    with key(served, role="viewer") as viewer:
        refused = viewer.post("/v1/archive", json={"urls": ["https://example.org/"]})
        assert refused.status_code == 403


def test_what_a_service_may_not_reach(tmp_path: Path, site: Site) -> None:
    """Nothing is allowed beside public addresses."""
    url = site.clip("/inside.mp4")
    more = {**QUICK, "REEL_NET_ALLOW": ""}
    with serving(tmp_path / "home", **more) as served:
        (made,) = ask(served, url)
        found = settled(served, made["id"])
        assert found["entries"]["failed"] + (found["state"] == "failed") == 1
        assert "address_refused" in served.client.get("/v1/workplan").text
    assert site.requests == []


def test_storage_and_removing(served: Served, site: Site, tmp_path: Path) -> None:
    (made,) = ask(served, site.clip("/talk.mp4"))
    settled(served, made["id"])
    (asset,) = served.client.get("/v1/assets").json()["assets"]
    place = served.client.get(f"/v1/storage/path/{asset['id']}").json()
    assert place["exists"]
    assert Path(place["file"]).is_relative_to(tmp_path / "library")
    checked = served.client.get(f"/v1/storage/check/{asset['id']}").json()
    assert (checked["ok"], checked["problem"]) == (True, None)
    assert served.client.post(f"/v1/storage/prepare/{asset['id']}").json()["ok"]
    removed = served.client.delete(f"/v1/assets/{asset['id']}")
    assert removed.status_code == 200, removed.text
    assert not Path(place["file"]).exists()
    assert served.client.get(f"/v1/assets/{asset['id']}").status_code == 404
