"""Every kind of badness is answered with a problem document (RFC 9457)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from tests.served import Served

# shared/media/truth/rfc9457_problem.schema.json, as far as it goes; the marked test reads the file.
RFC9457 = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 100, "maximum": 599},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
    },
}
SPEC = {"inputs": {"a": "a.mp4"}, "outputs": [{"from": "a", "to": "b.mkv"}]}
JOB = "/v1/jobs/0000000000000000z"
TITLES: dict[str, str] = {}

# method, path, what is sent, status, code
BAD: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("GET", "/nothing", {}, 404, "not_found"),
    ("GET", "/v1/nothing", {}, 404, "not_found"),
    ("PUT", "/v1/jobs", {}, 405, "method_refused"),
    ("POST", "/healthz", {}, 405, "method_refused"),
    ("GET", JOB, {}, 404, "job_unknown"),
    ("GET", "/v1/jobs/%00%ff", {}, 404, "job_unknown"),
    ("DELETE", JOB, {}, 404, "job_unknown"),
    ("POST", f"{JOB}/retry", {}, 404, "job_unknown"),
    ("GET", f"{JOB}/steps", {}, 404, "job_unknown"),
    ("GET", f"{JOB}/plan", {}, 404, "job_unknown"),
    ("GET", f"{JOB}/logs", {}, 404, "job_unknown"),
    ("GET", f"{JOB}/artifacts", {}, 404, "job_unknown"),
    ("GET", f"{JOB}/artifacts/0", {}, 404, "job_unknown"),
    ("GET", f"{JOB}/artifacts/x", {}, 422, "field_invalid"),
    ("GET", "/v1/batches/0000000000000000z", {}, 404, "batch_unknown"),
    ("GET", "/v1/jobs?limit=0", {}, 422, "field_invalid"),
    ("GET", "/v1/jobs?state=sleeping", {}, 422, "field_invalid"),
    ("GET", "/v1/jobs?label=nothing", {}, 422, "field_invalid"),
    ("GET", "/v1/jobs?cursor=..", {}, 422, "field_invalid"),
    ("POST", "/v1/jobs", {}, 415, "media_type"),
    ("POST", "/v1/jobs", {"kind": "text/html", "text": "<p>"}, 415, "media_type"),
    ("POST", "/v1/jobs", {"text": '{"inputs": '}, 422, "spec_syntax"),
    ("POST", "/v1/jobs", {"text": "[]"}, 422, "spec_syntax"),
    ("POST", "/v1/jobs", {"raw": b"\xff\xfe\x00"}, 400, "body_invalid"),
    ("POST", "/v1/jobs", {"json": {**SPEC, "outputs": []}}, 422, "field_missing"),
    ("POST", "/v1/jobs", {"json": {**SPEC, "colour": 1}}, 422, "field_unknown"),
    ("POST", "/v1/jobs", {"json": {**SPEC, "operations": [{"op": "x"}]}}, 422, "operator_unknown"),
    ("POST", "/v1/jobs?priority=101", {"json": SPEC}, 422, "field_invalid"),
    ("POST", "/v1/jobs", {"text": "#" * (9 << 20)}, 413, "body_too_large"),
    ("POST", "/v1/batches", {"text": "{"}, 400, "body_invalid"),
    ("POST", "/v1/batches", {"json": {"jobs": []}}, 422, "field_invalid"),
    ("POST", "/v1/batches", {"json": {"jobs": [SPEC], "spec": SPEC}}, 422, "field_invalid"),
    ("POST", "/v1/batches", {"json": {"jobs": [SPEC], "more": 1}}, 422, "field_unknown"),
    ("POST", "/v1/probe", {"json": {}}, 422, "field_missing"),
    ("POST", "/v1/probe", {"json": {"path": "/none"}}, 404, "input_not_found"),
    ("POST", "/v1/plan", {"json": SPEC}, 404, "input_not_found"),
]


def send(served: Served, method: str, path: str, given: dict[str, Any]) -> httpx.Response:
    content = given.get("raw") or (json.dumps(given["json"]) if "json" in given else None)
    headers = {"Content-Type": given.get("kind", "application/json")} if given else {}
    content = content if content is not None else given.get("text")
    return served.client.request(method, path, content=content, headers=headers)


def check(answer: httpx.Response, status: int, code: str, home: Path) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    Draft202012Validator(RFC9457).validate(body)
    assert body["status"] == status
    assert body["code"] == code
    assert body["type"] == f"/v1/errors#{code}"
    assert TITLES.setdefault(code, body["title"]) == body["title"]
    assert body["hint"]
    assert body["trace_id"] == answer.headers["x-trace-id"]
    assert "where" in body
    for secret in (str(home), "Traceback", 'File "', "site-packages"):
        assert secret not in answer.text
    return body


@pytest.mark.parametrize(("method", "path", "given", "status", "code"), BAD)
def test_bad_requests(
    served: Served, method: str, path: str, given: dict[str, Any], status: int, code: str
) -> None:
    body = check(send(served, method, path, given), status, code, served.home)

    assert body["instance"].startswith("/")


def test_a_method_that_does_not_fit_names_those_that_do(served: Served) -> None:
    answer = served.client.put("/v1/jobs")

    assert answer.headers["allow"] == "DELETE, GET, POST"


def test_without_a_token(served: Served) -> None:
    answer = httpx.get(f"{served.url}/v1/jobs")

    check(answer, 401, "unauthenticated", served.home)
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_all_that_is_wrong_with_a_spec_is_told_at_once(served: Served) -> None:
    spec = {
        "inputs": {"a": "a.mp4"},
        "operations": [
            {"id": "cut", "op": "trim", "input": "a", "duration": "5 parsecs"},
            {"id": "cut", "op": "scale", "input": "cut", "heigth": 2},
        ],
        "outputs": [{"from": "cut", "to": "b.mkv"}],
    }
    answer = send(served, "POST", "/v1/jobs", {"json": spec})

    body = check(answer, 422, "field_invalid", served.home)
    found = {(one["code"], one["where"]) for one in body["errors"]}
    assert ("field_invalid", "operations[0].duration") in found
    assert ("field_unknown", "operations[1].heigth") in found
    assert body["where"] == "operations[0].duration"


def test_every_code_is_explained(served: Served) -> None:
    listed = served.client.get("/v1/errors").json()["errors"]
    by_code = {one["code"]: one for one in listed}

    assert len(by_code) == len(listed) > 100
    for code, title in TITLES.items():
        assert by_code[code]["title"] == title


@pytest.mark.corpus
def test_the_schema_of_the_corpus_holds(served: Served, corpus: Path) -> None:
    schema = json.loads((corpus / "truth" / "rfc9457_problem.schema.json").read_text())
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)

    for method, path, given, *_ in BAD:
        validator.validate(send(served, method, path, given).json())
