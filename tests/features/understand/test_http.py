"""Over HTTP: a video is understood, asked for in parts, found, and answers a question."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.cli.reel import reel
from tests.served import Served, serving

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def understood(
    film: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, str, dict[str, Any]]]:
    """A service whose library holds the film; the asset's id, and what was answered when it was
    asked to understand it."""
    folder = tmp_path_factory.mktemp("served")
    shelf = folder / "shelf"
    shelf.mkdir()
    shutil.copy(film, shelf / "film.mp4")
    home = folder / "home"
    done = reel("import", str(shelf), cwd=folder, REEL_HOME=str(home))
    assert done.code == 0, done.err
    with serving(home) as served:
        (asset,) = served.client.get("/v1/assets").json()["assets"]
        only = ["keyframes", "transcript", "text", "summary"]  # and what they need
        body = {"video": f"asset:{asset['id']}", "only": only}
        key = {"Idempotency-Key": "film-1"}
        answer = served.client.post("/v1/understand", json=body, headers=key, timeout=120)
        assert answer.status_code == 202, answer.text
        taken = answer.json()
        job = served.ended(taken["job"]["id"], 600)
        assert job["state"] == "succeeded", job
        again = served.client.post("/v1/understand", json=body, headers=key, timeout=120)
        assert again.json()["job"]["id"] == taken["job"]["id"]
        assert again.headers["Idempotent-Replayed"] == "true"
        yield served, asset["id"], taken


def test_what_is_looked_for_is_said(understood: tuple[Served, str, dict[str, Any]]) -> None:
    served, asset, taken = understood
    assert taken["parts"] == ["shots", "keyframes", "speech", "transcript", "text", "summary"]
    assert taken["left_out"] == []
    assert served.job(taken["job"]["id"])["labels"]["understand"] == f"asset:{asset}"


def test_each_part_can_be_had(understood: tuple[Served, str, dict[str, Any]]) -> None:
    served, asset, _ = understood

    def part(name: str) -> Any:
        answer = served.client.get(f"/v1/assets/{asset}/{name}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert len(part("shots")["shots"]) == 3
    texts = [entry["text"].upper() for entry in part("text")["texts"]]
    assert (texts[0], texts[-1]) == ("QUARTERLY REVENUE", "QUESTIONS")
    assert part("transcript")["words"]
    assert part("summary")["chapters"]
    segments = part("segments")["segments"]
    assert segments[0]["said"]
    assert "HIRING PLAN" in " ".join(" ".join(s["written"]).upper() for s in segments)


@pytest.mark.parametrize(
    ("form", "kind", "begins"),
    [
        ("vtt", "text/vtt", "WEBVTT"),
        ("srt", "application/x-subrip", "1\n"),
        ("text", "text/plain", ""),
    ],
)
def test_a_transcript_comes_in_forms(
    understood: tuple[Served, str, dict[str, Any]], form: str, kind: str, begins: str
) -> None:
    served, asset, _ = understood
    answer = served.client.get(f"/v1/assets/{asset}/transcript", params={"format": form})
    assert answer.headers["content-type"].startswith(kind)
    assert answer.text.startswith(begins)
    assert len(answer.text) > 10


def test_what_there_is_not_is_not_found(understood: tuple[Served, str, dict[str, Any]]) -> None:
    served, _, _ = understood
    assert served.client.get("/v1/assets/00000000000000000/shots").status_code == 404
    wrong = served.client.post("/v1/understand", json={"video": "asset:00000000000000000"})
    assert (wrong.status_code, wrong.json()["code"]) == (404, "asset_unknown")
    odd = served.client.post("/v1/understand", json={"video": "talk.mp4"})
    assert odd.status_code == 422
    part = {"video": "/a.mp4", "only": ["nothing"]}
    assert served.client.post("/v1/understand", json=part).status_code == 422


def test_it_is_found_and_its_place_on_the_disk_is_not_told(
    understood: tuple[Served, str, dict[str, Any]],
) -> None:
    served, asset, _ = understood
    answer = served.client.get("/v1/search", params={"q": "hiring plan", "limit": 3})
    assert answer.status_code == 200, answer.text
    (first, *_) = answer.json()["hits"]
    assert first["asset"] == asset
    assert 9 <= first["start"] <= 11
    assert first["why"]
    assert str(served.home) not in answer.text
    nothing = served.client.get("/v1/search", params={"q": 'kind:nonsense "x'})
    assert (nothing.status_code, nothing.json()["code"]) == (422, "query_invalid")


def test_each_hit_has_a_picture_of_its_own(understood: tuple[Served, str, dict[str, Any]]) -> None:
    served, asset, _ = understood
    get = served.client.get

    def picture(query: str) -> Any:
        (hit, *_) = get("/v1/search", params={"q": query, "kind": "text"}).json()["hits"]
        return get(hit["thumbnail"])

    shown = [picture(query) for query in ("quarterly revenue", "hiring plan", "questions")]
    assert [one.headers["content-type"] for one in shown] == ["image/jpeg"] * 3
    assert len({one.content for one in shown}) == 3
    with Image.open(io.BytesIO(shown[1].content)) as opened:
        pixel: Any = opened.convert("RGB").getpixel((5, 5))
        assert min(pixel) > 120  # of the three slides the bright one

    listed = get(f"/v1/assets/{asset}/keyframes").json()["keyframes"]
    assert str(shown[0].request.url).endswith(listed[0]["file"])
    etag = shown[0].headers["etag"]
    known = get(str(shown[0].request.url), headers={"If-None-Match": etag})
    assert (known.status_code, known.content) == (304, b"")
    for odd in ("000000001.jpg", "../../reelwright.db", "a.jpg"):
        assert get(f"/v1/assets/{asset}/keyframes/{odd}").status_code in {404, 422}


def test_a_question_is_answered_whole_and_in_a_stream(
    understood: tuple[Served, str, dict[str, Any]],
) -> None:
    served, asset, _ = understood
    body = {"question": "How many engineers are hired by May?"}
    whole = served.client.post("/v1/ask", json=body, timeout=120)
    assert whole.status_code == 200, whole.text
    assert whole.json()["how"] == "extractive"
    assert whole.json()["citations"][0]["asset"] == asset

    lines = served.client.post(
        "/v1/ask", json=body, headers={"Accept": "application/x-ndjson"}, timeout=120
    )
    told = [json.loads(line) for line in lines.text.splitlines()]
    assert [one["type"] for one in told][-1] == "answer"
    assert told[0]["type"] == "sentence"
    assert told[-1]["answer"] == whole.json()["answer"]

    events = served.client.post(
        "/v1/ask", json=body, headers={"Accept": "text/event-stream"}, timeout=120
    )
    assert events.headers["content-type"].startswith("text/event-stream")
    assert events.text.startswith("event: sentence\ndata: {")


def test_others_see_nothing_of_it(understood: tuple[Served, str, dict[str, Any]]) -> None:
    served, asset, _ = understood
    made = served.client.post(
        "/v1/keys", json={"name": "guest", "owner": "guest", "scopes": ["read", "jobs"]}
    )
    assert made.status_code in {200, 201}, made.text
    guest = {"Authorization": f"Bearer {made.json()['token']}"}
    get = served.client.get
    (keyframe, *_) = get(f"/v1/assets/{asset}/keyframes").json()["keyframes"]
    for part in ("shots", "keyframes", f"keyframes/{keyframe['file']}"):
        assert get(f"/v1/assets/{asset}/{part}", headers=guest).status_code == 404
    found = get("/v1/search", params={"q": "hiring"}, headers=guest)
    assert found.status_code == 409 or not found.json()["hits"]
    body = {"video": f"asset:{asset}"}
    refused = served.client.post("/v1/understand", json=body, headers=guest)
    assert refused.status_code == 404
