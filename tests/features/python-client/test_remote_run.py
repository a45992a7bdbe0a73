"""`reel --server URL`: the same as on this machine, done by a service."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.cli.reel import SPEC, make_clip, reel
from tests.client.remotely import last, made, remote
from tests.served import Served


def test_a_run_gives_what_a_run_here_gives(served: Served, folder: Path, tmp_path: Path) -> None:
    done = remote(served, "run", "job.yaml", "--json", cwd=folder)
    assert done.code == 0, done.out + done.err
    there = made(folder)
    for file in (folder / "out").iterdir():
        file.unlink()
    here = reel("run", "job.yaml", "--json", cwd=folder, REEL_HOME=str(tmp_path / "another"))
    assert here.code == 0, here.out + here.err

    # The picture has no time of its making in it; x264's bytes depend on the number of threads.
    assert there["still.jpg"] == made(folder)["still.jpg"]
    assert there.keys() == made(folder).keys() == {"small.mp4", "still.jpg"}
    mine, theirs = last(here), last(done)
    assert [Path(o["path"]) for o in theirs["outputs"]] == [
        folder / "out" / "small.mp4",
        folder / "out" / "still.jpg",
    ]
    assert [o["path"] for o in mine["outputs"]] == [o["path"] for o in theirs["outputs"]]
    assert theirs.keys() == mine.keys()
    assert theirs["state"] == "succeeded"


def test_lines_are_those_of_a_run_here(served: Served, folder: Path, tmp_path: Path) -> None:
    spec = (folder / "job.yaml").read_text().replace("0.6s", "0.56s")  # a job of its own
    (folder / "job.yaml").write_text(spec)
    done = remote(served, "run", "job.yaml", "--json", cwd=folder)
    here = reel("run", "job.yaml", "--json", "--overwrite", cwd=folder, REEL_HOME=str(tmp_path))

    def shapes(lines: list[dict[str, Any]]) -> dict[str, set[str]]:
        return {line["event"]: set(line) for line in lines if line["event"] != "progress"}

    theirs = shapes(done.lines)
    assert theirs.pop("queued") == {"event", "id"}
    assert theirs == shapes(here.lines)
    submitted = next(line for line in done.lines if line["event"] == "submitted")
    assert submitted["steps"] == len({x["step"] for x in done.lines if x["event"] == "step"})


def test_a_run_here_loads_nothing_of_the_client(folder: Path) -> None:
    code = (
        "import sys\n"
        "from reelwright.cli.main import main\n"
        "assert main(['run', 'job.yaml', '--json']) == 0\n"
        "loaded = {'httpx', 'fastapi', 'reelwright.client', 'reelwright.cli.remote'}\n"
        "assert not loaded & set(sys.modules), loaded & set(sys.modules)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def test_a_second_run_sends_nothing_and_makes_nothing(served: Served, folder: Path) -> None:
    assert remote(served, "run", "job.yaml", "--json", cwd=folder).code == 0

    again = remote(served, "run", "job.yaml", "--json", cwd=folder)

    assert again.code == 0, again.out
    states = {line["state"] for line in again.lines if line["event"] == "step"}
    assert states == {"cached"}


def test_words_for_a_person(served: Served, folder: Path) -> None:
    done = remote(served, "run", "job.yaml", cwd=folder)

    assert done.code == 0
    assert [Path(line.split("  ")[0]).name for line in done.out.splitlines()] == [
        "small.mp4",
        "still.jpg",
    ]
    assert re.search(r"job \w{17}: queued at http://127\.0\.0\.1", done.err)
    assert re.search(r"job \w{17}: done in", done.err)
    assert served.token not in done.out + done.err


def test_a_file_of_somebody_else_is_not_replaced(served: Served, folder: Path) -> None:
    target = folder / "out" / "small.mp4"
    target.parent.mkdir()
    target.write_text("mine")

    refused = remote(served, "run", "job.yaml", "--json", cwd=folder)
    forced = remote(served, "run", "job.yaml", "--json", "--overwrite", cwd=folder)
    kept = remote(served, "run", "job.yaml", "--json", "--set", "height=32", cwd=folder)

    assert refused.code == 2
    assert last(refused)["id"] is None
    assert last(refused)["error"]["code"] == "output_exists"
    assert forced.code == 0
    assert target.stat().st_size > 100
    assert kept.code == 0  # it was ours by then
    target.write_text("mine again")
    assert remote(served, "run", "job.yaml", "--json", cwd=folder).code == 2
    assert target.read_text() == "mine again"


def test_what_is_wrong_is_told_before_anything_is_sent(served: Served, folder: Path) -> None:
    (folder / "job.yaml").write_text(SPEC.replace("scale", "scael").replace("clip.mp4", "clap.mp4"))
    here = reel("run", "job.yaml", "--json", cwd=folder)
    there = remote(served, "run", "job.yaml", "--json", cwd=folder)

    assert (there.code, there.json) == (here.code, here.json)
    (folder / "job.yaml").write_text(SPEC.replace("clip.mp4", "clap.mp4"))
    missing = remote(served, "run", "job.yaml", "--json", cwd=folder)
    assert missing.json["error"]["code"] == "input_not_found"
    assert "did you mean" in missing.json["error"]["message"]


def test_a_broken_input_ends_as_here(served: Served, folder: Path) -> None:
    (folder / "clip.mp4").write_bytes(b"no video at all" * 100)

    here = reel("run", "job.yaml", "--json", cwd=folder)
    there = remote(served, "run", "job.yaml", "--json", cwd=folder)

    assert there.code == here.code == 3
    assert last(there)["error"]["code"] == last(here)["error"]["code"]
    assert last(there)["error"]["where"] == "inputs.clip"


def test_a_list_of_files_keeps_its_order(served: Served, folder: Path, ffmpeg: Path) -> None:
    for number in (1, 2, 3):
        make_clip(ffmpeg, folder / f"part-{number}.mp4", seconds=0.4 * number, sound=False)
    (folder / "job.yaml").write_text(
        "inputs: {parts: 'part-*.mp4'}\n"
        "operations: [{id: all, op: concat, input: parts}]\n"
        "outputs: [{from: all, to: all.mkv}]\n"
    )

    planned = remote(served, "plan", "job.yaml", "--json", cwd=folder)
    done = remote(served, "run", "job.yaml", "--json", cwd=folder)

    assert done.code == 0, done.out
    read = [entry["uri"] for step in planned.json["steps"] for entry in step["inputs"]]
    assert [Path(uri).name for uri in read if uri] == ["part-1.mp4", "part-2.mp4", "part-3.mp4"]
    probed = remote(served, "probe", "all.mkv", "--json", cwd=folder).json
    assert probed == reel("probe", "all.mkv", "--json", cwd=folder).json


def test_several_files_of_an_output_and_their_names(served: Served, folder: Path) -> None:
    (folder / "job.yaml").write_text(
        "inputs: {clip: clip.mp4}\n"
        "operations: [{id: stills, op: thumbnail, input: clip, at: [0.1s, 0.3s, 0.5s]}]\n"
        "outputs:\n"
        "  - {from: stills, to: 'a/s-{index:03d}.jpg'}\n"
        "  - {from: clip, to: 'b/c.mkv'}\n"
    )

    done = remote(served, "run", "job.yaml", "--json", cwd=folder)

    assert done.code == 0, done.out
    found = {str(p.relative_to(folder)) for p in folder.glob("[ab]/*")}
    assert found == {"a/s-001.jpg", "a/s-002.jpg", "a/s-003.jpg", "b/c.mkv"}
    assert [Path(o["path"]).name for o in last(done)["outputs"]][:2] == ["s-001.jpg", "s-002.jpg"]


def test_a_font_stays_here(served: Served, folder: Path) -> None:
    (folder / "job.yaml").write_text(
        "inputs: {clip: clip.mp4}\n"
        "operations: [{id: t, op: drawtext, input: clip, text: Hi, font: my.ttf}]\n"
        "outputs: [{from: t, to: t.mp4}]\n"
    )

    done = remote(served, "run", "job.yaml", "--json", cwd=folder)

    assert done.code == 2
    assert last(done)["error"]["where"] == "operations[0].font"


def test_numbers_and_dollars_arrive_as_they_were_written(served: Served, folder: Path) -> None:
    (folder / "job.yaml").write_text(
        "inputs: {clip: clip.mp4}\n"
        "vars: {when: 0.10}\n"
        "operations:\n"
        "  - {id: cut, op: trim, input: clip, start: '${when}', duration: 0.3}\n"
        "  - {id: t, op: drawtext, input: cut, text: 'costs $${5}, ${name:-50 %}'}\n"
        "outputs: [{from: t, to: t.mp4}]\n"
        "labels: {version: '1.50'}\n"
    )

    here = reel("plan", "job.yaml", "--json", cwd=folder).json
    there = remote(served, "plan", "job.yaml", "--json", cwd=folder).json

    for plan in (here, there):
        for step in plan["steps"]:
            step.pop("estimate")
    assert [s["argv"] for s in there["steps"]] == [s["argv"] for s in here["steps"]]
    assert there["outputs"] == here["outputs"]


def test_a_plan_is_explained_as_here(served: Served, folder: Path) -> None:
    here = reel("plan", "job.yaml", "--no-commands", cwd=folder)
    there = remote(served, "plan", "job.yaml", "--no-commands", cwd=folder)
    dot = remote(served, "plan", "job.yaml", "--dot", cwd=folder)
    dry = remote(served, "run", "job.yaml", "--dry-run", "--json", cwd=folder)
    stage = remote(served, "plan", "job.yaml", "--stage", "forms", cwd=folder)

    def plain(text: str) -> list[str]:
        """Without what is measured; what exactly comes out stays on the server."""
        lines = [re.sub(r"(makes +\S+).*", r"\1", line) for line in text.splitlines()]
        return [line for line in lines if not re.search(r"estimate|of CPU|cache", line)]

    assert plain(there.out) == plain(here.out)
    assert dot.out.startswith("digraph")
    assert dry.json["event"] == "plan"
    assert not (folder / "out").exists()
    assert stage.code == 2


def test_questions_about_files_and_operators(served: Served, folder: Path) -> None:
    for words in (["operators"], ["operators", "trim"], ["operators", "--json"]):
        assert remote(served, *words, cwd=folder).out == reel(*words, cwd=folder).out
    one = ["operators", "trim", "--json"]
    assert remote(served, *one, cwd=folder).json == reel(*one, cwd=folder).json
    probe = ["probe", "clip.mp4"]
    assert remote(served, *probe, cwd=folder).out == reel(*probe, cwd=folder).out


def test_jobs_their_steps_and_their_logs(served: Served, folder: Path) -> None:
    job = last(remote(served, "run", "job.yaml", "--json", "--no-cache", cwd=folder))["id"]

    listed = remote(served, "jobs", "--json", "--limit", "5", cwd=folder).json["jobs"]
    status = remote(served, "status", job[:15], "--json", cwd=folder).json
    logs = remote(served, "logs", job, "--json", "--tail", "3", cwd=folder).lines

    assert job in {entry["id"] for entry in listed}
    assert {step["state"] for step in status["steps"]} == {"succeeded"}
    assert len(status["outputs"]) == 2
    assert {log["step"] for log in logs} == {step["id"] for step in status["steps"]}
    assert all(0 < len(log["lines"]) <= 3 for log in logs)
    assert job in remote(served, "status", job, cwd=folder).out
    assert remote(served, "jobs", "--state", "odd", cwd=folder).code == 2
    assert remote(served, "status", "zzz", cwd=folder).code == 2
    late = remote(served, "cancel", job, "--json", cwd=folder)
    assert late.code == 2
    assert late.json["error"]["code"] == "transition_refused"


def test_a_detached_job_is_watched_later(served: Served, folder: Path) -> None:
    started = remote(served, "run", "job.yaml", "--detach", cwd=folder)
    job = started.out.strip()
    assert started.code == 0

    watched = remote(served, "watch", job, "--json", cwd=folder)

    assert watched.code == 0, watched.out
    assert last(watched)["id"] == job
    assert made(folder).keys() == {"small.mp4", "still.jpg"}
    assert reel("run", "job.yaml", "--detach", cwd=folder).code == 2
    assert reel("watch", job, cwd=folder).code == 2


def test_a_failed_job_is_tried_again(served: Served, folder: Path, tmp_path: Path) -> None:
    """Its input is an address that has nothing yet."""
    late = tmp_path / "late.mp4"
    (folder / "job.yaml").write_text(SPEC.replace("clip.mp4", "clip.mp4"))
    job = served.submit({"inputs": {"a": str(late)}, "outputs": [{"from": "a", "to": "a.mkv"}]})
    failed = remote(served, "watch", job, "--json", cwd=folder)
    assert (failed.code, last(failed)["state"]) == (2, "failed")
    late.hardlink_to(folder / "clip.mp4")

    again = remote(served, "retry", job, "--json", cwd=folder)

    assert again.code == 0, again.out
    assert last(again)["state"] == "succeeded"
    assert "failed" not in {line.get("state") for line in again.lines}


def test_settings_and_variables_name_the_server(served: Served, folder: Path) -> None:
    config = folder / "config.toml"
    config.write_text(f'server = "{served.url}"\n')
    named = {"REEL_SERVER": served.url, "REEL_TOKEN": served.token}

    by_variable = reel("jobs", "--json", cwd=folder, **named)
    by_file = reel("jobs", "--json", cwd=folder, REEL_CONFIG=str(config), REEL_TOKEN=served.token)
    shown = reel("config", "show", "--json", cwd=folder, **named)

    assert by_variable.code == by_file.code == 0
    assert by_variable.json == by_file.json
    assert served.token not in shown.out
    assert {"name": "server", "value": served.url}.items() <= next(
        row for row in shown.json["settings"] if row["name"] == "server"
    ).items()


def test_who_may_not_is_told_how_to(served: Served, folder: Path) -> None:
    nobody = reel("--server", served.url, "jobs", "--json", cwd=folder)
    wrong = reel("--server", served.url, "--token", "x", "run", "job.yaml", "--json", cwd=folder)
    key = served.client.post("/v1/keys", json={"name": "v", "role": "viewer"}).json()["token"]
    viewer = reel("--server", served.url, "--token", key, "cancel", "last", "--json", cwd=folder)

    assert nobody.code == wrong.code == viewer.code == 2
    assert nobody.json["error"]["code"] == "unauthenticated"
    assert "REEL_TOKEN" in nobody.json["error"]["hint"]
    assert last(wrong)["error"]["code"] == "unauthenticated"
    assert viewer.json["error"]["code"] == "forbidden"
    assert "reel keys create" in viewer.json["error"]["hint"]


def test_a_server_that_is_not_there_has_its_exit_code(folder: Path) -> None:
    for words in (["jobs"], ["run", "job.yaml"]):
        done = reel("--server", "http://127.0.0.1:9", *words, "--json", cwd=folder)
        assert done.code == 6
        assert done.lines[-1]["error"]["code"] == "server_unreachable"
    assert reel("--server", "nonsense", "jobs", cwd=folder).code == 2
    local = reel("--server", "http://127.0.0.1:9", "cache", "show", "--json", cwd=folder)
    assert (local.code, local.json["error"]["code"]) == (2, "usage")
