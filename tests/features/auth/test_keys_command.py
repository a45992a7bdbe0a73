"""`reel keys` and `reel audit`."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reelwright.errors import Code
from tests.cli.reel import reel


def test_a_key_is_printed_once_and_alone(tmp_path: Path) -> None:
    done = reel("keys", "create", "ci", cwd=tmp_path)

    assert done.code == 0
    token = done.out.strip()
    assert re.fullmatch(r"reel_[0-9a-z]{17}_[0-9A-Za-z]{43}", token)
    assert token.split("_")[1] in done.err
    for again in (("keys", "list"), ("keys", "list", "--json"), ("audit", "--json")):
        assert token.rpartition("_")[2] not in reel(*again, cwd=tmp_path).out


def test_everything_that_a_key_may_be_given(tmp_path: Path) -> None:
    before = time.time()
    made = reel(
        "keys", "create", "ci", "--role", "viewer", "--owner", "team", "--scope", "read",
        "--expires", "30d", "--read", "media", "--read", "s3://bucket/in", "--write", "/srv/out",
        "--rate", "100/minute", "--max-running", "3", "--max-bytes", "5GiB", "--json",
        cwd=tmp_path,
    ).json  # fmt: skip

    assert made["role"] == "viewer"
    assert made["owner"] == "team"
    assert made["scopes"] == ["read"]
    assert made["folders"] == {
        "read": [str(tmp_path / "media"), "s3://bucket/in"],
        "write": ["/srv/out"],
    }
    assert (made["rate"], made["max_running"], made["max_bytes"]) == ("100/minute", 3, 5 << 30)
    assert 30 * 86400 <= made["expires_at"] - before < 30 * 86400 + 600
    assert made["created_by"] == "local"


def test_folders_are_printed_as_they_were_understood(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()

    done = reel("keys", "create", "ci", "--read", "media/../in", "--write", "out", cwd=tmp_path)

    assert f"It may read below {tmp_path / 'in'}" in done.err.splitlines()
    assert f"It may write below {tmp_path / 'out'}" in done.err.splitlines()


def test_the_audit_log_says_what_a_key_was_given(tmp_path: Path) -> None:
    words = ("keys", "create", "ci", "--expires", "30d", "--read", "/srv/in", "--scope", "read")
    made = reel(*words, "--max-running", "3", "--json", cwd=tmp_path).json
    reel("keys", "create", "wide", cwd=tmp_path)

    narrow, wide = [line["detail"] for line in reel("audit", "--json", cwd=tmp_path).lines]
    table = reel("audit", cwd=tmp_path).out

    assert narrow["folders"] == {"read": ["/srv/in"]}
    assert narrow["expires_at"] == made["expires_at"]
    assert narrow["max_running"] == 3
    assert (wide["folders"], wide["expires_at"]) == ({}, None)
    assert "max_running" not in wide
    assert "folders=read:/srv/in" in table
    assert "expires=never" in table
    assert "scopes=all" in table


def test_keys_in_a_table(tmp_path: Path) -> None:
    first = reel("keys", "create", "first", "--json", cwd=tmp_path).json
    reel("keys", "create", "second", "--expires", "2w", cwd=tmp_path)
    reel("keys", "revoke", first["id"], cwd=tmp_path)

    done = reel("keys", "list", cwd=tmp_path)

    head, second, row = done.out.splitlines()
    assert head.split() == [
        "key", "name", "owner", "role", "scopes", "state", "expires", "used",
    ]  # fmt: skip
    assert second.split()[1:6] == ["second", "local", "editor", "all", "active"]
    assert row.split()[:6] == [first["id"], "first", "local", "editor", "all", "revoked"]


def test_revoking(tmp_path: Path) -> None:
    made = reel("keys", "create", "ci", "--json", cwd=tmp_path).json

    done = reel("keys", "revoke", made["id"][:14], "--json", cwd=tmp_path)
    unknown = reel("keys", "revoke", "zzz", "--json", cwd=tmp_path)

    assert done.json["revoked_at"] is not None
    assert unknown.code == 2
    assert unknown.json["error"]["code"] == Code.KEY_UNKNOWN.text


@pytest.mark.parametrize(
    ("options", "where"),
    [
        (("--role", "root"), "role"),
        (("--scope", "sudo"), "scopes"),
        (("--rate", "much"), "rate"),
        (("--expires", "soon"), "--expires"),
        (("--expires", "0d"), "--expires"),
        (("--max-bytes", "big"), "--max-bytes"),
    ],
    ids=str,
)
def test_mistakes_are_named(tmp_path: Path, options: tuple[str, ...], where: str) -> None:
    done = reel("keys", "create", "ci", *options, "--json", cwd=tmp_path)

    assert done.code == 2
    assert done.json["error"]["where"] == where


def test_the_audit_log_as_lines_and_as_a_table(tmp_path: Path) -> None:
    for name in ("one", "two"):
        reel("keys", "create", name, cwd=tmp_path)

    lines = reel("audit", "--json", cwd=tmp_path).lines
    table = reel("audit", "--limit", "1", cwd=tmp_path).out.splitlines()

    assert [line["detail"]["name"] for line in lines] == ["one", "two"]
    assert all(line["action"] == "key.create" for line in lines)
    assert len(table) == 2
    assert "name=two" in table[1]


def test_the_audit_log_is_narrowed(tmp_path: Path) -> None:
    reel("keys", "create", "one", cwd=tmp_path)
    tomorrow = datetime.fromtimestamp(time.time() + 86400, UTC).isoformat()

    def count(*options: str) -> int:
        return len(reel("audit", "--json", *options, cwd=tmp_path).lines)

    assert count("--since", "1h", "--actor", "local", "--action", "key.") == 1
    assert count("--since", tomorrow) == 0
    assert count("--actor", "key:x") == 0
    assert count("--action", "job.") == 0
    wrong = reel("audit", "--since", "yesterday", "--json", cwd=tmp_path)
    assert wrong.code == 2
    assert wrong.json["error"]["where"] == "--since"


def test_a_long_log_is_exported_whole(tmp_path: Path) -> None:
    """Longer than what is read at a time."""
    from reelwright.app.principal import LOCAL
    from reelwright.app.settings import load
    from reelwright.app.wiring import App
    from reelwright.store import audit

    with App(load()) as app, app.store.write() as tx:
        for n in range(2500):
            audit.add(tx, LOCAL, "test.count", str(n))

    lines = reel("audit", "--json", cwd=tmp_path).out.splitlines()

    assert [json.loads(line)["target"] for line in lines] == [str(n) for n in range(2500)]
