"""Chains of models: what the settings say, and what is taken where they say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reelwright.errors import Code, ReelError
from reelwright.tools.models import providers
from reelwright.tools.models.kinds import ModelKind
from reelwright.tools.models.providers import DEFAULTS, ModelSpec

OLLAMA_URL = "http://127.0.0.1:11434/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """What was configured. `chains` by kind: ``openai:gpt-5-mini, local:llama3``; `urls` and `keys`
    by provider. `folder`: where weights are. `prompts`: the user's own. `gateways`: providers that
    cost though their address is the user's own."""

    chains: Mapping[ModelKind, str] = field(default_factory=dict)
    folder: Path = Path()
    urls: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 120.0
    idle_s: float = 300.0
    threads: int = 2
    copies: int = 1
    at_once: int = 4
    attempts: int = 3
    prompts: Path | None = None
    gateways: frozenset[str] = frozenset()

    def chain(self, kind: ModelKind) -> tuple[ModelSpec, ...]:
        """The chain of `kind`, in order; empty where there is none. Raises CONFIG_INVALID."""
        text = self.chains.get(kind, "").strip()
        if text:
            return self.parse(kind, text)
        return tuple(spec for name in DEFAULTS[kind] if is_there(spec := self.spec(kind, name)))

    def parse(self, kind: ModelKind, text: str) -> tuple[ModelSpec, ...]:
        """Raises CONFIG_INVALID for a provider that is not known, or an empty member."""
        members = [member.strip() for member in text.split(",")]
        if not all(members):
            raise ReelError(
                Code.CONFIG_INVALID,
                f"a chain of models has an empty member: '{text}'",
                where=providers.setting(kind),
                hint="write provider:model, with commas: openai:gpt-5-mini,local:llama3",
            )
        return tuple(self.spec(kind, member) for member in members)

    def spec(self, kind: ModelKind, member: str) -> ModelSpec:
        """Raises CONFIG_INVALID."""
        provider, _, model = member.partition(":")
        provider, model = provider.strip(), model.strip()
        url = self.urls.get(provider)
        if url is None and provider in ("local", "ollama"):
            url = self.urls.get("local", OLLAMA_URL)
        spec = ModelSpec(
            kind=kind,
            provider=provider,
            model=model,
            folder=self.folder,
            url=url,
            key=self.keys.get("local" if provider == "ollama" else provider),
            timeout_s=self.timeout_s,
            threads=self.threads,
            options={"is_gateway": True} if provider in self.gateways else {},
        )
        providers.entry(spec)
        return spec


def is_there(spec: ModelSpec) -> bool:
    """Whether its provider could serve, as far as can be seen without loading it."""
    try:
        providers.identify(spec)
    except ReelError:
        return False
    return True
