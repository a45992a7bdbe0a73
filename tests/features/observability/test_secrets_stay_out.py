"""No secret of a known shape is ever written, wherever in a line it stands."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from reelwright.app.observe import redact
from reelwright.app.observe.lines import encoded, readable

_ALNUM = string.ascii_letters + string.digits
_URL_SAFE = _ALNUM + "-_"


def _word(alphabet: str, least: int, most: int) -> st.SearchStrategy[str]:
    return st.text(alphabet=alphabet, min_size=least, max_size=most)


# What is secret, and texts that it stands in ("{}").
SHAPES: dict[str, tuple[st.SearchStrategy[str], list[str]]] = {
    "bearer": (_word(_URL_SAFE + ".~+/=", 12, 80), ["Bearer {}", "bearer  {}", "Basic {}"]),
    "api key": (
        st.builds(
            "reel_{}_{}".format, _word(string.digits + "abcxyz", 17, 17), _word(_ALNUM, 43, 43)
        ),
        ["{}", "key {} was used", "https://here/?x={}", "({})", "'{}',"],
    ),
    "webhook": (
        st.builds("whsec_{}".format, _word(_ALNUM + "+/=", 24, 44)),
        ["{}", "signed with {}.", '{{"a": "{}"}}'],
    ),
    "jwt": (
        st.builds("eyJ{}.{}.{}".format, *(_word(_URL_SAFE, 12, 40) for _ in range(3))),
        ["{}", "token {} is too old", "<{}>"],
    ),
    "password in a URL": (
        _word(_ALNUM + "!$&*+,;=@%-._~:", 12, 40),
        ["postgresql://reel:{}@db/reel", "fetch https://u:{}@a.example:8/p?q=1 failed"],
    ),
    "token as a user": (
        _word(_URL_SAFE, 20, 40),
        ["https://{}@a.example/repo.git"],
    ),
    "signature": (
        _word(_ALNUM + "%-._~+/", 16, 64),
        [
            "https://b.s3.example/o?X-Amz-Date=1&X-Amz-Signature={}",
            "https://b.s3.example/o?X-Amz-Security-Token={}&x=1",
            "https://a.example/o?sv=1&sig={}&se=2",
            "http://127.0.0.1:8000/?token={}",
            "https://a.example/cb#access_token={}",
            "/v1/x?api_key={}",
        ],
    ),
    "header": (
        _word(_ALNUM + " ;=-_.", 16, 60).filter(lambda s: s.strip() == s),
        ["Authorization: {}", "Cookie: reel_session={}", "set-cookie: {}", "X-Api-Key: {}"],
    ),
    "assignment": (
        _word(_ALNUM + "-_./+", 12, 40),
        ["password={}", "secret: {}", '"token": "{}"', "api-key = '{}'", "PGPASSWORD={}"],
    ),
}


@st.composite
def _hidden(draw: st.DrawFn) -> tuple[str, str]:
    """A secret, and a text with it."""
    secrets, texts = SHAPES[draw(st.sampled_from(sorted(SHAPES)))]
    secret = draw(secrets)
    around = st.text(alphabet=_ALNUM + " .,:()[]\n\tüß", max_size=8)
    before, after = draw(around), draw(around)
    return secret, f"{before} {draw(st.sampled_from(texts)).format(secret)}\n{after}"


@st.composite
def _placed(draw: st.DrawFn) -> tuple[str, Any]:
    """A secret, and a value with it somewhere inside."""
    secret, found = draw(_hidden())
    value: Any = found
    for _ in range(draw(st.integers(0, 10))):
        wraps = [lambda v: [1, v], lambda v: {"x": v}, lambda v: (v, None), lambda v: {"y": [v]}]
        value = draw(st.sampled_from(wraps))(value)
    as_other = draw(st.sampled_from(["", "bytes", "error", "name"]))
    if value is found and as_other:
        others = {"bytes": found.encode(), "error": ValueError(found), "name": {found: 1}}
        value = others[as_other]
    return secret, value


@given(_placed())
def test_no_secret_survives(placed: tuple[str, Any]) -> None:
    secret, value = placed
    line = {"level": "info", "event": "something", "field": value}
    written = encoded(line).decode()
    assert secret not in json.dumps(json.loads(written), ensure_ascii=False)
    assert secret not in written
    assert secret not in readable(line)


@given(
    st.sampled_from(
        [
            "authorization",
            "Cookie",
            "password",
            "old_secret",
            "api_key",
            "token",
            "x-amz-security-token",
            "signature",
            "csrf",
        ]
    ),
    st.one_of(_word(_ALNUM, 8, 20), st.lists(_word(_ALNUM, 8, 20), min_size=1, max_size=2)),
)
def test_a_field_with_a_secret_name_is_not_shown(name: str, value: str | list[str]) -> None:
    body = json.loads(encoded({"level": "info", "event": "x", "inner": {name: value}}))
    assert body["inner"][name] == redact.HIDDEN


@pytest.mark.parametrize(
    "said",
    [
        "step encode-1a2b3c4d failed: exit code 1",
        "https://a.example/video.mp4?quality=720p&list=PL1",
        "/v1/jobs/{id}/events",
        "Unknown encoder 'libx265'",
        "frame= 120 fps= 30 time=00:00:04.00 speed=2x",
        "postgresql://postgres@/reel?host=/run/postgresql",
        "the operator blend is unknown: did you mean blur?",
        "output.mp4: moov atom not found",
        "reel_jobs_finished_total",
        "where=operations[2].params.key",
    ],
)
def test_what_is_no_secret_stays(said: str) -> None:
    assert redact.text(said) == said


def test_lone_surrogates_and_large_numbers_are_written() -> None:
    line = {"level": "info", "event": "x", "path": "a\udcff.mp4", "n": 1 << 80}
    body = json.loads(encoded(line))
    assert "udcff" in body["path"]
    assert str(1 << 80) in body["n"]
    assert readable(line).endswith(f"n={1 << 80}\n")


def test_structlog_is_not_set_up_by_importing_us() -> None:
    assert not structlog.is_configured()
