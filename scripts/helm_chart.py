"""The Helm chart, rendered without Helm: values are merged and checked its way, templates by gotpl.

`helm` is in no package that can be installed with the other tools; where it is on the PATH, a test
compares what it renders with this.
"""

from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from gotpl import TemplateError
from gotpl.exts.helm import HelmTemplateEngine

CHART = Path("deploy/helm/reelwright")
NOTES = "NOTES.txt"


class ChartError(Exception):
    """The chart cannot be rendered with these values; the message names places and reasons."""


class StrictLoader(yaml.SafeLoader):
    """YAML in which no key stands twice, as Kubernetes wants it."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key in keys:
            if keys.count(key) > 1:
                raise ChartError(f"{node.start_mark}: '{key}' stands there twice")
        return super().construct_mapping(node, deep=deep)


def merged(default: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """As Helm does it: maps are merged, all else is replaced, null takes a key away."""
    found = dict(default)
    for key, value in given.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(found.get(key), Mapping):
            found[key] = merged(found[key], value)
        else:
            found[key] = value
    return found


def problems(chart: Path, values: Mapping[str, Any]) -> list[str]:
    """What values.schema.json has against them: `place: reason`."""
    schema = yaml.safe_load((chart / "values.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft7Validator(schema)
    found = sorted(validator.iter_errors(values), key=lambda error: list(map(str, error.path)))
    return [f"{'.'.join(map(str, error.path)) or 'values'}: {error.message}" for error in found]


def render(
    chart: Path,
    given: Mapping[str, Any],
    *,
    release: str = "reelwright",
    namespace: str = "reelwright",
) -> dict[str, str]:
    """Text by name of template, NOTES.txt too; empty ones are left out. Raises ChartError."""
    default = yaml.safe_load((chart / "values.yaml").read_text(encoding="utf-8"))
    values = merged(default, given)
    if wrong := problems(chart, values):
        raise ChartError("\n".join(wrong))
    about = yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8"))
    context = {
        "Values": values,
        "Chart": {key[0].upper() + key[1:]: value for key, value in about.items()},
        "Release": {
            "Name": release,
            "Namespace": namespace,
            "Service": "Helm",
            "IsInstall": True,
            "IsUpgrade": False,
            "Revision": 1,
        },
    }
    sources = {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted((chart / "templates").iterdir())
    }
    try:
        engine = HelmTemplateEngine(sources)
        texts = engine.render({name: context for name in sources if not name.startswith("_")})
    except TemplateError as error:
        raise ChartError(f"templates: {error}") from error
    return {name: text for name, text in texts.items() if text.strip()}


def objects(texts: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object with the name of its template."""
    for name, text in texts.items():
        if name != NOTES:
            for found in yaml.load_all(text, Loader=StrictLoader):
                if found is not None:
                    yield name, found
