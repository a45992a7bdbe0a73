"""The generated client is what the service's document gives."""

from pathlib import Path
from typing import Any

import pytest

from scripts import client_models, generate_client


@pytest.fixture(scope="module")
def document() -> Any:
    return generate_client.document()


def test_the_files_that_are_checked_in_are_what_the_document_gives(document: Any) -> None:
    wanted = generate_client.generated(document)

    differ = [str(path) for path, text in wanted.items() if not _is(path, text)]

    assert not differ, "run `make client`"
    twins = {path.name for path in (generate_client.FOLDER / "synchronous").glob("*.py")}
    assert twins == {path.name for path in (generate_client.FOLDER / "asynchronous").glob("*.py")}


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text("utf-8") == text


def test_every_operation_has_a_method_in_both_clients(document: Any) -> None:
    from reelwright.client import AsyncClient, Client

    names = {
        operation["operationId"]
        for item in document["paths"].values()
        for verb, operation in item.items()
        if verb in generate_client._METHODS
    }

    assert len(names) > 30
    for name in names:
        assert callable(getattr(Client, name)), name
        assert callable(getattr(AsyncClient, name)), name


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, "str"),
        ({"type": ["string", "null"]}, "str | None"),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, "int | None"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Job"}}, "list[Job]"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "dict[str, float]"),
        ({"type": "object"}, "dict[str, Any]"),
        ({"enum": ["a", 1, None]}, 'Literal["a", 1, None]'),
        ({"const": True}, "Literal[True]"),
        ({"$ref": "#/components/schemas/JobSpec"}, "Mapping[str, Any]"),
        ({"allOf": [{"$ref": "#/components/schemas/Key"}]}, "Key"),
        ({}, "Any"),
    ],
)
def test_a_schema_has_its_type(schema: dict[str, Any], kind: str) -> None:
    assert client_models.type_of(schema) == kind


def test_names_hide_nothing_of_python() -> None:
    assert client_models.name_of("set") == "set_"
    assert client_models.name_of("from") == "from_"
    assert client_models.name_of("Upload-Length") == "upload_length"


def test_a_field_with_a_taken_name_keeps_it_on_the_wire() -> None:
    schema = {
        "required": ["schema"],
        "properties": {
            "schema": {"type": "object", "description": "Of it."},
            "inner": {"type": "object", "properties": {"n": {"type": "integer"}}},
        },
    }

    page = client_models.models_page({"components": {"schemas": {"Thing": schema}}}, '"""{}"""')
    space: dict[str, Any] = {}
    exec(compile(page, "page", "exec", dont_inherit=True), space)
    space["Thing"].model_rebuild(_types_namespace=space)
    found = space["Thing"].model_validate({"schema": {"a": 1}, "inner": {"n": 2}, "more": 3})

    assert found.schema_ == {"a": 1}
    assert found.inner.n == 2
    assert found.model_dump(by_alias=True)["schema"] == {"a": 1}
    assert found.model_extra == {"more": 3}


def test_the_twin_waits_for_nothing() -> None:
    text = (
        "async def a(x: AsyncIterator[int]) -> None:\n"
        "    async with b() as c:\n"
        "        async for d in c.aiter_bytes():\n"
        "            await e(d)\n"
        "    await f.aclose()\n"
    )

    assert generate_client.synchronous(text, "x.py").splitlines()[1:] == [
        "def a(x: Iterator[int]) -> None:",
        "    with b() as c:",
        "        for d in c.iter_bytes():",
        "            e(d)",
        "    f.close()",
    ]
