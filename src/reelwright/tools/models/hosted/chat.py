"""Vision and language models through pydantic-ai: OpenAI's chat completions and whatever speaks
like them, Anthropic's messages, Google's generateContent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.tools.models.hosted import reaching
from reelwright.tools.models.kinds import ModelIdentity, PromptAsk, Said, Usage
from reelwright.tools.models.prices import is_free
from reelwright.tools.models.providers import ModelSpec

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import Model, ModelRequestParameters
    from pydantic_ai.settings import ModelSettings

_ANSWER = "answer"


def identify(spec: ModelSpec) -> ModelIdentity:
    """Raises MODEL_UNAVAILABLE."""
    return reaching.identify(spec, library="pydantic_ai")


def make(spec: ModelSpec) -> Chat:
    return Chat(spec)


class Chat:
    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self.identity = identify(spec)
        self.is_local = is_free(spec)

    async def answer(self, ask: PromptAsk) -> tuple[Said, Usage]:
        """The text, or the object as JSON text: whether it has the form is for the door to check.
        Raises what `Provider` says."""
        await asyncio.to_thread(_import, self.spec.provider)
        from pydantic_ai.direct import model_request

        async with self._model() as model, asyncio.timeout(self.spec.timeout_s):
            response = await model_request(
                model,
                _messages(ask),
                model_settings=self._settings(ask),
                model_request_parameters=_parameters(model, ask),
                instrument=False,
            )
        return self._said(response, ask), _usage(response)

    async def stream(self, ask: PromptAsk) -> AsyncIterator[str | Usage]:
        """Pieces of text as they come, at last what it took. Raises as `answer`; NETWORK_RESET
        where the stream ends too early."""
        await asyncio.to_thread(_import, self.spec.provider)
        from pydantic_ai.direct import model_request_stream

        async with (
            self._model() as model,
            model_request_stream(
                model,
                _messages(ask),
                model_settings=self._settings(ask),
                model_request_parameters=_parameters(model, ask),
                instrument=False,
            ) as stream,
        ):
            async for event in stream:
                if piece := _piece(event):
                    yield piece
            response = stream.get()
        self._said(response, ask)
        yield _usage(response)

    async def close(self) -> None:
        """A call's connection ends with it."""

    @asynccontextmanager
    async def _model(self) -> AsyncIterator[Model]:
        """One client a call: a connection belongs to the event loop that made it."""
        import httpx2
        from pydantic_ai import exceptions

        try:
            async with httpx2.AsyncClient(
                timeout=self.spec.timeout_s,
                verify=reaching.trust(),
                headers=reaching.own_headers(),
            ) as client:
                yield _made(self.spec, client)
        except exceptions.ModelHTTPError as error:
            raise reaching.status_failure(
                self.spec, error.status_code, _told(error), error.retry_after
            ) from error
        except exceptions.ContentFilterError as error:
            raise self._refused(str(error)) from error
        except (exceptions.ModelConnectionError, httpx2.HTTPError, TimeoutError) as error:
            raise reaching.network_failure(self.spec, error) from error
        except exceptions.UnexpectedModelBehavior as error:
            raise reaching.invalid(self.spec, str(error)) from error
        except exceptions.AgentRunError as error:
            raise ReelError(
                Code.MODEL_FAILED, reaching.without_key(self.spec, f"{self.spec.name}: {error}")
            ) from error
        except exceptions.UserError as error:
            raise ReelError(
                Code.MODEL_REFUSED, reaching.without_key(self.spec, f"{self.spec.name}: {error}")
            ) from error

    def _settings(self, ask: PromptAsk) -> ModelSettings:
        return {"max_tokens": ask.max_tokens, "timeout": self.spec.timeout_s}

    def _said(self, response: ModelResponse, ask: PromptAsk) -> Said:
        from pydantic_ai.messages import TextPart, ToolCallPart

        if response.finish_reason == "content_filter":
            raise self._refused(str((response.provider_details or {}).get("refusal", "")))
        called = [p for p in response.parts if isinstance(p, ToolCallPart)]
        text = "".join(p.content for p in response.parts if isinstance(p, TextPart))
        if ask.schema is not None and called:
            given = called[0].args
            text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
        if response.finish_reason == "length":
            raise reaching.invalid(
                self.spec, f"the answer was cut off after {ask.max_tokens} tokens"
            )
        return Said(text=text)

    def _refused(self, why: str) -> ReelError:
        text = f"{self.spec.name} refuses to answer" + (f": {why}" if why else "")
        return ReelError(Code.MODEL_REFUSED, reaching.without_key(self.spec, text))


def _import(provider: str) -> None:
    """Takes a second or two of CPU: not on an event loop."""
    import pydantic_ai.direct

    if provider == "anthropic":
        import pydantic_ai.models.anthropic
    elif provider == "google":
        import pydantic_ai.models.google
    else:
        import pydantic_ai.models.openai  # noqa: F401


def _made(spec: ModelSpec, client: Any) -> Model:
    if spec.provider == "anthropic":
        return _anthropic(spec, client)
    return _google(spec, client) if spec.provider == "google" else _openai(spec, client)


def _google(spec: ModelSpec, client: Any) -> Model:
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    own = GoogleProvider(api_key=spec.key or "none", base_url=spec.url, http_client=client)
    return GoogleModel(spec.model, provider=own)


def _openai(spec: ModelSpec, client: Any) -> Model:
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai import OpenAIProvider

    # `Models` tries again, and counts what it does.
    openai = AsyncOpenAI(
        api_key=spec.key or "none", base_url=spec.url, http_client=client, max_retries=0
    )
    own = OpenAIProvider(openai_client=openai)
    if spec.provider == "openai":
        return OpenAIChatModel(spec.model, provider=own)
    # Ollama knows the older name of the bound alone, and would write without end.
    older = OpenAIModelProfile(openai_chat_supports_max_completion_tokens=False)
    return OpenAIChatModel(spec.model, provider=own, profile=older)


def _anthropic(spec: ModelSpec, client: Any) -> Model:
    from anthropic import AsyncAnthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    anthropic = AsyncAnthropic(
        api_key=spec.key or "none", base_url=spec.url, http_client=client, max_retries=0
    )
    return AnthropicModel(spec.model, provider=AnthropicProvider(anthropic_client=anthropic))


def _messages(ask: PromptAsk) -> list[ModelMessage]:
    from pydantic_ai.messages import BinaryContent, ModelRequest, SystemPromptPart, UserPromptPart

    pictures = [BinaryContent(data=one, media_type=_media_type(one)) for one in ask.images]
    content: Any = [*pictures, ask.user] if pictures else ask.user
    system = [SystemPromptPart(content=ask.system)] if ask.system else []
    return [ModelRequest(parts=[*system, UserPromptPart(content=content)])]


def _parameters(model: Model, ask: PromptAsk) -> ModelRequestParameters:
    """Structured output where the model has it, else the one tool that it must call."""
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.output import OutputObjectDefinition
    from pydantic_ai.tools import ToolDefinition

    if ask.schema is None:
        return ModelRequestParameters()
    schema = json.loads(json.dumps(dict(ask.schema)))
    if model.profile.get("supports_json_schema_output"):
        form = OutputObjectDefinition(json_schema=schema, name=_ANSWER)
        return ModelRequestParameters(output_mode="native", output_object=form)
    tool = ToolDefinition(name=_ANSWER, parameters_json_schema=schema, kind="output")
    return ModelRequestParameters(output_mode="tool", output_tools=[tool], allow_text_output=False)


def _usage(response: ModelResponse) -> Usage:
    """Tokens are unknown, not none, where the answer does not say."""
    used = response.usage
    is_told = bool(used.input_tokens or used.output_tokens)
    return Usage(
        input_tokens=used.input_tokens if is_told else None,
        output_tokens=used.output_tokens if is_told else None,
        model=response.model_name,
    )


def _piece(event: Any) -> str:
    from pydantic_ai.messages import PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta

    if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
        return event.part.content
    if isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
        return event.delta.content_delta
    return ""


def _told(error: Any) -> str:
    body = error.body
    if isinstance(body, dict):
        inner = body.get("error", body)
        if isinstance(inner, dict) and inner.get("message"):
            return str(inner["message"])
    return str(body or error)


def _media_type(image: bytes) -> str:
    return "image/png" if image.startswith(b"\x89PNG") else "image/jpeg"
