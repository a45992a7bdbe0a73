"""Each check finds what it is there for, and leaves the rest alone."""

import subprocess
from pathlib import Path

import pytest

from scripts import check_secrets, check_sizes, check_words
from scripts.tree import Problem, files, report

CODE = Path("src/reelwright/sample.py")


def function(lines: int, docstring: int = 0, remark: str = "") -> str:
    """A function of `lines` lines, plus a docstring of so many lines."""
    body = [f"def long(){remark}:" if not remark else f"def long():  {remark}"]
    if docstring:
        body += ['    """Says', *["    more"] * (docstring - 2), '    """']
    return "\n".join([*body, *["    x = 1"] * (lines - 1)]) + "\n"


@pytest.mark.parametrize(
    ("source", "problems"),
    [
        (function(40), 0),
        (function(41), 1),
        (function(40, docstring=9), 0),
        (function(41, docstring=9), 1),
        (function(60, remark="# size: a table reads best whole"), 0),
        (function(60, remark="# size:"), 1),
        ("async " + function(41), 1),
        ("@decorated\n" * 9 + function(40), 0),
        ("x = 1\n" * 400, 0),
        ("x = 1\n" * 401, 1),
        ("# size: one state machine, one table\n" + "x = 1\n" * 401, 0),
        ("x = 1\n" * 5 + "# size: too late in the file\n" + "x = 1\n" * 401, 1),
    ],
)
def test_sizes(source: str, problems: int) -> None:
    assert len(list(check_sizes.check_source(CODE, source))) == problems


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("a segment and a shard\n", 0),
        ("read_chunks()\n", 1),  # word-ok: the test's sample
        ("# Chunk by chunk\n", 2),  # word-ok: the test's sample
        ("# word-ok: PNG's own term. chunk\n", 0),  # word-ok: the test's sample
        ("# TODO later\n", 1),  # word-ok: the test's sample
        ("colour = 1\n", 1),
        ("class GreyScale: ...\n", 1),
        ("# the colour of prose is free\n", 0),
        ('x = "colour"\n', 0),
    ],
)
def test_words(text: str, problems: int) -> None:
    assert len(list(check_words.check_text(CODE, text))) == problems


def test_names_of_code_matter_in_code_alone() -> None:
    assert not list(check_words.check_text(Path("docs/x.md"), "the colour of a frame\n"))


@pytest.mark.parametrize(
    ("path", "problems"),
    [
        ("src/reelwright/media/time.py", 0),
        ("src/reelwright/utils.py", 1),
        ("src/reelwright/helpers/time.py", 1),
        ("web/src/Common/index.ts", 1),
        ("src/reelwright/commonly.py", 0),
    ],
)
def test_module_names(path: str, problems: int) -> None:
    assert len(list(check_words.check_path(Path(path)))) == problems


# Put together here, so that this file holds none.
SECRETS = {
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "an AWS access key": "AKIA" + "IOSFODNN7EXAMPLE",
    "an AWS secret key": "aws_secret_access_key=" + "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "a GitHub token": "ghp_" + "a1" * 18,
    "a Slack token": "xoxb-" + "123456789012",
    "a Google API key": "AIza" + "b" * 35,
    "a model provider's key": "sk-ant-" + "c" * 30,
    "a Stripe or webhook secret": "whsec_" + "d" * 24,
    "a PyPI token": "pypi-AgE" + "e" * 60,
    "a JSON web token": "eyJ" + "f" * 12 + ".eyJ" + "f" * 12 + "." + "f" * 20,
    "a password in a URL": "postgresql://reel:" + "hunter2" + "@db/reel",
    "a written-down secret": 'api_key = "' + "0123456789abcdef" + '"',
}


@pytest.mark.parametrize("kind", check_secrets.PATTERNS)
def test_every_kind_of_secret_is_found(kind: str) -> None:
    found = list(check_secrets.check_text(CODE, f"x\n{SECRETS[kind]}\n"))
    assert Problem(CODE, 2, f"looks like {kind}") in found


@pytest.mark.parametrize("kind", check_secrets.PATTERNS)
def test_a_look_alike_may_stay_with_a_reason(kind: str) -> None:
    line = f"{SECRETS[kind]}  # secret-ok: from the standard's examples"
    assert not list(check_secrets.check_text(CODE, line))


@pytest.mark.parametrize(
    "line",
    [
        'password = os.environ["REEL_DB_PASSWORD"]',
        'token = secrets.token_urlsafe(32)  # "kept nowhere"',
        "https://example.org:8000/path@2x.png",
        'f"postgresql://{user}:{password}@{host}/{name}"',
        'sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"',
    ],
)
def test_ordinary_lines_hold_no_secret(line: str) -> None:
    assert not list(check_secrets.check_text(CODE, line))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("ignored/\n")
    (tmp_path / "ignored").mkdir()
    (tmp_path / "ignored" / "utils.py").write_text("TODO = 1\n")  # word-ok: the test's sample
    (tmp_path / "helpers.py").write_text(function(41) + 'token = "' + "0" * 20 + '"\n')
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\0AKIA" + b"IOSFODNN7EXAMPLE")
    return tmp_path


def test_what_git_ignores_and_what_is_binary_is_left_alone(repository: Path) -> None:
    seen = {str(path) for path in files(repository)}
    assert seen == {".gitignore", "helpers.py", "picture.png"}
    assert [p.path.name for p in check_secrets.check(repository)] == ["helpers.py"]
    assert [p.path.name for p in check_words.check(repository)] == ["helpers.py"]
    assert [p.path.name for p in check_sizes.check(repository)] == ["helpers.py"]


def test_a_report_fails_on_problems_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert report("sizes", []) == 0
    assert report("sizes", [Problem(CODE, 3, "too long")]) == 1
    assert capsys.readouterr().out == f"sizes: ok\n{CODE}:3: too long\nsizes: 1 problem(s)\n"
