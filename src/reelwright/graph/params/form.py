"""How a parameter type is declared: one function that converts, one schema, one list of examples.

Pydantic calls `Form` for validation and for the JSON Schema; the message of a refusal is complete
(what was given, what is allowed), so that it reads the same in the terminal and in the API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, get_args

from pydantic_core import CoreSchema, PydanticCustomError, core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

# The `type` of a pydantic error whose message is ours already.
ERROR_TYPE = "form"

# Pydantic's bounds as JSON Schema has them.
_BOUNDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}


class WrittenNumber(float):
    """A number with the text it was written as, so that 0.1 can be one tenth and not its double."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> WrittenNumber:
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __reduce__(self) -> tuple[type[WrittenNumber], tuple[str]]:
        return WrittenNumber, (self.text,)


@dataclass(frozen=True)
class Form:
    """`parse` converts or raises ValueError; `allowed` ends the sentence "... is not a <title>:".

    `text` gives the canonical text of a value, which `parse` reads back: it is what is stored and
    hashed. `context` hands the validation context to `parse` as a second argument.
    """

    title: str
    allowed: str
    parse: Callable[..., Any]
    schema: Mapping[str, Any]
    examples: tuple[Any, ...] = ()
    text: Callable[[Any], Any] = str
    context: bool = False
    description: str = ""

    def __hash__(self) -> int:
        return hash((self.title, self.parse))

    def convert(self, value: Any, context: Any = None) -> Any:
        """Raises PydanticCustomError of type `ERROR_TYPE` with the whole sentence."""
        try:
            return self.parse(value, context or {}) if self.context else self.parse(value)
        except (ValueError, ZeroDivisionError, OverflowError) as error:
            details = {"text": self._sentence(value, str(error)), "allowed": self.allowed}
            raise PydanticCustomError(ERROR_TYPE, "{text}", details) from None

    def _sentence(self, value: Any, reason: str) -> str:
        article = "an" if self.title[0] in "aeio" else "a"
        return told(f"{shown(value)} is not {article} {self.title}", reason, self.allowed)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        write = core_schema.plain_serializer_function_ser_schema(self._serialise, when_used="json")
        convert: CoreSchema
        if self.context:
            convert = core_schema.with_info_plain_validator_function(
                lambda value, info: self.convert(value, info.context), serialization=write
            )
        else:
            convert = core_schema.no_info_plain_validator_function(
                self.convert, serialization=write
            )
        # Bounds of `Field(ge=1)` arrive as part of the inner schema; without it they were lost.
        inner = handler(source)
        if inner["type"] not in ("int", "float"):
            return convert
        return core_schema.chain_schema([convert, inner], serialization=write)

    def _serialise(self, value: Any) -> Any:
        # Union members share a serialiser: None and foreign values pass.
        return None if value is None else self.text(value)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        body = self.json_schema()
        if schema["type"] == "chain":
            inner = schema["steps"][1]
            body |= {word: inner[key] for key, word in _BOUNDS.items() if key in inner}
        return body

    def json_schema(self) -> dict[str, Any]:
        body: dict[str, Any] = {"title": self.title, "x-type": self.title, **self.schema}
        body["description"] = self.description or self.allowed
        if self.examples:
            body["examples"] = list(self.examples)
        return body


def form_of(annotated: Any) -> Form:
    """The form of one of the parameter types, for fields that are no model's."""
    found = get_args(annotated)[1]
    assert isinstance(found, Form)
    return found


def told(refusal: str, reason: str, allowed: str) -> str:
    """One sentence of what was given, why not, and what is allowed."""
    if reason.startswith("did you mean"):
        return f"{refusal}, {reason} {allowed[0].upper()}{allowed[1:]}"
    return f"{refusal} ({reason}); {allowed}" if reason else f"{refusal}; {allowed}"


def shown(value: Any) -> str:
    """A value as the message quotes it: short, and never a Python name for a YAML word."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, WrittenNumber):
        return value.text
    if isinstance(value, str):
        return f"'{value if len(value) <= 60 else value[:57] + '...'}'"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return str(value)[:60]


def exact(value: Any) -> Fraction | None:
    """An int, a float (by its shortest text), a Fraction as Fraction; None for anything else.

    Raises ValueError for infinities and NaN.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | Fraction):
        return Fraction(value)
    if isinstance(value, WrittenNumber):
        return Fraction(_finite(value.text))
    if isinstance(value, float):
        return Fraction(_finite(repr(value)))
    return None


def _finite(text: str) -> str:
    if any(c in text for c in "nN"):
        raise ValueError("it must be a finite number")
    return text


def number_or_text(value: Any) -> Fraction | str:
    """The two things that most forms are written as. Raises ValueError for the others."""
    number = exact(value)
    if number is not None:
        return number
    if isinstance(value, str):
        return value.strip()
    raise ValueError("" if value is not None else "nothing was given; a '#' starts a comment")
