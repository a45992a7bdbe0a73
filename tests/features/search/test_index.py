"""Texts go into the index: which files, only what changed, whatever is thrown at it."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import cast

from tests.cli.reel import REEL, reel
from tests.features.indexed import found, index, names, write_texts


def test_a_folder_is_indexed_and_found(tmp_path: Path) -> None:
    write_texts(tmp_path)
    done = index("texts", cwd=tmp_path).lines[-1]
    assert (done["event"], done["indexed"], done["failed"]) == ("done", 3, 0)
    (hit, *_) = found("deleted frames", cwd=tmp_path)
    assert hit["document"] == str(tmp_path / "texts" / "farm.md")
    assert (hit["start"], hit["end"], hit["kind"]) == (None, None, "body")
    assert hit["title"] == "The farm"
    assert "deleted" in str(hit["snippet"])
    first, last = cast("list[int]", hit["lines"])
    lines = (tmp_path / "texts" / "farm.md").read_text().splitlines()[first - 1 : last]
    assert any("deleted" in line for line in lines)
    assert names(found("draws", cwd=tmp_path)) == ["render.py"]


def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    texts = write_texts(tmp_path)
    index("texts", cwd=tmp_path)
    assert index("texts", cwd=tmp_path).lines[-1]["unchanged"] == 3
    (texts / "notes.txt").write_text("The kettle is green.\n")
    done = index("texts", cwd=tmp_path).lines
    assert [one["event"] for one in done if one["event"] == "indexed"] == ["indexed"]
    assert names(found("green", cwd=tmp_path)) == ["notes.txt"]
    assert found('"kettle is blue"', cwd=tmp_path) == []
    assert index("texts", "--force", cwd=tmp_path).lines[-1]["indexed"] == 3


def test_what_is_gone_stays_until_it_is_pruned(tmp_path: Path) -> None:
    texts = write_texts(tmp_path)
    index("texts", cwd=tmp_path)
    (texts / "notes.txt").unlink()
    assert index("texts", cwd=tmp_path).lines[-1]["removed"] == 0
    assert names(found("kettle", cwd=tmp_path)) == ["notes.txt"]
    # Of another folder nothing is taken out.
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.txt").write_text("words")
    assert index("other", "--prune", cwd=tmp_path).lines[-1]["removed"] == 0
    assert index("texts", "--prune", cwd=tmp_path).lines[-1]["removed"] == 1
    assert found("kettle", cwd=tmp_path) == []


def test_what_nobody_wrote_is_passed_over(tmp_path: Path) -> None:
    texts = write_texts(tmp_path)
    (texts / ".gitignore").write_text("*.log\nout/\n!kept.log\n")
    (texts / "a.log").write_text("ignored words")
    (texts / "kept.log").write_text("kept words")
    (texts / "out").mkdir()
    (texts / "out" / "b.txt").write_text("ignored words")
    (texts / ".hidden.txt").write_text("hidden words")
    (texts / "node_modules").mkdir()
    (texts / "node_modules" / "c.js").write_text("installed words")
    (texts / "picture.png").write_bytes(b"\x89PNG\0\0words")
    (texts / "film.mp4").write_bytes(b"words")
    (texts / "empty.txt").write_text(" \n")
    (texts / "loop").symlink_to(texts)
    done = index("texts", cwd=tmp_path)
    last = done.lines[-1]
    assert (last["indexed"], last["failed"]) == (4, 0)
    why = {Path(one["document"]).name: one["why"] for one in done.lines if "why" in one}
    assert why == {
        "picture.png": "binary",
        "film.mp4": "a video or a sound: `reel understand`",
        "empty.txt": "empty",
    }
    assert names(found("words", cwd=tmp_path)) == ["kept.log"]
    # What is named is taken, whatever it is called.
    index("texts/a.log", cwd=tmp_path)
    assert "a.log" in names(found("words", cwd=tmp_path))


def test_encodings_and_forms(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "a.txt").write_bytes("Grüße aus Köln".encode("cp1252"))
    (folder / "b.txt").write_bytes("Zürich".encode("utf-16"))
    (folder / "c.txt").write_bytes(b"\xef\xbb\xbf" + "Genève".encode())
    (folder / "d.html").write_text(
        "<title>Page</title><script>var hidden = 1</script><h1>Head</h1><p>A para&shy;graph</p>"
    )
    (folder / "e.srt").write_text("1\n00:00:05,000 --> 00:00:07,000\nsubtitled\n")
    assert index("many", cwd=tmp_path).lines[-1]["indexed"] == 5
    for query, name in (("koln", "a.txt"), ("zürich", "b.txt"), ("geneve", "c.txt")):
        assert names(found(query, cwd=tmp_path)) == [name]
    assert found("hidden", cwd=tmp_path) == []
    assert found("head", cwd=tmp_path)[0]["title"] == "Page"
    (hit,) = found("subtitled", cwd=tmp_path)
    assert (hit["start"], hit["end"], hit["kind"]) == (5.0, 7.0, "captions")


def test_lines_of_json(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    rows = [
        {"id": f"d{n}", "title": f"Title {n}", "text": f"number{n} is here"} for n in range(450)
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    assert index("set.jsonl", "--jsonl", cwd=tmp_path).lines[-1]["indexed"] == 450
    (hit,) = found("number321", cwd=tmp_path)
    assert (hit["document"], hit["title"]) == ("d321", "Title 321")
    rows[321]["text"] = "something else"
    path.write_text("\n".join(json.dumps(row) for row in rows[:400]))
    done = index("set.jsonl", "--jsonl", "--prune", cwd=tmp_path).lines[-1]
    assert (done["indexed"], done["unchanged"], done["removed"]) == (1, 399, 50)
    assert found("number321", cwd=tmp_path) == []
    assert found("number444", cwd=tmp_path) == []


def test_a_bad_line_is_named_and_the_others_are_in(tmp_path: Path) -> None:
    good = '{"_id": 7, "title": "", "text": "seven"}'
    bad = ["{", "[]", '{"text": "x"}', '{"id": "a", "text": 3}', '{"id": "b"}', '{"id": true}']
    (tmp_path / "set.jsonl").write_text("\n".join([*bad, good]))
    done = reel("index", "set.jsonl", "--jsonl", "--no-embed", "--json", cwd=tmp_path)
    assert done.code == 2
    failed = [one["error"] for one in done.lines if one["event"] == "failed"]
    assert [one["where"].rsplit(" ")[-1] for one in failed] == ["1", "2", "3", "4", "5", "6"]
    assert {one["code"] for one in failed} == {"field_invalid"}
    assert found("seven", cwd=tmp_path)[0]["document"] == "7"


def test_what_cannot_be_meant_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    write_texts(tmp_path)
    (tmp_path / "set.jsonl").write_text("{}")
    (tmp_path / "talk.mp4").write_bytes(b"x")
    for arguments, code in (
        (["texts", "nowhere"], "input_not_found"),
        (["texts", "--jsonl"], "input_is_directory"),
        (["set.jsonl"], "usage"),
        (["-"], "usage"),
        (["talk.mp4"], "usage"),
        (["--prune"], "usage"),
    ):
        done = reel("index", *arguments, "--no-embed", "--json", cwd=tmp_path)
        assert done.code == 2, arguments
        assert done.json["error"]["code"] == code
    assert reel("index", "--list", "--json", cwd=tmp_path).json == {"documents": []}


def test_listing_and_taking_out(tmp_path: Path) -> None:
    write_texts(tmp_path)
    index("texts", cwd=tmp_path)
    listed = reel("index", "--list", "--json", cwd=tmp_path).json["documents"]
    assert [Path(one["document"]).name for one in listed] == ["farm.md", "notes.txt", "render.py"]
    assert "The farm" in reel("index", "--list", cwd=tmp_path).out
    unknown = reel("index", "--remove", "texts/farm.md", "--remove", "zzz", "--json", cwd=tmp_path)
    assert unknown.json["error"]["code"] == "document_unknown"
    assert len(reel("index", "--list", "--json", cwd=tmp_path).json["documents"]) == 3
    assert reel("index", "--remove", "texts/src", cwd=tmp_path).code == 0
    assert reel("index", "--remove", listed[0]["id"], cwd=tmp_path).code == 0
    left = reel("index", "--list", "--json", cwd=tmp_path).json["documents"]
    assert [one["id"] for one in left] == [listed[1]["id"]]


def test_a_killed_run_leaves_whole_documents_and_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    rows = ({"id": f"d{n}", "title": "t", "text": f"word{n} " * 50} for n in range(3000))
    path.write_text("\n".join(json.dumps(row) for row in rows))
    command = [str(REEL), "index", str(path), "--jsonl", "--no-embed", "--json"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path)
    assert running.stdout is not None
    told = [json.loads(running.stdout.readline()) for _ in range(250)]
    running.send_signal(signal.SIGKILL)
    running.wait()
    running.stdout.close()
    there = {
        one["document"] for one in reel("index", "--list", "--json", cwd=tmp_path).json["documents"]
    }
    # What was told is there; and what is there is found.
    assert {one["document"] for one in told} <= there
    last = sorted(there, key=lambda name: int(name[1:]))[-1]
    assert [hit["document"] for hit in found(f"word{last[1:]}", cwd=tmp_path)] == [last]
    done = index(str(path), "--jsonl", cwd=tmp_path).lines[-1]
    assert done["unchanged"] == len(there)
    assert done["indexed"] == 3000 - len(there)
