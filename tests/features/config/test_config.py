"""Defaults give way to the file, the file to the environment, that to flags."""

from pathlib import Path

import pytest

from reelwright.app.settings import Settings, load
from reelwright.errors import Code, ReelError
from tests.cli.reel import reel


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration file of this test alone, not written yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = tmp_path / "config" / "reelwright" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


def shown(tmp_path: Path, **environ: str) -> dict[str, tuple[object, str]]:
    """Name → value and source, as `reel config show` tells them."""
    rows = reel("config", "show", "--json", cwd=tmp_path, **environ).json["settings"]
    return {row["name"]: (row["value"], row["source"]) for row in rows}


def test_each_value_tells_where_it_comes_from(file: Path, tmp_path: Path) -> None:
    file.write_text('sandbox = "off"\n[cache]\nlimit_bytes = "20GiB"\n[limits]\ncpus = 1.5\n')
    found = shown(tmp_path, REEL_LIMITS__CPUS="3", REEL_HOME="/tmp/elsewhere")
    assert found["sandbox"] == ("off", str(file))
    assert found["cache.limit_bytes"] == (20 << 30, str(file))
    assert found["limits.cpus"] == (3.0, "REEL_LIMITS__CPUS")
    assert found["home"] == ("/tmp/elsewhere", "REEL_HOME")
    assert found["probe.at_once"] == (5, "default")
    flagged = load({"sandbox": "on"})
    assert (flagged.settings.sandbox, flagged.source("sandbox")) == ("on", "flag")


def test_without_a_file_everything_is_as_documented(file: Path) -> None:
    loaded = load(environ={"XDG_CONFIG_HOME": str(file.parent.parent)})
    assert loaded.settings == Settings()
    assert loaded.sources == {}


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ReelError) as caught:
        load(environ={"REEL_CONFIG": str(tmp_path / "gone.toml")})
    assert caught.value.code is Code.CONFIG_INVALID


def test_all_that_is_wrong_is_told_with_its_place(file: Path, tmp_path: Path) -> None:
    file.write_text('sandboxx = "off"\n[limits]\ncpus = -1\nspec_bytes = "lots"\n')
    done = reel("config", "show", "--json", cwd=tmp_path, REEL_SANDBOX="maybe")
    assert done.code == 2
    problems = {p["where"]: p for p in done.json["problems"]}
    assert set(problems) == {
        f"{file}: sandboxx",
        f"{file}: limits.cpus",
        f"{file}: limits.spec_bytes",
        "REEL_SANDBOX",
    }
    assert problems[f"{file}: sandboxx"]["hint"] == "did you mean 'sandbox'?"
    assert {p["code"] for p in problems.values()} == {"config_invalid"}


def test_a_file_that_is_no_toml_is_refused_with_the_line(file: Path, tmp_path: Path) -> None:
    file.write_text("sandbox = off\n")
    error = reel("config", "show", "--json", cwd=tmp_path).json["error"]
    assert (error["code"], error["where"]) == ("config_invalid", str(file))
    assert "line 1" in error["message"]


def test_a_password_is_not_shown(file: Path, tmp_path: Path) -> None:
    file.write_text('database = "postgresql://me:secret@db/reel"\n')  # secret-ok: made up
    told = reel("config", "show", cwd=tmp_path)
    assert "postgresql://me:***@db/reel" in told.out  # secret-ok: made up
    assert "secret" not in told.out + reel("config", "show", "--json", cwd=tmp_path).out
    # As PostgreSQL takes it, too.
    file.write_text('database = "postgresql://db/reel?user=me&password=secret&sslmode=on"\n')
    told = reel("config", "show", cwd=tmp_path)
    assert "postgresql://db/reel?user=me&password=***&sslmode=on" in told.out
    assert "secret" not in told.out + reel("config", "show", "--json", cwd=tmp_path).out


def test_what_is_set_is_what_counts(file: Path, tmp_path: Path) -> None:
    assert reel("config", "path", cwd=tmp_path).out == f"{file}\n"
    file.write_text("[limits]\nspec_bytes = 10\n")
    (tmp_path / "spec.yaml").write_text("inputs: {a: a.mp4}\n")
    done = reel("run", "spec.yaml", "--json", cwd=tmp_path)
    assert (done.code, done.json["error"]["code"]) == (2, "spec_too_large")


@pytest.mark.parametrize("command", [("doctor",), ("keys", "create", "ci"), ("jobs",)])
def test_a_new_home_is_its_users_alone(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Specs, results and secrets of webhooks are in it."""
    home = tmp_path / "data" / "home"

    reel(*command, "--json", cwd=tmp_path, REEL_HOME=str(home))

    assert home.stat().st_mode & 0o777 == 0o700
