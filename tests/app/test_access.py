"""What a spec may name: the folders of whoever sent it, the job's own, and nothing by a detour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from reelwright.app.access import check_files, check_plan, check_spec
from reelwright.errors import Code, Problem, ReelError, SpecErrors
from reelwright.planning.plan import Delivery, Plan, Step, StepInput, StepKind
from reelwright.spec.parse import parse_text

pytestmark = pytest.mark.attack


@dataclass(frozen=True)
class Place:
    media: Path
    out: Path
    own: Path
    secret: Path

    @property
    def folders(self) -> Mapping[str, Sequence[str]]:
        return {"read": [str(self.media)], "write": [str(self.out)]}

    def refused(self, spec: str, folders: Mapping[str, Sequence[str]] | None = None) -> list[str]:
        """The places that are refused, in order; all of them with the one code."""
        parsed = parse_text(spec, base=self.own, allow_outside=True)
        found: tuple[Problem, ...] = ()
        try:
            check_spec(parsed, self.folders if folders is None else folders, self.own)
        except SpecErrors as errors:
            found = errors.problems
        assert all(problem.code is Code.FOLDER_REFUSED for problem in found)
        return [str(problem.where) for problem in found]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(*(tmp_path / name for name in ("media", "out", "own", "secret")))
    for folder in (made.media, made.out, made.own, made.secret):
        folder.mkdir()
    for folder in (made.media, made.secret):
        (folder / "a.mp4").touch()
        (folder / "font.ttf").touch()
    return made


def spec(talk: object, to: object = "out.mp4", font: object | None = None) -> str:
    named = "" if font is None else f", font: '{font}'"
    return (
        f"inputs: {{talk: '{talk}'}}\n"
        f"operations: [{{id: t, op: drawtext, input: talk, text: hi{named}}}]\n"
        f"outputs: [{{from: t, to: '{to}'}}]\n"
    )


def test_everything_that_is_refused_is_told_at_once(place: Place) -> None:
    away = place.secret

    assert place.refused(spec(away / "a.mp4", away / "x.mp4", away / "font.ttf")) == [
        "inputs.talk",
        "operations[0].font",
        "outputs[0].to",
    ]
    assert place.refused(spec("/etc/passwd")) == ["inputs.talk"]


def test_what_is_in_the_folders_or_the_jobs_own_is_fine(place: Place) -> None:
    named = spec(place.media / "a.mp4", place.out / "deep" / "x.mp4", place.media / "font.ttf")

    assert place.refused(named) == []
    assert place.refused(spec("mine.mp4")) == []


def test_reading_is_not_writing(place: Place) -> None:
    assert place.refused(spec(place.out / "a.mp4")) == ["inputs.talk"]
    assert place.refused(spec("a.mp4", place.media / "x.mp4")) == ["outputs[0].to"]


@pytest.mark.parametrize("kind", ["input", "output"])
def test_links_and_dots_lead_nowhere_else(place: Place, kind: str) -> None:
    (place.media / "link").symlink_to(place.secret)
    (place.out / "link").symlink_to(place.secret)
    (place.media / "file.mp4").symlink_to(place.secret / "a.mp4")
    (place.out / "file.mp4").symlink_to(place.secret / "b.mp4")
    folder = place.media if kind == "input" else place.out

    for path in (folder / "link" / "a.mp4", folder / "file.mp4", f"{folder}/../secret/a.mp4"):
        text = spec(path) if kind == "input" else spec("a.mp4", path)
        assert place.refused(text) == ["inputs.talk" if kind == "input" else "outputs[0].to"]


def test_a_name_that_only_begins_alike(place: Place) -> None:
    (place.media.parent / "media-of-others").mkdir()

    assert place.refused(spec(f"{place.media}-of-others/a.mp4")) == ["inputs.talk"]


def test_a_link_that_stays_inside_is_fine(place: Place) -> None:
    (place.media / "link.mp4").symlink_to(place.media / "a.mp4")

    assert place.refused(spec(place.media / "link.mp4")) == []


def test_of_a_glob_the_folder_and_then_each_match(place: Place) -> None:
    assert place.refused(spec(f"{place.secret}/*.mp4")) == ["inputs.talk"]
    assert place.refused(spec(f"{place.media.parent}/*/a.mp4")) == ["inputs.talk"]
    assert place.refused(spec(f"{place.media}/*.mp4")) == []
    (place.media / "link.mp4").symlink_to(place.secret / "a.mp4")
    with pytest.raises(ReelError) as caught:
        check_files(sorted(place.media.glob("*.mp4")), place.folders, place.own)
    assert caught.value.code is Code.FOLDER_REFUSED
    assert "link.mp4" in str(caught.value)
    assert str(place.secret) not in str(caught.value.problem.to_json())


@pytest.mark.parametrize(
    ("uri", "is_fine"),
    [
        ("s3://bucket/mine/a.mp4", True),
        ("s3://bucket/mine/deep/a.mp4", True),
        ("s3://bucket/mine-not/a.mp4", False),
        ("s3://bucket/other/a.mp4", False),
        ("s3://bucket/mine/../other/a.mp4", False),
        ("s3://bucket/mine/%2e%2e/other/a.mp4", False),
        ("s3://bucket/mine/..%2fother/a.mp4", False),
        ("s3://bucket/mine//a.mp4", False),
        ("s3://other/mine/a.mp4", False),
        ("gs://bucket/mine/a.mp4", False),
    ],
)
def test_object_stores_by_their_prefix(place: Place, uri: str, is_fine: bool) -> None:
    folders = {"read": ["s3://bucket/mine"], "write": ["s3://bucket/mine/"]}

    assert place.refused(spec(uri), folders) == ([] if is_fine else ["inputs.talk"])
    assert place.refused(spec("a.mp4", uri), folders) == ([] if is_fine else ["outputs[0].to"])


def test_object_stores_are_refused_where_no_folder_names_them(place: Place) -> None:
    assert place.refused(spec("s3://bucket/a.mp4", "gs://bucket/a.mp4")) == [
        "inputs.talk",
        "outputs[0].to",
    ]
    assert place.refused(spec("s3://b/a.mp4", "s3://b/b.mp4"), {"read": ["/"], "write": ["/"]}) == (
        []
    )


def test_the_web_is_for_the_address_rules(place: Place) -> None:
    assert place.refused(spec("https://example.org/a.mp4"), {}) == []


def test_the_user_at_the_terminal_may_do_all_that_they_may(place: Place) -> None:
    check_spec(parse_text(spec("/etc/passwd"), base=place.own), None)
    check_plan(plan_of("/etc/passwd", "/etc/x"), None)


def plan_of(uri: str, to: str, font: str = "@sans.ttf") -> Plan:
    step = Step(
        id="t",
        kind=StepKind.FFMPEG,
        identity="",
        inputs=(StepInput(name="in1", uri=uri), StepInput(name="in2", step="s", output="o")),
        links={"asset1.ttf": font},
    )
    return Plan(steps=(step,), deliveries=(Delivery(index=1, step="t", output="o", to=to),))


def test_a_plan_is_checked_too(place: Place) -> None:
    bad = plan_of(str(place.secret / "a.mp4"), "/etc/x.mp4", str(place.secret / "font.ttf"))
    with pytest.raises(SpecErrors) as caught:
        check_plan(bad, place.folders, place.own)
    assert [p.where for p in caught.value.problems] == ["step t", "step t", "outputs[1].to"]

    check_plan(plan_of(str(place.media / "a.mp4"), str(place.own / "x")), place.folders, place.own)


def test_what_the_service_brought_may_be_read_and_not_written(place: Place) -> None:
    upload = place.secret / "a.mp4"

    check_plan(plan_of(str(upload), str(place.own / "x")), place.folders, place.own, [upload])
    with pytest.raises(SpecErrors):
        check_plan(plan_of("x", str(upload)), {"read": ["/"]}, place.own, [upload])
