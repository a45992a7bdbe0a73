"""What runs together, what is kept apart, and what is read of a file."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from reelwright.planning import Facts, Machine, compile, passes
from reelwright.planning.explain import graph_text
from reelwright.planning.filter_graph import escape
from reelwright.planning.plan import StepKind
from reelwright.spec.model import JobSpec
from reelwright.spec.parse import parse_text
from tests.planning.media import AUDIO, BASE, VIDEO, argv, facts, media, plan

RUNG = "{{id: r{0}, op: scale, input: talk, height: {0}{1}}}"
OUT = "{{from: r{0}, to: r{0}.mp4, video: {{preset: veryfast}}, audio: {{bitrate: 96k}}}}"


def _ladder(more: str = "", heights: tuple[int, ...] = (720, 480, 360)) -> str:
    rungs = ", ".join(RUNG.format(h, more) for h in heights)
    outs = ", ".join(OUT.format(h) for h in heights)
    return f"inputs: {{talk: talk.mp4}}\noperations: [{rungs}]\noutputs: [{outs}]"


def test_a_ladder_is_one_decode_and_one_audio_encode() -> None:
    made = plan(_ladder())
    (step,) = made.steps
    command = argv(made)
    assert command.count("-i in0") == 1
    assert command.count("-c:a:") == 1
    assert command.count("libx264") == 3
    assert "-f tee" in command
    assert len(step.outputs) == 3


def test_metadata_of_their_own_keeps_files_from_sharing_an_encode() -> None:
    text = _ladder(heights=(720, 480)).replace("to: r720.mp4", "to: r720.mp4, metadata: {title: A}")
    command = argv(plan(text))
    assert "-f tee" not in command
    assert command.count("-c:a:0 aac") == 2


def test_rungs_cascade_only_where_that_is_allowed() -> None:
    plain = passes(*_stage(_ladder())).graphs["cascade"]
    assert all(n.inputs[0].node == "talk:0/decode" for n in plain if n.id.endswith("/scale"))
    cascaded = passes(*_stage(_ladder(", cascade: true"))).graphs["cascade"]
    assert cascaded["r480/scale"].inputs[0].node == "r720/scale"
    assert cascaded["r360/scale"].inputs[0].node == "r480/scale"


def _stage(text: str) -> tuple[JobSpec, Facts, Machine]:
    return parse_text(text, base=BASE), facts(text), Machine(cpus=2)


def test_a_changed_rung_leaves_the_others_identities_alone() -> None:
    before = {o.name: o.identity for o in plan(_ladder()).steps[0].outputs}
    changed = _ladder().replace("height: 360", "height: 240")
    after = {o.name: o.identity for o in plan(changed).steps[0].outputs}
    assert before["out0.mp4"] == after["out0.mp4"]
    assert before["out1.mp4"] == after["out1.mp4"]
    assert before["out2.mp4"] != after["out2.mp4"]


def test_what_the_cache_holds_is_planned_apart() -> None:
    whole = plan(_ladder())
    held = frozenset(o.identity for o in whole.steps[0].outputs[:2])
    apart = plan(_ladder(), have=held)
    assert sorted(len(s.outputs) for s in apart.steps) == [1, 1, 1]
    identities = {o.identity for s in apart.steps for o in s.outputs}
    assert identities == {o.identity for o in whole.steps[0].outputs}


def test_names_and_paths_are_no_part_of_an_identity() -> None:
    text = _ladder()
    renamed = text.replace("r720", "huge").replace("talk", "speech")
    one = {o.identity for o in plan(text).steps[0].outputs}
    two = {o.identity for o in plan(renamed).steps[0].outputs}
    assert one == two


def test_another_input_or_tool_or_thread_count_is_another_identity() -> None:
    text = _ladder(heights=(720,))
    spec, known = parse_text(text, base=BASE), facts(text)
    base = compile(spec, known, Machine(cpus=2)).steps[0].identity
    tools = compile(spec, known, Machine(cpus=2, tools={"ffmpeg": "9.1"})).steps[0].identity
    threads = compile(spec, known, Machine(cpus=4)).steps[0].identity
    other = facts(text, {"talk": media(sha256="9" * 64)})
    content = compile(spec, other, Machine(cpus=2)).steps[0].identity
    assert len({base, tools, threads, content}) == 4


def test_a_measurement_comes_first_and_pictures_wait_for_the_encode() -> None:
    made = plan(
        """
        inputs: {talk: talk.mp4}
        operations:
          - {id: level, op: loudnorm, input: talk}
          - {id: still, op: thumbnail, input: talk, every: 10s}
        outputs:
          - {from: level, to: o.mp4, video: {crf: 20}}
          - {from: still, to: s.jpg}
        """
    )
    first, second = made.steps
    assert [t.source for t in first.taps] == ["log"]
    assert second.needs == (first.id,)
    assert {o.container for o in second.outputs} >= {"mp4", "jpeg"}
    assert "{level/measure.gain}" in argv(made, 1)


def test_a_decode_begins_where_it_is_needed() -> None:
    made = plan(
        """
        inputs: {talk: talk.mp4}
        operations:
          - {id: small, op: scale, input: talk, height: 360}
          - {id: cut, op: trim, input: small, start: 40s, duration: 5s}
        outputs: [{from: cut, to: o.mp4}]
        """
    )
    assert "-ss 40 -t 6" in argv(made)
    assert "trim=end=5" in argv(made)


def test_a_filter_that_knows_time_gets_its_own_back_after_a_seek() -> None:
    text = """
        inputs: {talk: talk.mp4}
        operations:
          - {id: word, op: drawtext, input: talk, text: hi, start: 41s, end: 42s}
          - {id: cut, op: trim, input: word, start: 40s, duration: 5s}
        outputs: [{from: cut, to: o.mp4}]
        """
    assert "trim=start=40:end=45" in argv(plan(text)), "the whole is read, times are the file's"


def test_far_apart_cuts_are_read_apart() -> None:
    made = plan(
        """
        inputs: {talk: talk.mp4}
        operations:
          - {id: a, op: trim, input: talk, start: 50s, duration: 2s, mode: encode}
          - {id: b, op: trim, input: talk, start: 1s, duration: 2s, mode: encode}
          - {id: j, op: concat, inputs: [a, b]}
        outputs: [{from: j, to: o.mp4}]
        """
    )
    command = argv(made)
    assert "-ss 50 -t 3" in command
    assert "-ss 1 -t 3" in command


def test_segments_of_one_file_are_opened_apart_so_that_no_frames_pile_up() -> None:
    made = plan(
        """
        inputs: {talk: talk.mp4}
        operations:
          - {id: small, op: scale, input: talk, height: 360}
          - {id: j, op: concat, inputs: [small, small]}
        outputs: [{from: j, to: o.mp4}]
        """
    )
    assert argv(made).count("-i in0") == 2


def test_raw_streams_without_times_are_never_sought() -> None:
    text = """
        inputs: {talk: talk.aac}
        operations: [{id: cut, op: trim, input: talk, start: 40s, duration: 5s}]
        outputs: [{from: cut, to: o.wav}]
        """
    command = argv(plan(text, {"talk": media(AUDIO, demuxer="aac")}))
    assert "-ss" not in command
    assert "atrim=start=40:end=45" in command


def test_shards_cut_on_frames_and_encode_sound_once() -> None:
    text = """
        inputs: {talk: talk.mp4}
        operations: [{id: small, op: scale, input: talk, height: 360}]
        outputs: [{from: small, to: o.mp4, shards: 4, audio: {bitrate: 96k}}]
        """
    made = plan(text)
    parts, (last,) = made.steps[:-1], made.steps[-1:]
    assert len(parts) == 4
    assert sum(p.outputs[0].expect.frame_count or 0 for p in parts) == 1800
    assert all("-c:a" not in " ".join(p.commands[0]) for p in parts)
    assert last.needs == tuple(p.id for p in parts)
    assert "-c:a:0 aac" in " ".join(last.commands[0])
    assert last.outputs[0].expect.frame_count == 1800


def test_two_outputs_of_one_input_may_both_be_in_shards() -> None:
    text = """
        inputs: {talk: talk.mp4}
        operations:
          - {id: small, op: scale, input: talk, height: 360}
          - {id: tiny, op: scale, input: talk, height: 180}
        outputs:
          - {from: small, to: a.mp4, shards: 3}
          - {from: tiny, to: b.mp4, shards: 2}
        """
    made = plan(text).steps
    assert len([s for s in made if s.needs]) == 2
    parts = [o.expect.frame_count or 0 for s in made if not s.needs for o in s.outputs]
    assert (len(parts), sum(parts)) == (5, 3600)


def test_many_cores_shard_a_long_encode_by_themselves() -> None:
    long = replace(VIDEO, duration=Fraction(3600), frame_count=108000)
    text = "inputs: {talk: talk.mp4}\noutputs: [{from: talk, to: o.mp4, video: {crf: 20}}]"
    known = {"talk": media(long, replace(AUDIO, duration=Fraction(3600)))}
    assert len(plan(text, known, cpus=2).steps) == 1
    assert len(plan(text, known, cpus=16).steps) == 5


def test_a_fetch_is_unresolved_until_it_ran() -> None:
    made = plan(
        """
        operations:
          - {id: got, op: fetch, url: "http://127.0.0.1/a.mp4"}
          - {id: cut, op: trim, input: got, start: 1s, duration: 2s}
        outputs: [{from: cut, to: o.mp4}]
        """
    )
    assert [s.kind for s in made.steps] == [StepKind.FETCH, StepKind.UNRESOLVED]
    assert made.steps[1].needs == (made.steps[0].id,)
    assert "cut" in made.unresolved


def test_every_stage_can_be_shown() -> None:
    text = _ladder()
    for name, graph in passes(*_stage(text)).graphs.items():
        shown = graph_text(graph)
        assert "talk" in shown, name


@given(st.text(alphabet="ab\\':,;[]= %{}", max_size=12))
def test_escaping_leaves_no_bare_separator(text: str) -> None:
    """Undoing the two levels gives the text back."""
    assert _unescape(_unescape(escape(text))) == text


def _unescape(text: str) -> str:
    out, at = [], 0
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            at += 1
        out.append(text[at])
        at += 1
    return "".join(out)


def test_the_format_of_a_still_is_not_forced_on_the_video_beside_it() -> None:
    """FFmpeg negotiates one format for all branches of a split: a JPEG's full range would win."""
    text = """
inputs: {talk: talk.mp4}
operations:
  - {id: small, op: scale, input: talk, height: 240}
  - {id: faded, op: fade, input: talk, in: 1s}
  - {id: still, op: thumbnail, input: talk, at: [2s]}
outputs: [{from: small, to: s.mp4}, {from: faded, to: f.mp4}, {from: still, to: s.jpg},
  {from: talk.video, to: t.gif}]
"""
    command = argv(plan(text))
    assert "select=" in command
    assert "scale,format=pix_fmts=yuvj420p" in command
    assert "scale,split" in command
    alone = argv(plan("inputs: {talk: talk.mp4}\noutputs: [{from: talk.video, to: t.gif}]"))
    assert "scale,split" not in alone
