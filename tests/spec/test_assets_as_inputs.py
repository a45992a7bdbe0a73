"""Inputs of the library: ``asset:ID`` and what stands beside its video."""

from __future__ import annotations

import pytest

from reelwright.errors import Code, ReelError
from reelwright.spec.inputs import ASSET_ROLES, AssetRef, asset_ref, resolve_input
from reelwright.store.asset_files import Role

_ID = "1m7yta3dmk81ks23r"


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        (f"asset:{_ID}", AssetRef(_ID)),
        (f"Asset:{_ID.upper()}", AssetRef(_ID)),
        (f"asset:{_ID}/video", AssetRef(_ID, "video")),
        (f"asset:{_ID}/video/2", AssetRef(_ID, "video", "2")),
        (f"asset:{_ID}/captions/en-US", AssetRef(_ID, "captions", "en-US")),
        (f"asset:{_ID}/Thumbnail", AssetRef(_ID, "thumbnail")),
    ],
)
def test_it_names_a_file_of_an_asset(text: str, ref: AssetRef) -> None:
    uri, is_list = resolve_input(text, {"base": "/work"})

    assert asset_ref(uri) == ref
    assert not is_list


@pytest.mark.parametrize(
    "text",
    [
        "asset:",
        "asset:x",
        "asset:../../etc/passwd",
        f"asset:{_ID}/",
        f"asset:{_ID}/nothing",
        f"asset:{_ID}/captions/",
        f"asset:{_ID}/captions/en/more",
        f"asset:{_ID}/video/first",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(ReelError) as caught:
        resolve_input(text, {})

    assert caught.value.code is Code.FIELD_INVALID
    assert "asset:ID/captions/en" in str(caught.value.problem.hint)


def test_an_asset_is_no_pattern_and_a_file_of_that_name_no_asset() -> None:
    with pytest.raises(ReelError):
        resolve_input(f"asset:{_ID}", {}, glob=True)
    assert asset_ref(resolve_input("./asset:x", {"base": "/work"})[0]) is None


def test_the_roles_are_those_of_the_library() -> None:
    assert set(ASSET_ROLES) <= {role.value for role in Role}
