"""Inputs that were uploaded to a service: ``upload:ID``."""

from __future__ import annotations

import pytest

from reelwright.errors import Code, ReelError, SpecErrors
from reelwright.spec.inputs import resolve_input, upload_ids
from reelwright.spec.parse import parse_text

_A, _B = "1m7yta3dmk81ks23r", "1m7yta3dmk81ks23s"


@pytest.mark.parametrize(
    ("text", "glob", "ids", "is_list"),
    [
        (f"upload:{_A}", None, (_A,), False),
        (f"Upload:{_A.upper()}", None, (_A,), False),
        (f"upload:{_A}, {_B}", None, (_A, _B), True),
        (f"upload:{_A}", True, (_A,), True),
        (f"upload:{_A}", False, (_A,), False),
    ],
)
def test_it_names_one_upload_or_a_list(
    text: str, glob: bool | None, ids: tuple[str, ...], is_list: bool
) -> None:
    uri, found = resolve_input(text, {"base": "/work"}, glob)

    assert upload_ids(uri) == ids
    assert found is is_list


@pytest.mark.parametrize(
    "text", ["upload:", "upload:../../etc/passwd", f"upload:{_A},", "upload:x"]
)
def test_anything_else_is_no_upload(text: str) -> None:
    with pytest.raises(ReelError) as caught:
        resolve_input(text, {})

    assert caught.value.code is Code.FIELD_INVALID
    assert "./upload:" in str(caught.value.problem.hint)


def test_several_are_no_single_file() -> None:
    with pytest.raises(ReelError, match="2 uploads are a list"):
        resolve_input(f"upload:{_A},{_B}", {}, glob=False)


def test_a_file_of_that_name_and_other_inputs_are_no_uploads() -> None:
    for text in ("./upload:x", "/work/upload:x", "https://a.example/upload:x"):
        assert upload_ids(resolve_input(text, {"base": "/work"})[0]) == ()


def test_a_spec_tells_the_place() -> None:
    with pytest.raises(SpecErrors) as caught:
        parse_text("inputs: {talk: 'upload:nothing'}\noutputs:\n- {from: talk, to: a.mkv}\n")

    assert [problem.where for problem in caught.value.problems] == ["inputs.talk"]
