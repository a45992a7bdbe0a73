"""What is fetched together, what is kept as it comes, and how captions are called."""

from __future__ import annotations

import pytest

from reelwright.errors import Code, SpecErrors
from reelwright.planning import Machine, Plan, compile, expand
from reelwright.planning.names import by_language, in_language
from reelwright.planning.plan import Step, StepKind
from reelwright.spec.parse import parse_text
from tests.planning.media import BASE, facts, media, plan

URL = "https://example.org/watch/1"
VIDEO = f"{{id: video, op: fetch, url: '{URL}'}}"
ABOUT = f"{{id: about, op: metadata, url: '{URL}'}}"
KEPT = "{id: kept, op: keep, inputs: {video: video, metadata: about}}"


def spec(*operations: str, outputs: str = "") -> str:
    listed = "".join(f"  - {one}\n" for one in operations)
    return f"operations:\n{listed}{outputs and f'outputs: {outputs}'}"


def of_kind(made: Plan, kind: StepKind) -> list[Step]:
    return [step for step in made.steps if step.kind is kind]


def problem(text: str) -> SpecErrors:
    with pytest.raises(SpecErrors) as error:
        plan(text)
    return error.value


def test_what_is_only_kept_needs_no_second_plan() -> None:
    made = plan(spec(VIDEO, ABOUT, KEPT))
    assert [step.kind for step in made.steps] == [StepKind.FETCH, StepKind.KEEP]
    assert not made.unresolved
    fetch, keep = made.steps
    assert keep.needs == (fetch.id,)
    assert {item.step for item in keep.inputs} == {fetch.id}
    assert set(keep.payload["nodes"].values()) == set(fetch.payload["nodes"])


def test_a_kept_video_flows_into_the_spec_with_one_download() -> None:
    text = spec(
        VIDEO, ABOUT, KEPT, "{id: part, op: trim, input: video, start: 2s}",
        outputs="[{from: part, to: part.mp4}]",
    )  # fmt: skip
    first = plan(text)
    assert len(of_kind(first, StepKind.FETCH)) == 1
    assert set(first.unresolved) == {"video", "part", "outputs[0]"}
    node = next(n for n, f in first.steps[0].payload["nodes"].items() if f == "fetched")
    results = {node: {"media": media().to_json()}}
    spec_ = parse_text(text, base=BASE)
    second = expand(first, spec_, facts(text, results=results), Machine(cpus=2))
    assert not second.unresolved
    before = {step.id: step for step in first.steps if step.identity}
    after = {step.id: step for step in second.steps}
    assert {name: after[name] for name in before} == before
    assert [d.to for d in second.deliveries] == ["/spec/part.mp4"]


@pytest.mark.parametrize(
    ("one", "other", "steps"),
    [
        ("fetch", "metadata", 1),
        ("fetch", "thumbnail", 1),
        ("fetch", "captions, languages: [en]", 1),
        ("fetch", "fetch", 1),
        ("fetch, profile: 720p", "fetch, profile: 720p", 1),
        ("fetch, profile: 720p", "fetch, profile: 480p", 2),
        ("fetch, profile: 720p", "metadata, comments: 5", 1),
        ("fetch, proxy: 'http://a:1'", "metadata", 2),
        ("fetch, proxy: 'http://a:1'", "metadata, proxy: 'http://a:1'", 1),
        ("fetch, headers: {A: b, C: d}", "metadata, headers: {C: d, A: b}", 1),
        ("metadata, comments: 5", "metadata, comments: 6", 2),
        ("captions, languages: [en], formats: [vtt]", "captions, languages: [en]", 1),
        ("captions, languages: [en]", "captions, languages: [de]", 2),
        ("fetch, item: 1", "metadata, item: 2", 2),
    ],
)
def test_what_is_asked_alike_comes_together(one: str, other: str, steps: int) -> None:
    ends = {
        "fetch": "x.mp4",
        "metadata": "x.json",
        "thumbnail": "x.png",
        "captions": "x.vtt",
    }
    operations, outputs = [], []
    for name, body in (("a", one), ("b", other)):
        operations.append(f"{{id: {name}, url: '{URL}', op: {body}}}")
        end = ends[body.partition(",")[0]]
        outputs.append(f"{{from: {name}, to: '{name}-{end}'}}")
    made = plan(spec(*operations, outputs=f"[{', '.join(outputs)}]"))
    assert len(of_kind(made, StepKind.FETCH)) == steps


def test_another_address_is_another_fetch() -> None:
    other = "{id: about, op: metadata, url: 'https://example.org/watch/2'}"
    assert len(of_kind(plan(spec(VIDEO, other, KEPT)), StepKind.FETCH)) == 2


def test_a_job_fetches_for_itself() -> None:
    text = spec(VIDEO, ABOUT, KEPT)
    parsed = parse_text(text, base=BASE)
    made = [compile(parsed, facts(text, job=job), Machine()) for job in ("one", "two")]
    first, second = ({step.identity for step in one.steps} for one in made)
    assert not first & second


@pytest.mark.parametrize(
    ("languages", "to", "expected"),
    [
        ("[en]", "a.vtt", "/spec/a.vtt"),
        ("[en, de]", "a.vtt", "/spec/a.{language}.vtt"),
        ("[all]", "a.srt", "/spec/a.{language}.srt"),
        ("['en.*']", "a.srt", "/spec/a.{language}.srt"),
        ("[en, de]", "'{language}/a.vtt'", "/spec/{language}/a.vtt"),
        ("[en]", "'a-{language}.vtt'", "/spec/a-{language}.vtt"),
    ],
)
def test_captions_of_several_languages_have_them_in_their_names(
    languages: str, to: str, expected: str
) -> None:
    words = f"{{id: words, op: captions, url: '{URL}', languages: {languages}}}"
    made = plan(spec(words, outputs=f"[{{from: words, to: {to}}}]"))
    assert [delivery.to for delivery in made.deliveries] == [expected]


def test_only_the_form_that_is_delivered_is_fetched() -> None:
    words = f"{{id: words, op: captions, url: '{URL}', languages: [en]}}"
    made = plan(spec(words, outputs="[{from: words, to: a.srt}]"))
    assert [output.name for output in made.steps[0].outputs] == ["captions.srt"]


def test_names() -> None:
    assert by_language("/a/b.vtt") == "/a/b.{language}.vtt"
    assert in_language("/a/b.{language}.vtt", "pt-BR") == "/a/b.pt-BR.vtt"


@pytest.mark.parametrize(
    ("text", "where", "code"),
    [
        (
            spec("{id: kept, op: keep, inputs: {video: talk}}").replace(
                "operations", "inputs: {talk: talk.mp4}\noperations"
            ),
            "operations[0].inputs.video",
            Code.STREAM_KIND,
        ),
        (
            spec(VIDEO, "{id: small, op: scale, height: 480}", "{id: kept, op: keep}"),
            "operations[2].inputs.video",
            Code.STREAM_KIND,
        ),
        (
            spec(ABOUT, "{id: kept, op: keep, inputs: {video: about}}"),
            "operations[1]",
            Code.STREAM_KIND,
        ),
        (
            spec(VIDEO, "{id: kept, op: keep, inputs: {video: video, captions: video}}"),
            "operations[1]",
            Code.STREAM_KIND,
        ),
    ],
)
def test_only_what_is_fetched_is_kept(text: str, where: str, code: Code) -> None:
    (found,) = problem(text).problems
    assert (found.where, found.code) == (where, code)


def test_without_a_goal_there_must_be_outputs() -> None:
    with pytest.raises(SpecErrors) as error:
        parse_text(spec(VIDEO), base=BASE)
    assert [p.code for p in error.value.problems] == [Code.FIELD_MISSING]


@pytest.mark.parametrize(
    "operation",
    [
        f"{{op: thumbnail, url: '{URL}', at: 5s}}",
        f"{{op: thumbnail, url: '{URL}', sprite: {{}}}}",
        f"{{op: thumbnail, input: a, url: '{URL}'}}",
        "{op: thumbnail, input: a, cookies: jar.txt}",
        "{op: thumbnail, url: 'file:///etc/passwd'}",
    ],
)
def test_a_thumbnail_is_of_a_video_or_of_a_page(operation: str) -> None:
    outputs = "outputs: [{from: thumbnail-1, to: a.png}]"
    text = f"inputs: {{a: a.mp4}}\noperations: [{operation}]\n{outputs}"
    with pytest.raises(SpecErrors):
        parse_text(text, base=BASE)
