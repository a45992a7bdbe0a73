"""What Ray's own words mean, for whoever starts a node or calls an actor."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path

from reelwright.errors import Code, ReelError

_INSTALL = "pip install 'reelwright[cluster]' (from the sources: uv sync --extra cluster)"
_NEVER_MIND = re.compile(r"^\s*$|INFO|SUCC|^\s*~*\^*$")


def check_installed() -> None:
    """Raises TOOL_MISSING where Ray is not installed here."""
    if importlib.util.find_spec("ray") is None:
        raise ReelError(Code.TOOL_MISSING, "Ray is not installed", where="ray", hint=_INSTALL)


def why_not_started(head: str, lines: Sequence[str], code: int, log: Path) -> ReelError:
    """Why a node ended, from what `ray start` said last."""
    evidence = {"exit_code": code, "log": str(log), "said": list(lines)[-20:]}
    text = "\n".join(lines)
    if "Version mismatch" in text:
        return ReelError(Code.NODE_REFUSED, _versions(text), where=head, evidence=evidence)
    if "AuthenticationError" in text or "InvalidAuthToken" in text:
        return wrong_token(head)
    last = next((line for line in reversed(lines) if not _NEVER_MIND.search(line)), "")
    said = f"the node ended (exit code {code})" + (f": {last.strip()[:300]}" if last else "")
    return ReelError(Code.CLUSTER_UNAVAILABLE, said, where=head, evidence=evidence)


def wrong_token(head: str) -> ReelError:
    return ReelError(
        Code.CLUSTER_UNAVAILABLE,
        "the head does not take this token",
        where=head,
        hint="copy the token file that `reel cluster start` named to this machine",
    )


def no_head(head: str, why: str) -> ReelError:
    return ReelError(
        Code.CLUSTER_UNAVAILABLE,
        f"nothing answers at {head}: {why}",
        where=head,
        hint="is the head running there (`reel cluster start`), and may this machine reach it?",
    )


def other_versions(head: str, theirs: dict[str, str], ours: dict[str, str]) -> ReelError:
    """`theirs` and `ours`: ray, python."""
    pairs = ", ".join(
        f"{name} {ours[name]} here, {theirs[name]} there"
        for name in theirs
        if theirs[name] != ours[name]
    )
    return ReelError(
        Code.NODE_REFUSED,
        f"the cluster has other versions: {pairs}",
        where=head,
        hint="all nodes run the same Python (3.11, 3.12 …) and the same Ray",
    )


def _versions(text: str) -> str:
    found = re.findall(r"^\s*((?:Ray|Python): \S+)", text, re.MULTILINE)
    there, here = " ".join(found[:2]), " ".join(found[2:4])
    return f"the cluster has other versions: {there}; this machine: {here}"
