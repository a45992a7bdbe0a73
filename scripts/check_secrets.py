"""No key, token or password in the repository.

A line with a harmless look-alike says so: `secret-ok: <reason>` in a comment.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.tree import Problem, files, report, text_of

PATTERNS = {
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "an AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "an AWS secret key": r"(?i)aws_?secret\w*[\"']?\s*[:=]\s*[\"']?[0-9a-z/+]{40}\b",
    "a GitHub token": r"\b(?:gh[pousr]_[0-9A-Za-z]{36,}|github_pat_[0-9A-Za-z_]{50,})",
    "a Slack token": r"\bxox[abeoprs]-[0-9A-Za-z-]{10,}",
    "a Google API key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "a model provider's key": r"\bsk-(?:ant-|proj-)?[0-9A-Za-z_-]{24,}",
    "a Stripe or webhook secret": r"\b(?:[rs]k_live_|whsec_)[0-9A-Za-z+/=]{20,}",
    "a PyPI token": r"\bpypi-AgE[0-9A-Za-z_-]{50,}",
    "a JSON web token": r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
    "a password in a URL": r"\b[a-z][a-z0-9+.-]*://[^\s/:@\"'`{}<>$]+:[^\s/@\"'`{}<>$]+@",
    "a written-down secret": (
        r"(?i)\b\w*(?:passw(?:or)?d|secret|token|api_?key)[\"']?\s*[:=]\s*"
        r"[\"'][0-9a-z+/=_.!@#%^&*-]{12,}[\"']"
    ),
}

EXEMPTION = re.compile(r"\bsecret-ok: \S+")
# Hashes and generated names look like secrets and are written by machines.
GENERATED = frozenset({"uv.lock", "package-lock.json"})


def check(root: Path) -> list[Problem]:
    found: list[Problem] = []
    for path in files(root):
        text = text_of(root / path) if path.name not in GENERATED else None
        if text is not None:
            found.extend(check_text(path, text))
    return found


def check_text(path: Path, text: str) -> Iterator[Problem]:
    for number, line in enumerate(text.splitlines(), 1):
        if EXEMPTION.search(line):
            continue
        for kind, pattern in PATTERNS.items():
            if re.search(pattern, line):
                yield Problem(path, number, f"looks like {kind}")


if __name__ == "__main__":
    sys.exit(report("secrets", check(Path.cwd())))
