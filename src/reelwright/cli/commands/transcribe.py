"""`reel transcribe`: what is said in a file."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelwright.cli import choice, terminal
from reelwright.cli.options import AsJson, Walls
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.cli.choice import Target
    from reelwright.media.info import MediaInfo

app = typer.Typer(add_completion=False)

# As the operator has it; importing it for its pattern would cost every start its time.
_LANGUAGE = r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*"


class Form(StrEnum):
    """What is printed or written."""

    TEXT = "text"
    VTT = "vtt"
    SRT = "srt"
    TXT = "txt"
    JSON = "json"


@app.command()
def transcribe(  # size: one line an option
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A video or a sound.")],
    as_json: AsJson = False,
    form: Annotated[
        Form | None,
        typer.Option(
            "--format",
            help="vtt, srt: captions. txt: sentences. json: words with times. text: lines with"
            " their times. Left out: by the ending of OUT, else text.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="OUT", help="Write it there; - prints it."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace OUT if it exists.")
    ] = False,
    language: Annotated[
        str | None,
        typer.Option(metavar="TAG", help="What is spoken (en, pt-BR…); else it is found out."),
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help="Names and words that may come up, for models that take it.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="CHAIN",
            help="Models to ask, in order, in place of `models.speech`:"
            " faster-whisper:FOLDER, onnx-asr:FOLDER, openai:whisper-1, pocketsphinx.",
        ),
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Listen to it anew.")] = False,
    sandbox: Walls = None,
) -> None:
    """Write down what is said, with the time of each word.

    Without a model of your own it is a guess, and only of English: see the guide *Understand* for
    better ones. Run again, it takes what it has heard already.

    Examples: `reel transcribe talk.mp4`, `reel transcribe talk.mp4 -o talk.vtt`,
    `reel transcribe talk.mp4 --json | jq -r '.words[].text'`
    """
    from reelwright.cli.single import refuse_there
    from reelwright.cli.use import opened, sandbox_flag

    target = choice.target()
    if target is not None:
        refuse_there({"--model": model is not None, "--sandbox": sandbox is not None})
    _check_language(language)
    if output == Path("-"):
        output = None
    wanted = Form.JSON if as_json else _form(form, output)
    if output is not None and not overwrite and output.exists():
        # Known before an hour of listening.
        raise ReelError(Code.OUTPUT_EXISTS, f"{output} exists", where="--output")
    said = {"language": language, "prompt": prompt}
    asked = {name: value for name, value in said.items() if value is not None}
    if target is not None:
        found = _heard_there(target, file.absolute(), asked, use_cache=not no_cache)
    else:
        with opened(sandbox=sandbox_flag(sandbox), models__speech=model) as used:
            found = _heard(used, file.absolute(), asked, use_cache=not no_cache)
    _warn(found)
    _give(found, wanted, output, overwrite=overwrite)


def _check_language(tag: str | None) -> None:
    """Raises USAGE."""
    if tag is not None and re.fullmatch(_LANGUAGE, tag) is None:
        raise ReelError(
            Code.USAGE,
            f"'{tag}' is no tag of a language",
            where="--language",
            hint="de, en, pt-BR, zh-Hant…",
        )


def _form(form: Form | None, output: Path | None) -> Form:
    """Raises USAGE for an ending that says nothing."""
    if form is not None:
        return form
    if output is None:
        return Form.TEXT
    ending = output.suffix.lower().removeprefix(".")
    if ending not in set(Form) - {Form.TEXT}:
        raise ReelError(
            Code.USAGE,
            f"the ending of '{output.name}' does not say what to write",
            where="--output",
            hint="end it in .vtt, .srt, .txt or .json, or say --format",
        )
    return Form(ending)


def _heard(used: App, path: Path, asked: dict[str, Any], *, use_cache: bool) -> dict[str, Any]:
    from reelwright.app.inputs import existing
    from reelwright.app.probe import probe_file
    from reelwright.cli.single import analysed
    from reelwright.cli.use import run

    info = run(lambda: probe_file(used, existing(path)))
    if not info.audio:
        return _silent(path, info)
    found: dict[str, Any] = analysed(used, path, _operations(asked), _WANT, use_cache=use_cache)
    return found


def _heard_there(
    target: Target, path: Path, asked: dict[str, Any], *, use_cache: bool
) -> dict[str, Any]:
    from reelwright.cli.remote import looking
    from reelwright.cli.single import elsewhere

    info = looking.probe(target, path, as_json=False)
    if not info.audio:
        return _silent(path, info)
    found: dict[str, Any] = elsewhere(target, path, _operations(asked), _WANT, use_cache=use_cache)
    return found


_WANT = "said.transcript"


def _operations(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """As `reel understand` does it, so that either finds what the other has heard."""
    return [
        {"id": "heard", "op": "speech", "input": "media"},
        {"id": "said", "op": "transcribe", "input": "heard", **asked},
    ]


def _silent(path: Path, info: MediaInfo) -> dict[str, Any]:
    terminal.note(f"there is no sound in {terminal.printable(path.name)}")
    length = None if info.duration is None else float(info.duration)
    return {
        "language": None, "duration": length, "words": [], "segments": [], "text": "",
        "is_poor": False,
    }  # fmt: skip


def _warn(found: dict[str, Any]) -> None:
    """What a person has to know before they believe it."""
    if not found["words"]:
        terminal.note("nobody says anything in it")
    if found["is_poor"]:
        terminal.note(
            "warning: this is a guess of pocketsphinx, which knows English only: many words are"
            " wrong. Better: --model faster-whisper:FOLDER, onnx-asr:FOLDER or openai:whisper-1"
        )
    over = {
        f"{one['provider']}: {one['message']}"
        for segment in found["segments"]
        for one in segment["passed_over"]
    }
    for line in sorted(over):
        terminal.note(f"passed over: {terminal.printable(line)}")


def _give(found: dict[str, Any], form: Form, output: Path | None, *, overwrite: bool) -> None:
    if output is not None:
        from reelwright.app.search.files import put_text

        put_text(output, _text(found, form), overwrite=overwrite)
        terminal.note(f"{output}: {len(found['words'])} words")
    elif form is Form.JSON:
        terminal.emit(found)
    elif found["words"] or form is Form.VTT:
        terminal.out(_text(found, form).rstrip("\n"))


def _text(found: dict[str, Any], form: Form) -> str:
    import json

    from reelwright.analysis.transcript import rendered

    if form is Form.JSON:
        return json.dumps(found, ensure_ascii=False) + "\n"
    if form is not Form.TEXT:
        return rendered(found, form.value)
    return "".join(f"{line}\n" for line in _lines(found))


def _lines(found: dict[str, Any]) -> list[str]:
    """A sentence a line, with when it begins."""
    from reelwright.analysis.captioning import sentences
    from reelwright.analysis.transcript import word_from_json
    from reelwright.analysis.words import joined
    from reelwright.media.cue_writing import clock

    lines = []
    for sentence in sentences([word_from_json(word) for word in found["words"]]):
        at = clock(round(sentence[0].start_s * 1000))[:-2]
        said = terminal.printable(joined(word.text for word in sentence))
        lines.append(f"{terminal.dim(at)}  {said}")
    return lines
