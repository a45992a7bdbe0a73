"""The published schema says what the parser does."""

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from reelwright.errors import SpecErrors
from reelwright.operators import REGISTRY
from reelwright.spec.parse import parse_text
from reelwright.spec.schema import job_schema, params_schema
from tests.spec import sample

ERRORS = Path(__file__).resolve().parents[1] / "golden" / "spec_errors"

# What only the parser can know: other places of the spec, files, containers, variables.
BETWEEN_FIELDS = {
    "bad_names", "codec_does_not_fit", "duplicate_ids", "output_leaves_the_folder", "output_twice",
    "output_without_ending", "parameters_that_contradict", "quality_that_contradicts",
    "unknown_reference", "too_many_inputs", "which_input", "unknown_variable", "reference_form",
    "yes_is_no_boolean",  # the reader of this test makes a boolean of it
}  # fmt: skip


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(job_schema(sample.REGISTRY))


def test_the_whole_form_is_valid() -> None:
    Draft202012Validator(job_schema(sample.REGISTRY)).validate(yaml.safe_load(sample.WHOLE))


def test_variables_may_stand_anywhere() -> None:
    body = yaml.safe_load(sample.WHOLE)
    body["operations"][1]["height"] = "${height:-720}"
    body["outputs"][0]["video"]["crf"] = "${crf}"
    body["priority"] = "${priority}"
    Draft202012Validator(job_schema(sample.REGISTRY)).validate(body)


@pytest.mark.parametrize(
    "name", sorted(p.stem for p in ERRORS.glob("*.yaml") if p.stem not in BETWEEN_FIELDS)
)
def test_bad_specs_are_not_valid(name: str) -> None:
    text = (ERRORS / f"{name}.yaml").read_text(encoding="utf-8")
    try:
        body = yaml.safe_load(text)
    except yaml.YAMLError:
        return
    if name != "duplicate_key":
        assert not Draft202012Validator(job_schema(sample.REGISTRY)).is_valid(body)


def test_bounds_are_in_the_words_of_json_schema() -> None:
    height = params_schema(sample.REGISTRY.get("scale"))["properties"]["height"]
    assert (height["exclusiveMinimum"], height["maximum"]) == (0, 16384)


def test_every_operator_is_there_and_its_parameters_are_told() -> None:
    schema = job_schema()
    Draft202012Validator.check_schema(schema)
    branches = {b["$ref"] for b in schema["properties"]["operations"]["items"]["oneOf"]}
    assert branches == {f"#/$defs/operation.{name}" for name in REGISTRY.names()}
    for name in REGISTRY.names():
        operation = schema["$defs"][f"operation.{name}"]
        assert operation["description"]
        untold = [p for p, s in operation["properties"].items() if not s.get("description")]
        assert untold == [], name


def test_the_whole_form_is_valid_with_the_real_operators() -> None:
    Draft202012Validator(job_schema()).validate(yaml.safe_load(sample.WHOLE))


@pytest.mark.parametrize("name", REGISTRY.names())
def test_the_example_of_an_operator_is_valid(name: str) -> None:
    example = REGISTRY.get(name).example
    assert example, f"{name} shows no example"
    body = yaml.safe_load(example)
    operations = body if isinstance(body, list) else [body]
    spec = {"operations": operations, "outputs": [{"from": "x", "to": "x.mp4"}]}
    Draft202012Validator(job_schema()).validate(spec)


def test_an_unreadable_spec_is_no_surprise_to_either() -> None:
    with pytest.raises(SpecErrors):
        parse_text("operations: 5", registry=sample.REGISTRY)
    assert not Draft202012Validator(job_schema(sample.REGISTRY)).is_valid({"operations": 5})


@pytest.mark.parametrize(("op", "is_valid"), [("keep", True), ("scale", False)])
def test_only_a_goal_needs_no_outputs(op: str, is_valid: bool) -> None:
    fetched = {"id": "a", "op": "fetch", "url": "https://example.org/a.mp4"}
    last = {"id": "b", "op": op, "input": "a", **({} if op == "keep" else {"height": 90})}
    body = {"operations": [fetched, last]}
    assert Draft202012Validator(job_schema(REGISTRY)).is_valid(body) is is_valid
    if is_valid:
        assert not parse_text(yaml.safe_dump(body)).outputs
    else:
        with pytest.raises(SpecErrors):
            parse_text(yaml.safe_dump(body))
