"""`reel doctor` says what was found and what is missing."""

import stat
from pathlib import Path

from tests.cli.reel import reel


def checks(done_json: dict[str, object]) -> dict[str, dict[str, str]]:
    found = done_json["checks"]
    assert isinstance(found, list)
    return {check["name"]: check for check in found}


def test_a_whole_machine_lacks_nothing(tmp_path: Path) -> None:
    done = reel("doctor", "--json", cwd=tmp_path)
    assert done.code == 0, done.out
    assert done.json["ok"] is True
    found = checks(done.json)
    assert found.keys() >= {
        "python",
        "ffmpeg",
        "ffprobe",
        "encoders",
        "filters",
        "font",
        "sandbox",
        "machine",
        "store",
        "yt-dlp",
    }
    assert "9.0" in found["ffmpeg"]["found"]
    assert found["encoders"]["state"] == found["filters"]["state"] == "ok"
    assert str(tmp_path) in found["store"]["found"]
    told = reel("doctor", cwd=tmp_path)
    assert told.code == 0
    assert "ffmpeg" in told.out


def test_a_missing_tool_is_told_with_what_to_do_and_ends_in_4(tmp_path: Path) -> None:
    done = reel("doctor", "--json", cwd=tmp_path, REEL_FFMPEG=str(tmp_path / "nothing"))
    assert done.code == 4
    assert done.json["ok"] is False
    missing = [check for check in checks(done.json).values() if check["state"] == "missing"]
    assert [check["name"] for check in missing] == ["REEL_FFMPEG"]
    assert missing[0]["hint"]


def test_a_build_without_encoders_is_found_out(tmp_path: Path, ffmpeg: Path) -> None:
    poor = tmp_path / "ffmpeg"
    poor.write_text(
        "#!/bin/sh\n"
        'case "$*" in *-encoders*) printf "Encoders:\\n ------\\n V....D png  PNG\\n";;\n'
        f'*) exec {ffmpeg} "$@";; esac\n'
    )
    poor.chmod(poor.stat().st_mode | stat.S_IXUSR)
    done = reel("doctor", "--json", cwd=tmp_path, REEL_FFMPEG=str(poor))
    assert done.code == 4
    encoders = checks(done.json)["encoders"]
    assert encoders["state"] == "missing"
    assert "libx264" in encoders["found"]
    assert checks(done.json)["more encoders"]["state"] == "warning"


def test_a_javascript_runtime_is_reported_wherever_it_is(tmp_path: Path) -> None:
    deno = tmp_path / "bin" / "deno"
    deno.parent.mkdir()
    deno.write_text("#!/bin/sh\n")
    deno.chmod(0o755)

    there = reel("doctor", "--json", cwd=tmp_path, PATH=f"{deno.parent}:/usr/bin:/bin")
    nowhere = reel("doctor", "--json", cwd=tmp_path, PATH="/usr/bin:/bin")

    assert checks(there.json)["extra: deno"]["found"].startswith(f"{deno};")
    assert there.code == nowhere.code == 0  # it is an extra
