"""What clients of a service are told of errors and files: in HTTP's words, and without the folders
of the service.

What lies in a job's own folder (``$REEL_HOME/served/JOB``) is told by its path in there; anything
else below the home by its path in the home. Other places are those that a spec has named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from reelwright.errors import Code

# In the table of errors a hint is for whoever types commands; these say the same to programs.
HINTS: Mapping[Code, str] = {
    Code.VARIABLE_UNKNOWN: "define it under `vars`, or send `set=name=value`",
    Code.OPERATOR_UNKNOWN: "`GET /v1/operators` lists them",
    Code.PORT_UNKNOWN: "`GET /v1/operators` lists the ports of each",
    Code.STREAM_MISSING: "the input has no such stream; `POST /v1/probe` lists them",
    Code.OUTPUT_PATH: "write below the job's own folder (a relative path), or below a folder that "
    "the key may write",
    Code.OUTPUT_EXISTS: "set `overwrite` to true, or choose another path",
    Code.CONFIG_INVALID: "whoever runs the service sees why in its log",
    Code.USAGE: "send what `/openapi.json` says of this request",
    Code.INPUT_NOT_FOUND: "check the path; relative paths are in the job's own folder: upload the "
    "file, or give an absolute path or an address",
    Code.CODEC_UNSUPPORTED: "the service's FFmpeg cannot decode the codec: convert the file first",
    Code.ENCODER_MISSING: "choose another codec: the service's FFmpeg lacks this one",
    Code.FILTER_MISSING: "the service's FFmpeg lacks a filter: ask whoever runs the service",
    Code.TOOL_MISSING: "the service lacks a tool: ask whoever runs it",
    Code.TOOL_VERSION: "a tool of the service has the wrong version: ask whoever runs it",
    Code.DISK_FULL: "ask whoever runs the service for space, then retry the job",
    Code.UNAUTHENTICATED: "send `Authorization: Bearer TOKEN`; an admin makes keys by "
    "`POST /v1/keys`",
    Code.KEY_UNKNOWN: "`GET /v1/keys` lists them",
    Code.WORKER_UNKNOWN: "`GET /v1/workers` lists them",
    Code.WEBHOOK_UNKNOWN: "`GET /v1/webhooks` lists them",
    Code.ASSET_UNKNOWN: "`GET /v1/assets` lists them",
    Code.SOURCE_UNKNOWN: "`GET /v1/archive` lists what was asked for, and `GET /v1/subscriptions` "
    "what is followed",
    Code.CANCELLED: "`POST /v1/jobs/{id}/retry` runs it again",
    Code.JOB_UNKNOWN: "`GET /v1/jobs` lists them",
    Code.STEP_UNKNOWN: "`GET /v1/jobs/{id}/steps` lists the job's steps",
    Code.ATTEMPTS_EXHAUSTED: "`GET /v1/jobs/{id}/logs` shows each try; "
    "`POST /v1/jobs/{id}/retry` starts over",
    Code.INTERNAL: "this is our fault: please report it",
    Code.STORE_VERSION: "the service is older than its database: ask whoever runs it",
}
_ID = "[0-9a-hjkmnp-tv-z]{17}"
# What a path's name may go on with, or a longer path may have had before it.
_NAME = r"[\w.@%+~-]"


def hint(code: Code, own: str | None = None) -> str:
    """`own` is the occurrence's, where it has one that is not its code's."""
    if own is None or own == code.hint:
        return HINTS.get(code, code.hint)
    return own


class Told:
    """`home` is kept out of all that it gives."""

    def __init__(self, home: Path) -> None:
        self._homes = tuple(dict.fromkeys(str(p) for p in (home, home.resolve()) if str(p) != "/"))
        places = "|".join(map(re.escape, sorted(self._homes, key=len, reverse=True)))
        self._pattern = re.compile(
            rf"(?<!{_NAME})(?:{places})(?:(?P<job>/served/{_ID})(?P<below>/)?|(?P<inner>/)|(?!{_NAME}))"
        )

    def text(self, text: str) -> str:
        if not any(home in text for home in self._homes):
            return text
        return self._pattern.sub(_relative, text)

    def value(self, value: Any) -> Any:
        """JSON, with all of its texts changed so."""
        return _walk(value, self.text)

    def error(self, error: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """An error as a row keeps it (`Problem.to_json`)."""
        if error is None:
            return None
        found: dict[str, Any] = self.value(dict(error))
        try:
            code = Code.of(str(found["code"]))
        except KeyError:  # of another release
            return found
        if "hint" in found:
            found["hint"] = hint(code, found["hint"])
        # Where our own code failed is in the service's log.
        evidence = {k: v for k, v in (found.get("evidence") or {}).items() if k != "traceback"}
        if "evidence" in found:
            found["evidence"] = evidence
        if "problems" in evidence:  # all that is wrong with a spec
            told = [self.error(one) for one in evidence["problems"]]
            found["evidence"] = {**evidence, "problems": told}
        return found

    def with_error(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A job, a step, or an event of one."""
        changed: dict[str, Any] = self.value(dict(body))
        if changed.get("error") is not None:
            changed["error"] = self.error(changed["error"])
        return changed


def _relative(found: re.Match[str]) -> str:
    if found["job"]:
        return "" if found["below"] else "."
    return "" if found["inner"] else "the service's folder"


def _walk(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _walk(one, change) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_walk(one, change) for one in value]
    return value
