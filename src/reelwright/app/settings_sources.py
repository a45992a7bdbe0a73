"""Reads settings from a file and the environment, checks them. Loaded only where there are any."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict
from pydantic_settings.sources import TomlConfigSettingsSource

from reelwright.app.settings import Loaded, Settings, names, variable
from reelwright.errors import Code, Problem, SpecErrors
from reelwright.graph.params.amounts import ByteSize
from reelwright.graph.params.nearest import meant


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Base(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="REEL_", env_nested_delimiter="__", extra="forbid", env_ignore_empty=True
    )


def _model(of: type[Any], base: type[BaseModel]) -> type[Any]:
    """The checking twin of a dataclass of settings: the same names, types and bounds."""
    hints = get_type_hints(of)
    made: dict[str, Any] = {}
    for entry in fields(of):
        if is_dataclass(entry.default):
            section = _model(type(entry.default), _Section)
            made[entry.name] = (section, Field(default_factory=section))
        else:
            made[entry.name] = (_type(hints[entry.name], entry.metadata), entry.default)
    return create_model(f"{of.__name__}Model", __base__=base, **made)


def _type(hint: Any, metadata: Mapping[str, Any]) -> Any:
    if metadata.get("kind") == "bytes":
        return ByteSize | None if type(None) in getattr(hint, "__args__", ()) else ByteSize
    if metadata.get("kind") == "choice":
        return Literal[metadata["choices"]]
    if metadata.get("kind") == "url":
        return Annotated[hint, Field(pattern=r"^https?://[^/\s]+")]
    bounds = {key: metadata[key] for key in ("ge", "le") if key in metadata}
    return Annotated[hint, Field(**bounds)] if bounds else hint


def read(path: Path, *, is_named: bool, environ: Mapping[str, str]) -> Loaded:
    """Raises CONFIG_INVALID, with everything that is wrong."""
    in_file = _file(path, is_named=is_named)
    in_environment = _environment(environ)
    # Each layer on its own, so that an error names the layer that it came from.
    model = _model(Settings, _Section)
    problems = [
        *_problems(model, in_file, lambda name: f"{path}: {name}"),
        *_problems(model, in_environment, variable),
    ]
    if problems:
        raise SpecErrors(problems)
    merged: dict[str, Any] = {}
    _merge(merged, in_file)
    _merge(merged, in_environment)
    sources = {name: str(path) for name in _leaves(in_file)}
    sources |= {name: variable(name) for name in _leaves(in_environment)}
    settings = _plain(Settings, model.model_validate(merged))
    return Loaded(settings, sources, path if path.is_file() else None)


def _file(path: Path, *, is_named: bool) -> dict[str, Any]:
    import tomllib

    if not path.is_file():
        if is_named:
            problem = Problem(Code.CONFIG_INVALID, f"{path} does not exist", "REEL_CONFIG")
            raise SpecErrors([problem])
        return {}
    try:
        return dict(TomlConfigSettingsSource(_Base, path)())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SpecErrors([Problem(Code.CONFIG_INVALID, f"no TOML: {error}", str(path))]) from error


def _environment(environ: Mapping[str, str]) -> dict[str, Any]:
    class Source(EnvSettingsSource):
        """pydantic-settings' own, on the mapping that was handed in."""

        def _load_env_vars(self) -> Mapping[str, str | None]:
            return {k.lower(): v for k, v in environ.items() if v}

    return dict(Source(_model(Settings, _Base))())


def _problems(
    model: type[BaseModel], values: Mapping[str, Any], place: Callable[[str], str]
) -> Iterator[Problem]:
    try:
        model.model_validate(values)
    except ValidationError as error:
        known = dict(names())
        for one in error.errors():
            name = ".".join(str(part) for part in one["loc"] if str(part).isidentifier())
            yield _problem(one, name, known, place(name))


def _problem(error: Mapping[str, Any], name: str, known: Mapping[str, Any], where: str) -> Problem:
    if error["type"] == "extra_forbidden":
        hint = meant(name, known) or f"there are: {', '.join(sorted(known))}"
        return Problem(Code.CONFIG_INVALID, f"there is no setting '{name}'", where, hint)
    about = known[name].metadata["about"] if name in known else None
    message = str(error["msg"])
    if error["type"] == "string_pattern_mismatch":
        message = f"'{error['input']}' is no URL; it begins with https:// or http://"
    return Problem(Code.CONFIG_INVALID, message, where, about)


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, Mapping):
            _merge(into.setdefault(key, {}), value)
        else:
            into[key] = value


def _plain(of: type[Any], checked: Any) -> Any:
    values: dict[str, Any] = {}
    for entry in fields(of):
        value = getattr(checked, entry.name)
        if is_dataclass(entry.default):
            value = _plain(type(entry.default), value)
        elif isinstance(value, Path):
            value = value.expanduser().absolute()
        values[entry.name] = value
    return of(**values)
