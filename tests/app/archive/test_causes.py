"""What a failure means for a video."""

from __future__ import annotations

import pytest

from reelwright.app.archive.causes import listing_wait_s, verdict
from reelwright.errors import Code
from reelwright.store.entries import EntryState


@pytest.mark.parametrize("code", [Code.VIDEO_GONE, Code.VIDEO_BLOCKED, Code.HTTP_NOT_FOUND])
def test_gone_is_gone(code: Code) -> None:
    found = verdict(code, 1, attempts=5)
    assert (found.state, found.wait_s) == (EntryState.GONE, None)


@pytest.mark.parametrize(
    "code",
    [
        Code.VIDEO_PRIVATE,
        Code.VIDEO_MEMBERS_ONLY,
        Code.VIDEO_DRM,
        Code.VIDEO_GEO_BLOCKED,
        Code.VIDEO_AGE_GATED,
        Code.VIDEO_LOGIN,
        Code.HTTP_FORBIDDEN,
        Code.FORMAT_UNAVAILABLE,
        Code.EXTRACTOR_UNSUPPORTED,
    ],
)
def test_somebody_has_to_do_something(code: Code) -> None:
    found = verdict(code, 1, attempts=5)
    assert (found.state, found.wait_s) == (EntryState.FAILED, None)


@pytest.mark.parametrize("code", [c for c in Code if c.retryable])
def test_what_may_pass_is_tried_again_later_and_later(code: Code) -> None:
    waits = [verdict(code, tries, attempts=5).wait_s for tries in range(1, 6)]
    assert all(wait is not None and wait > 0 for wait in waits)
    assert waits[-1] is not None
    assert waits[0] is not None
    assert waits[-1] > waits[0]
    assert verdict(code, 6, attempts=5).wait_s is None


def test_a_site_that_names_a_time_is_believed_within_reason() -> None:
    found = verdict(Code.HTTP_RATE_LIMITED, 1, attempts=5, asked_s=7200.0).wait_s
    assert found is not None
    assert found >= 7200.0
    long = verdict(Code.HTTP_RATE_LIMITED, 1, attempts=5, asked_s=1e9).wait_s
    assert long == 86_400.0


def test_no_attempts_means_none() -> None:
    assert verdict(Code.NETWORK_TIMEOUT, 1, attempts=0).wait_s is None


def test_lists() -> None:
    assert listing_wait_s(Code.VIDEO_GONE, 1) is None
    assert listing_wait_s(Code.NETWORK_TIMEOUT, 1) is not None
    assert listing_wait_s(Code.NETWORK_TIMEOUT, 50) is None
