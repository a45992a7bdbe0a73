"""Prompts: versioned files, ``NAME/VERSION.yaml``, those of the package and those of the user.

A template is text; ``{{name}}`` stands for an input, and nothing else is done with it: no code, no
loops, and what an input says is never looked at for further braces.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from reelwright.errors import Code, ReelError
from reelwright.tools.models.kinds import PromptAsk

_HOLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_KEYS = {"name", "version", "description", "inputs", "schema", "system", "user"}
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list, tuple),
    "object": (dict,),
}
_LARGEST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptInput:
    """`type` is one of JSON Schema's; an input without `default` must be given."""

    name: str
    type: str = "string"
    description: str = ""
    default: Any = None
    is_required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt as its file has it. `schema` (JSON Schema): the answer's form, None for a text.
    `is_own`: the user's, not the package's."""

    name: str
    version: int
    description: str
    inputs: tuple[PromptInput, ...]
    system: str
    user: str
    schema: Mapping[str, Any] | None = None
    path: Path = field(default=Path(), compare=False)
    is_own: bool = False

    @property
    def label(self) -> str:
        """``describe@2``"""
        return f"{self.name}@{self.version}"

    @property
    def digest(self) -> str:
        """SHA-256 of what models see of it."""
        body = json.dumps([self.system, self.user, self.schema], sort_keys=True)
        return hashlib.sha256(body.encode()).hexdigest()

    def ask(
        self,
        inputs: Mapping[str, Any],
        *,
        images: tuple[bytes, ...] = (),
        max_tokens: int = 2048,
    ) -> PromptAsk:
        """The prompt filled in. Raises PROMPT_INVALID for an input that is missing, unknown or of
        another type."""
        given = self._checked(inputs)
        return PromptAsk(
            prompt=self.label,
            system=_fill(self.system, given),
            user=_fill(self.user, given),
            schema=self.schema,
            images=images,
            inputs=given,
            max_tokens=max_tokens,
        )

    def _checked(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        known = {one.name: one for one in self.inputs}
        for name in inputs:
            if name not in known:
                raise _invalid(
                    f"it has no input '{name}', but {', '.join(known) or 'none'}", self.label
                )
        given: dict[str, Any] = {}
        for one in self.inputs:
            if one.name not in inputs and one.is_required:
                raise _invalid(f"its input '{one.name}' is missing", self.label)
            value = inputs.get(one.name, one.default)
            if value is not None and not _is_a(value, one.type):
                raise _invalid(
                    f"its input '{one.name}' is to be of type {one.type}, not {value!r:.80}",
                    self.label,
                )
            given[one.name] = value
        return given


@dataclass(frozen=True, slots=True)
class Prompts:
    """The prompts there are: `own` (a folder of the user's) goes before the package's."""

    own: Path | None = None

    def get(self, name: str) -> Prompt:
        """``describe`` is its newest version; ``describe@1`` that one. Raises PROMPT_UNKNOWN,
        PROMPT_INVALID."""
        base, _, version = name.partition("@")
        places = self._versions(base) if _NAME.fullmatch(base) else {}
        number = max(places, default=0) if not version else _number(version)
        if number not in places:
            of = f" in version {version}" if places else ""
            raise ReelError(Code.PROMPT_UNKNOWN, f"there is no prompt '{base}'{of}", where=name)
        path, is_own = places[number]
        return _load(path, base, number, is_own=is_own)

    def all(self) -> Iterator[Prompt]:
        """Every version of every prompt. Raises PROMPT_INVALID."""
        names = {
            place.name
            for folder, _ in self._folders()
            for place in _listed(folder)
            if place.is_dir() and _NAME.fullmatch(place.name)
        }
        for name in sorted(names):
            for number, (path, is_own) in sorted(self._versions(name).items()):
                yield _load(path, name, number, is_own=is_own)

    def digest(self) -> str:
        """Of the user's own files: what is asked with them depends on it. Empty: there are none."""
        if self.own is None:
            return ""
        paths = [path for name in _listed(self.own) for path in _listed(name)]
        own = [
            f"{path.parent.name}/{path.name}:{hashlib.sha256(path.read_bytes()).hexdigest()}"
            for path in paths
            if path.suffix in (".yaml", ".yml") and path.is_file()
        ]
        return hashlib.sha256("\n".join(own).encode()).hexdigest() if own else ""

    def _versions(self, name: str) -> dict[int, tuple[Path, bool]]:
        found: dict[int, tuple[Path, bool]] = {}
        for folder, is_own in self._folders():
            for path in _listed(folder / name):
                if path.suffix in (".yaml", ".yml") and path.stem.isdigit():
                    found[int(path.stem)] = (path, is_own)
        return found

    def _folders(self) -> list[tuple[Path, bool]]:
        """Later ones go before earlier ones."""
        ours = Path(str(files("reelwright.operators.analyse") / "prompts"))
        return [(ours, False), *([(self.own, True)] if self.own is not None else [])]


def parse(text: str, *, path: Path, is_own: bool = False) -> Prompt:
    """A prompt's file. Raises PROMPT_INVALID with its path."""
    try:
        body = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _invalid(f"it is no YAML: {error}", path) from error
    if not isinstance(body, dict):
        raise _invalid("it is to be a map: name, version, …", path)
    if unknown := set(map(str, body)) - _KEYS:
        raise _invalid(f"'{min(unknown)}' is no key of a prompt: {', '.join(sorted(_KEYS))}", path)
    prompt = Prompt(
        name=_of(body, "name", str, path),
        version=_of(body, "version", int, path),
        description=_of(body, "description", str, path),
        inputs=_inputs(body.get("inputs") or {}, path),
        system=_of(body, "system", str, path, default=""),
        user=_of(body, "user", str, path),
        schema=_schema(body.get("schema"), path),
        path=path,
        is_own=is_own,
    )
    _check_holes(prompt, path)
    return prompt


def _load(path: Path, name: str, number: int, *, is_own: bool) -> Prompt:
    try:
        stat = path.stat()
        found = _read(path, stat.st_size, stat.st_mtime_ns, is_own=is_own)
    except OSError as error:
        raise _invalid(f"it cannot be read: {error.strerror}", path) from error
    if (found.name, found.version) != (name, number):
        raise _invalid(f"it says that it is {found.label}, and lies at {name}/{number}", path)
    return found


@lru_cache(maxsize=256)
def _read(path: Path, size_bytes: int, _mtime_ns: int, *, is_own: bool) -> Prompt:
    if size_bytes > _LARGEST_BYTES:
        raise _invalid(f"it has {size_bytes} bytes; {_LARGEST_BYTES} are allowed", path)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _invalid("it is no UTF-8", path) from error
    return parse(text, path=path, is_own=is_own)


def _inputs(body: Any, path: Path) -> tuple[PromptInput, ...]:
    if not isinstance(body, dict):
        raise _invalid("`inputs` is to be a map of names", path)
    found = []
    for name, given in body.items():
        told = {"type": given} if isinstance(given, str) else given or {}
        if not isinstance(told, dict) or told.keys() - {"type", "description", "default"}:
            raise _invalid(f"input '{name}' has a type, a description and a default", path)
        if told.get("type", "string") not in _TYPES:
            raise _invalid(f"input '{name}' is of type {', '.join(_TYPES)}", path)
        found.append(
            PromptInput(
                name=str(name),
                type=told.get("type", "string"),
                description=str(told.get("description", "")),
                default=told.get("default"),
                is_required="default" not in told,
            )
        )
    return tuple(found)


def _schema(body: Any, path: Path) -> Mapping[str, Any] | None:
    if body is None:
        return None
    from jsonschema import Draft202012Validator, SchemaError

    if not isinstance(body, dict) or body.get("type") != "object":
        raise _invalid("`schema` is to be a JSON Schema of type object", path)
    try:
        Draft202012Validator.check_schema(body)
    except SchemaError as error:
        raise _invalid(f"`schema` is no JSON Schema: {error.message}", path) from error
    return body


def _check_holes(prompt: Prompt, path: Path) -> None:
    known = {one.name for one in prompt.inputs}
    used = {hole for text in (prompt.system, prompt.user) for hole in _HOLE.findall(text)}
    if missing := used - known:
        raise _invalid(f"'{{{{{min(missing)}}}}}' is none of its inputs", path)


def _of(body: dict[str, Any], key: str, of: type, path: Path, *, default: Any = None) -> Any:
    value: Any = body.get(key, default)
    is_wrong = not isinstance(value, of) or isinstance(value, bool)
    if is_wrong or (value == "" and default is None):
        raise _invalid(f"`{key}` is missing, or is no {'number' if of is int else 'text'}", path)
    if key == "name" and not _NAME.fullmatch(value):
        raise _invalid("`name` has small letters, digits and dashes", path)
    if key == "version" and value < 1:
        raise _invalid("`version` counts from 1", path)
    return value


def _fill(template: str, given: Mapping[str, Any]) -> str:
    return _HOLE.sub(lambda hole: _text(given[hole.group(1)]), template)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _is_a(value: Any, of: str) -> bool:
    if isinstance(value, bool):
        return of == "boolean"
    return isinstance(value, _TYPES[of])


def _number(text: str) -> int:
    return int(text) if text.isdigit() and len(text) < 10 else 0


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _invalid(message: str, where: Path | str) -> ReelError:
    return ReelError(Code.PROMPT_INVALID, message, where=str(where))
