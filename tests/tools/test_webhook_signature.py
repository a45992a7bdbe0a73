"""Signatures by the values of the Standard Webhooks specification, ours and its library's alike."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import standardwebhooks

from reelwright.tools.webhook_signature import headers, new_secret, sign, verify

# tests/test_webhooks.py of standard-webhooks/standard-webhooks.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # secret-ok: of the specification's tests
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="


def received(**changes: str | None) -> dict[str, str]:
    found: dict[str, str | None] = {
        "webhook-id": ID,
        "webhook-timestamp": str(AT),
        "webhook-signature": SIGNATURE,
    }
    found |= {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in found.items() if value is not None}


def test_the_vector() -> None:
    assert sign(ID, AT, BODY, SECRET) == SIGNATURE
    assert headers(ID, AT, BODY, [SECRET]) == received()


@pytest.mark.parametrize("key", [SECRET, SECRET.removeprefix("whsec_")])
@pytest.mark.parametrize(
    "given", [SIGNATURE, f"{OTHER} {OTHER.replace('v1', 'v2')} {SIGNATURE} {OTHER}"]
)
def test_what_must_be_accepted(key: str, given: str) -> None:
    verify(BODY, received(webhook_signature=given), key, now=AT)
    verify(BODY, received(), key, now=AT + 299)
    verify(BODY, {n.upper(): v for n, v in received().items()}, key, now=AT - 299)


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook_id": None},
        {"webhook_timestamp": None},
        {"webhook_timestamp": "hello"},
        {"webhook_signature": None},
        {"webhook_signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA="},
        {"webhook_signature": SIGNATURE.replace("v1", "v2")},
    ],
)
def test_what_must_be_rejected(changes: dict[str, str | None]) -> None:
    with pytest.raises(ValueError, match=r"webhook-|signature"):
        verify(BODY, received(**changes), SECRET, now=AT)


@pytest.mark.parametrize("off_s", [301, -301])
def test_too_old_and_too_new(off_s: int) -> None:
    with pytest.raises(ValueError, match="too far"):
        verify(BODY, received(), SECRET, now=AT + off_s)


@pytest.mark.parametrize("key", ["", "whsec_", "whsec_no base64"])
def test_a_secret_that_is_none(key: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        sign(ID, AT, BODY, key)


def test_another_body_is_not_signed() -> None:
    with pytest.raises(ValueError, match="no signature"):
        verify(BODY + b" ", received(), SECRET, now=AT)


def test_what_we_sign_the_library_verifies_and_the_other_way_round() -> None:
    now = datetime.now(UTC)
    first, second = new_secret(), new_secret()
    assert len(base64.b64decode(first.removeprefix("whsec_"))) == 32
    assert first != second
    made = headers("msg_1", int(now.timestamp()), BODY, [first, second])
    for key in (first, second):
        standardwebhooks.Webhook(key).verify(BODY, made)
        theirs = standardwebhooks.Webhook(key).sign("msg_1", now, BODY.decode())
        verify(BODY, {**made, "webhook-signature": theirs}, key)


@pytest.mark.corpus
def test_the_shared_truth(corpus: Path) -> None:
    path = corpus / "truth" / "standard_webhooks.json"
    truth = json.loads(path.read_text(encoding="utf-8"))
    check: Callable[..., None] = verify
    for one in truth["sign"]:
        body, at = one["body"].encode(), one["webhook-timestamp"]
        assert sign(one["webhook-id"], at, body, one["secret"]) == one["webhook-signature"]
        check(body, {**one, "webhook-timestamp": str(at)}, one["secret"], now=at)
