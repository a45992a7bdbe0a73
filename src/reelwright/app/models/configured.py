"""What the settings, and the customary variables of the providers, say about models."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from reelwright.app.settings_sections import Limits, Models
from reelwright.tools.models.chains import Configured
from reelwright.tools.models.kinds import ModelKind

# Where keys are looked for, beside the settings.
_VARIABLES = {
    "openai": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "google": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
}
# More threads make one model faster by less and less; more copies of it answer more at a time.
_THREADS = 4


def configured(
    models: Models, limits: Limits, home: Path, environ: Mapping[str, str] | None = None
) -> Configured:
    """Pure, but for `environ` (default: this process's)."""
    from reelwright.app.machine import cores

    env = os.environ if environ is None else environ
    cpus = max(1, int(limits.cpus or cores()))
    chains = {kind: getattr(models, kind.value.replace("-", "_")) for kind in ModelKind}
    urls = {
        "openai": models.openai_url,
        "anthropic": models.anthropic_url,
        "google": models.google_url,
    }
    if models.local_url is not None:
        urls["local"] = models.local_url
    return Configured(
        chains=chains,
        folder=models.folder or home / "models",
        urls=urls,
        keys=_keys(models, env),
        timeout_s=models.timeout_s,
        idle_s=models.idle_s,
        threads=min(_THREADS, cpus),
        copies=max(1, cpus // _THREADS),
        at_once=models.at_once,
        attempts=models.attempts,
        prompts=models.prompts,
        gateways=frozenset(filter(None, map(str.strip, models.gateways.split(",")))),
    )


def _keys(models: Models, env: Mapping[str, str]) -> dict[str, str]:
    told = {
        "openai": models.openai_key,
        "anthropic": models.anthropic_key,
        "google": models.google_key,
        "local": models.local_key,
    }
    found: dict[str, str] = {}
    for provider, key in told.items():
        names = _VARIABLES.get(provider, ())
        value = key or next((env[name] for name in names if env.get(name)), None)
        if value:
            found[provider] = value
    return found
