"""Where outputs go: inside the spec's folder unless more is allowed, each to a place of its own."""

from __future__ import annotations

import os.path
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reelwright.errors import Code, ReelError
from reelwright.graph.params.form import shown
from reelwright.spec.inputs import OBJECT_SCHEMES, absolute, check_url, local_path, url_scheme

if TYPE_CHECKING:
    from reelwright.spec.model import InputSpec
    from reelwright.spec.report import Report

_SUFFIX = re.compile(r"\.([A-Za-z0-9]{1,10})$")


def ending(to: str) -> str:
    """The file ending in lower case, without the dot; empty where there is none."""
    path = urlsplit(to).path if "://" in to else to
    found = _SUFFIX.search(posixpath.basename(path))
    return found[1].lower() if found else ""


class Destinations:
    """`allow_outside`: relative paths may leave `base`. `confined` (a service): nothing may, not
    even an absolute path."""

    def __init__(
        self,
        report: Report,
        inputs: Mapping[str, InputSpec],
        base: Path | None,
        *,
        allow_outside: bool,
        confined: bool,
    ) -> None:
        self._report = report
        self._base = None if base is None else os.path.normpath(base)
        self._allow_outside = allow_outside
        self._confined = confined
        self._taken: dict[str, str] = {}
        self._read = {i.uri: name for name, i in inputs.items() if not i.is_glob}

    def add(self, to: str, where: str) -> str | None:
        """The absolute path or URL of one output; None where it is refused, which is noted."""
        place = f"{where}.to"
        try:
            target = self._resolve(to)
        except ReelError as error:
            self._report.add(error.code, place, str(error), error.problem.hint)
            return None
        if target in self._taken:
            self._report.add(
                Code.OUTPUT_DUPLICATE, place, f"{self._taken[target]} goes to {shown(to)} already"
            )
            return None
        if target in self._read:
            self._report.add(
                Code.OUTPUT_PATH,
                place,
                f"{shown(to)} is the input '{self._read[target]}': it would be overwritten",
                "choose another path",
            )
            return None
        self._taken[target] = where
        return target

    def _resolve(self, to: str) -> str:
        if not to.strip() or "\0" in to:
            raise ReelError(Code.FIELD_INVALID, f"{shown(to)} is not a path")
        if to.endswith("/"):
            raise ReelError(
                Code.OUTPUT_PATH,
                f"{shown(to)} is a folder",
                hint="name the file in it, with its ending",
            )
        if url_scheme(to, (*OBJECT_SCHEMES, "file")) in OBJECT_SCHEMES:
            check_url(to)
            return to
        path = local_path(to)
        target = absolute(path, self._base)
        self._check_inside(to, path, target)
        return target

    def _check_inside(self, to: str, path: str, target: str) -> None:
        is_absolute = os.path.isabs(path)  # noqa: PTH117 - text only, nothing is opened
        allowed = (is_absolute or self._allow_outside) and not self._confined
        if allowed or self._is_inside(target):
            return
        if is_absolute:
            raise ReelError(
                Code.OUTPUT_PATH,
                f"{shown(to)} is an absolute path outside the job's folder",
                hint="write a path relative to the job's folder",
            )
        hint = "write below the job's folder" if self._confined else None
        raise ReelError(Code.OUTPUT_PATH, f"{shown(to)} leaves the spec's folder", hint=hint)

    def _is_inside(self, target: str) -> bool:
        if self._base is None:
            return not target.startswith(("..", "/"))
        return target.startswith(self._base.rstrip("/") + "/")
