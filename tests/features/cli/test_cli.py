"""`reel` as a person and as a script meets it."""

import hashlib
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.reel import REEL, SPEC, Done, make_clip, reel, reel_process

COMMANDS = [
    "run",
    "plan",
    "probe",
    "operators",
    "jobs",
    "status",
    "logs",
    "cancel",
    "retry",
    "resume",
    "cache",
    "doctor",
    "schema",
    "config",
    "demo",
]


@pytest.fixture
def folder(tmp_path: Path, ffmpeg: Path) -> Path:
    """A folder with a clip and a spec."""
    made = tmp_path / "work"
    made.mkdir()
    make_clip(ffmpeg, made / "clip.mp4")
    (made / "spec.yaml").write_text(SPEC)
    return made


def run_json(folder: Path, *more: str) -> Done:
    return reel("run", "spec.yaml", "--json", *more, cwd=folder)


def test_a_run_ends_with_its_job_and_the_digests_of_its_outputs(folder: Path) -> None:
    done = run_json(folder)
    assert done.code == 0, done.err
    last = done.lines[-1]
    assert set(last) == {"event", "id", "state", "outputs", "error"}
    assert (last["event"], last["state"], last["error"]) == ("job", "succeeded", None)
    for output in last["outputs"]:
        data = Path(output["path"]).read_bytes()
        assert output["bytes"] == len(data)
        assert output["sha256"] == hashlib.sha256(data).hexdigest()
    assert [Path(o["path"]).name for o in last["outputs"]] == ["small.mp4", "still.jpg"]
    events = {line["event"] for line in done.lines}
    assert events >= {"submitted", "step", "output", "job"}
    assert all(line["event"] != "job" for line in done.lines[:-1])


def test_a_second_run_takes_everything_from_the_cache(folder: Path) -> None:
    run_json(folder)
    again = run_json(folder)
    states = {line["state"] for line in again.lines if line["event"] == "step"}
    assert (again.code, states) == (0, {"cached"})
    # Outputs that stand as they would be delivered are no obstacle; others are.
    (folder / "out" / "still.jpg").unlink()
    (folder / "out" / "still.jpg").write_bytes(b"mine")
    refused = run_json(folder, "--set", "height=50")
    assert refused.code == 2
    assert {p["code"] for p in refused.json["problems"]} == {"output_exists"}
    assert (folder / "out" / "still.jpg").read_bytes() == b"mine"
    assert run_json(folder, "--overwrite").code == 0
    assert (folder / "out" / "still.jpg").read_bytes() != b"mine"


def test_what_changed_is_made_again_and_nothing_else(folder: Path) -> None:
    run_json(folder)
    changed = run_json(folder, "--set", "height=40", "--overwrite")
    assert changed.code == 0
    fresh = run_json(folder, "--no-cache", "--overwrite")
    states = [line["state"] for line in fresh.lines if line["event"] == "step"]
    assert "cached" not in states
    assert "succeeded" in states


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_written(folder: Path) -> None:
    bad = SPEC.replace("op: scale", "op: scael").replace("duration: 0.6s", "duration: 1 lightyear")
    (folder / "spec.yaml").write_text(bad)
    done = run_json(folder)
    last = done.json
    assert done.code == 2
    assert (last["event"], last["id"], last["state"], last["outputs"]) == (
        "job",
        None,
        "failed",
        [],
    )
    places = [p["where"] for p in last["problems"]]
    assert places == ["operations[0].duration", "operations[1].op"]
    assert last["error"] == last["problems"][0]
    assert "did you mean 'scale'?" in last["problems"][1]["message"]
    assert not (folder / "out").exists()
    told = reel("run", "spec.yaml", cwd=folder)
    assert told.code == 2
    assert told.out == ""
    assert "operations[0].duration (line 5)" in told.err
    assert "2 problems." in told.err


def test_a_missing_input_is_named_with_the_nearest_file(folder: Path) -> None:
    (folder / "spec.yaml").write_text(SPEC.replace("clip.mp4", "clop.mp4"))
    done = run_json(folder)
    assert (done.code, done.json["error"]["code"]) == (2, "input_not_found")
    assert "did you mean 'clip.mp4'?" in done.json["error"]["message"]
    missing = reel("run", "spce.yaml", cwd=folder)
    assert missing.code == 2
    assert "did you mean 'spec.yaml'?" in missing.err


def test_a_broken_input_is_a_media_error(folder: Path) -> None:
    whole = (folder / "clip.mp4").read_bytes()
    (folder / "clip.mp4").write_bytes(whole[: len(whole) // 3])
    done = run_json(folder)
    assert done.code == 3
    assert done.json["error"]["where"] == "inputs.clip"


def test_a_spec_may_come_from_standard_input(folder: Path) -> None:
    done = reel_process("run", "-", "--json", cwd=folder, stdin=SPEC)
    assert done.code == 0, done.err
    assert (folder / "out" / "small.mp4").is_file()


def test_a_missing_tool_has_an_exit_code_of_its_own(folder: Path) -> None:
    done = reel("run", "spec.yaml", "--json", cwd=folder, REEL_FFMPEG="/nowhere/ffmpeg")
    assert (done.code, done.json["error"]["code"]) == (4, "tool_missing")


def test_a_plan_says_what_would_run_and_why(folder: Path) -> None:
    done = reel("plan", "spec.yaml", "--json", cwd=folder)
    assert done.code == 0, done.err
    steps = done.json["steps"]
    assert steps
    for step in steps:
        assert step.keys() >= {"id", "kind", "argv", "because", "needs", "estimate"}
        assert step["because"]
        low, high = step["estimate"]["wall_seconds"]
        assert 0 < low <= high
        assert step["estimate"].keys() == {
            "cpu_seconds",
            "memory_bytes",
            "disk_bytes",
            "wall_seconds",
        }
    assert any(argv[0] == "ffmpeg" for step in steps for argv in step["argv"])
    assert not (folder / "out").exists()
    assert reel("plan", "spec.yaml", "--dot", cwd=folder).out.startswith("digraph")
    assert "small/scale" in reel("plan", "spec.yaml", "--stage", "forms", cwd=folder).out
    wrong = reel("plan", "spec.yaml", "--stage", "foms", cwd=folder)
    assert wrong.code == 2
    assert "forms" in wrong.err
    dry = reel("run", "spec.yaml", "--dry-run", cwd=folder)
    assert dry.code == 0
    assert not (folder / "out").exists()


def test_probing_shows_the_facts(folder: Path) -> None:
    info = reel("probe", "clip.mp4", "--json", cwd=folder).json
    assert [s["kind"] for s in info["streams"]] == ["video", "audio"]
    assert info["streams"][0]["width_px"] == 128
    told = reel("probe", "clip.mp4", cwd=folder).out
    assert "video h264 128x96, 25 fps" in told
    assert reel("probe", "clop.mp4", "--json", cwd=folder).code == 2


def test_jobs_are_listed_and_their_logs_are_kept(folder: Path) -> None:
    job = run_json(folder, "--label", "who=me").lines[-1]["id"]
    listed = reel("jobs", "--json", cwd=folder).json["jobs"]
    assert [(j["id"], j["state"], j["labels"]) for j in listed] == [
        (job, "succeeded", {"who": "me"})
    ]
    status = reel("status", job[:12], "--json", cwd=folder).json
    assert status["id"] == job
    assert {s["state"] for s in status["steps"]} == {"succeeded"}
    assert len(status["outputs"]) == 2
    logs = reel("logs", "last", "--json", cwd=folder).lines
    assert any("libx264" in line for log in logs for line in log["lines"])
    assert reel("status", "nope", "--json", cwd=folder).json["error"]["code"] == "job_unknown"
    retried = reel("retry", job, "--json", cwd=folder)
    assert (retried.code, retried.json["error"]["code"]) == (2, "transition_refused")
    assert reel("resume", "--json", cwd=folder).code == 0


def test_the_cache_is_shown_and_pruned(folder: Path) -> None:
    run_json(folder)
    shown = reel("cache", "show", "--json", cwd=folder).json
    assert shown["files"] >= 2
    assert shown["bytes"] > 0
    freed = reel("cache", "prune", "--all", "--json", cwd=folder).json
    assert freed["files"] >= 2
    assert reel("cache", "show", "--json", cwd=folder).json["bytes"] == 0
    assert reel("cache", "prune", cwd=folder).code == 2


def test_operators_and_schemas_are_printed(tmp_path: Path) -> None:
    names = [o["name"] for o in reel("operators", "--json", cwd=tmp_path).json["operators"]]
    assert {"trim", "scale", "shots", "fetch"} <= set(names)
    trim = reel("operators", "trim", "--json", cwd=tmp_path).json
    assert {p["name"] for p in trim["parameters"]} >= {"start", "end", "duration", "mode"}
    assert "did you mean 'trim'" in reel("operators", "trm", cwd=tmp_path).err
    assert "properties" in reel("schema", "job", "--json", cwd=tmp_path).json
    assert "start" in reel("schema", "operator", "trim", "--json", cwd=tmp_path).json["properties"]


def test_help_names_every_command_and_the_exit_codes(tmp_path: Path) -> None:
    told = reel("--help", cwd=tmp_path, COLUMNS="200", TERM="dumb").out
    assert all(f" {command} " in told for command in COMMANDS)
    assert "Exit codes: 0 done" in told
    assert reel_process("--version", cwd=tmp_path).out == "reel 0.1.0\n"


def test_usage_errors_are_json_where_json_is_asked_for(tmp_path: Path) -> None:
    done = reel("plan", "--json", cwd=tmp_path)
    assert (done.code, done.json["error"]["code"]) == (2, "usage")
    unknown = reel("rum", "--json", cwd=tmp_path)
    assert (unknown.code, unknown.json["error"]["code"]) == (2, "usage")
    assert "did you mean 'run'?" in unknown.json["error"]["message"]


def test_a_shell_completes_operators_and_jobs(folder: Path) -> None:
    def complete(words: str) -> str:
        environ = {
            "_REEL_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        }
        return reel_process(cwd=folder, **environ).out

    assert complete("reel operators tri").split() == ["trim"]
    job = run_json(folder).lines[-1]["id"]
    assert complete("reel status ").split() == [job]


def test_ctrl_c_stops_the_job_and_says_how_to_go_on(folder: Path, ffmpeg: Path) -> None:
    make_clip(ffmpeg, folder / "clip.mp4", seconds=60)
    slow = SPEC.replace("duration: 0.6s", "duration: 59s").replace("ultrafast", "placebo")
    (folder / "spec.yaml").write_text(slow.replace("height: 48", "height: 720"))
    with subprocess.Popen(
        [REEL, "run", "spec.yaml", "--json"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout
        for line in running.stdout:
            if '"running"' in line:
                running.send_signal(signal.SIGINT)
                break
        out, err = running.communicate(timeout=60)
    assert running.returncode == 5, err
    last = out.splitlines()[-1]
    assert '"state": "cancelled"' in last
    assert "stopping" in err
    assert not (folder / "out").exists()
