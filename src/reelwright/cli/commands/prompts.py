"""`reel prompts`: what models are asked, tried out, rated and compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelwright.cli import terminal
from reelwright.cli.exits import EXITS
from reelwright.cli.options import AsJson
from reelwright.errors import Kind

if TYPE_CHECKING:
    from reelwright.app.models.comparing import Comparison

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="See, try and compare what models are asked."
)

Name = Annotated[
    str, typer.Argument(metavar="PROMPT", help="describe (its newest version) or describe@1.")
]


@app.command("list")
def list_prompts(as_json: AsJson = False) -> None:
    """List the prompts, every version: those of Reelwright and your own (`models.prompts`).

    Example: `reel prompts list`
    """
    from reelwright.app.models.prompts import listing
    from reelwright.app.principal import LOCAL
    from reelwright.cli.use import opened

    with opened() as used:
        found = listing(used, LOCAL)
    if as_json:
        terminal.emit({"prompts": found})
        return
    rows = [
        (
            one["prompt"],
            "yours" if one["is_own"] else "",
            f"{one['rating']:.1f} ({one['ratings']})" if one["ratings"] else "",
            one["description"],
        )
        for one in found
    ]
    terminal.table(["prompt", "", "rating", "what it asks for"], rows)


@app.command()
def show(
    name: Name,
    calls: Annotated[
        int, typer.Option(min=0, max=1000, metavar="N", help="Its newest calls, too: so many.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Show a prompt: its inputs, texts and the form of its answer; and how it was answered.

    Examples: `reel prompts show describe`, `reel prompts show describe@1 --calls 5 --json`
    """
    from reelwright.app.models import prompts
    from reelwright.app.principal import LOCAL
    from reelwright.cli.use import opened

    with opened() as used:
        found = prompts.show(used, LOCAL, name)
        made = prompts.calls(used, LOCAL, name, limit=calls) if calls else []
    if as_json:
        terminal.emit({**found, "calls": made} if calls else found)
        return
    _print(found)
    if made:
        terminal.out()
        terminal.table(["call", "model", "state", "cost", "rating", "answer"], map(_call, made))


@app.command()
def run(  # size: one line an option
    name: Name,
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--input", "-i", metavar="NAME=VALUE", help="An input; `NAME=@FILE` reads a file."
        ),
    ] = None,
    image: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A PNG or JPEG to show to it.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="provider:model, in place of what is configured."),
    ] = None,
    max_tokens: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="The longest answer.")
    ] = 2048,
    as_json: AsJson = False,
) -> None:
    """Ask a model a prompt, once. The call is recorded, and can be rated.

    Example: `reel prompts run answer -i question="Who speaks?" -i evidence=@notes.txt
    -i language=en --model local:llama3`
    """
    from reelwright.app.models import prompts
    from reelwright.app.principal import LOCAL
    from reelwright.cli.use import opened
    from reelwright.cli.use import run as wait

    with opened() as used:
        prompt = prompts.prompts(used).get(name)
        inputs = _inputs(given or [], {one.name: one.type for one in prompt.inputs})
        pictures = tuple(prompts.read_image(path) for path in image or ())
        trial = prompts.Trial(
            prompt=prompt.label, inputs=inputs, images=pictures, model=model, max_tokens=max_tokens
        )
        served = wait(lambda: prompts.run(used, LOCAL, trial))
    told = prompts.answer_json(served)
    if as_json:
        terminal.emit(told)
        return
    terminal.out(terminal.printable(_text(told["answer"])))
    terminal.note(f"{told['provider']}:{told['model']}, {_cost(told)}; call {told['call']}")
    for passed in told["passed_over"]:
        terminal.note(f"Passed over: {passed['provider']}:{passed['model']}: {passed['message']}")


@app.command()
def rate(
    call: Annotated[str, typer.Argument(metavar="CALL", help="A call's id, or the first of it.")],
    rating: Annotated[
        int, typer.Argument(metavar="1-5", min=1, max=5, help="1 useless, 5 as it should be.")
    ],
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="Why.")] = None,
    as_json: AsJson = False,
) -> None:
    """Rate an answer; the means stand in `reel prompts list`.

    Example: `reel prompts rate 01k3 4 --note "misses the second speaker"`
    """
    from reelwright.app.models import prompts
    from reelwright.app.principal import LOCAL
    from reelwright.cli.use import opened

    with opened() as used:
        told = prompts.rate(used, LOCAL, call, rating, note)
    if as_json:
        terminal.emit(told)
    else:
        terminal.out(f"{told['prompt']}: {told['rating']} for {told['call']}")


@app.command()
def compare(
    first: Annotated[
        str, typer.Argument(metavar="A", help="describe@1, or describe@1=provider:model.")
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="The same.")],
    cases: Annotated[
        Path, typer.Option("--set", metavar="FILE", help="Evaluation set: a case a line, JSON.")
    ],
    as_json: AsJson = False,
) -> None:
    """Compare two versions of a prompt, or two models, side by side on an evaluation set.

    A case is `{"id": "one", "inputs": {…}, "images": ["frame.png"], "expected": …,
    "contains": ["…"]}`; all but the inputs may be left out. What was asked before is not asked
    again. The whole comparison is kept in the home folder. Ends with exit code 4 where no case was
    answered at all.

    Example: `reel prompts compare answer@1=local:llama3 answer@1=openai:gpt-5-mini --set set.jsonl`
    """
    from reelwright.app.models import comparing
    from reelwright.app.principal import LOCAL
    from reelwright.cli.use import opened
    from reelwright.cli.use import run as wait

    variants = (comparing.Variant.of(first), comparing.Variant.of(second))
    found = comparing.read_set(cases)
    with opened() as used:
        made = wait(lambda: comparing.compare(used, LOCAL, variants, found))
    if as_json:
        terminal.emit(made.to_json())
    else:
        _side_by_side(made)
    if all(one.error for row in made.results for one in row):
        raise typer.Exit(EXITS[Kind.TOOL])


def _side_by_side(made: Comparison) -> None:
    told = made.to_json()
    labels = [one["variant"] for one in told["variants"]]
    rows = [
        (terminal.printable(case["id"]), *(_result(one) for one in case["results"]))
        for case in told["cases"]
    ]
    terminal.table(["case", *labels], rows)
    terminal.out()
    sums = [
        (
            one["variant"],
            "-" if one["score"] is None else f"{one['score']:.3f}",
            one["wins"],
            one["failed"],
            _cost(one),
            "-" if one["latency_s"] is None else f"{one['latency_s']:.2f} s",
        )
        for one in told["variants"]
    ]
    terminal.table(["", "score", "wins", "failed", "cost", "time"], sums)
    terminal.note(f"Kept as {told['path']}")


def _result(one: dict[str, Any]) -> str:
    if one["error"]:
        return _short(one["error"])
    score = "" if one["score"] is None else f"{one['score']:.2f} "
    return score + _short(_text(one["answer"]))


def _call(one: dict[str, Any]) -> tuple[object, ...]:
    ratings = [told["rating"] for told in one["ratings"]]
    answer = one["error"]["message"] if one["error"] else _text(one["response"])
    return (
        one["id"],
        f"{one['provider']}:{one['model']}",
        "cached" if one["is_cached"] else one["state"],
        _cost(one),
        ",".join(map(str, ratings)),
        _short(answer),
    )


def _print(found: dict[str, Any]) -> None:
    terminal.out(f"{terminal.bold(found['prompt'])}  {found['description']}")
    if found["inputs"]:
        rows = [
            (one["name"], one["type"], "" if one["is_required"] else "optional", one["description"])
            for one in found["inputs"]
        ]
        terminal.out()
        terminal.table(["input", "type", "", "what it is"], rows)
    for part in ("system", "user"):
        if found[part]:
            terminal.out(f"\n{terminal.bold(part)}\n{found[part].rstrip()}")
    if found["schema"]:
        terminal.out(f"\n{terminal.bold('answer')}\n{json.dumps(found['schema'], indent=2)}")


def _inputs(given: list[str], types: dict[str, str]) -> dict[str, Any]:
    """Raises USAGE, INPUT_NOT_FOUND."""
    from reelwright.errors import Code, ReelError

    found: dict[str, Any] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise ReelError(Code.USAGE, f"'{one}' is no NAME=VALUE", where="--input")
        if value.startswith("@"):
            value = _file(Path(value[1:]))
        found[name] = _value(name, value, types.get(name, "string"))
    return found


def _file(path: Path) -> str:
    from reelwright.errors import Code, ReelError

    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ReelError(Code.INPUT_NOT_FOUND, f"{path}: {error}", where="--input") from error


def _value(name: str, value: str, of: str) -> Any:
    from reelwright.errors import Code, ReelError

    if of == "string":
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ReelError(
            Code.USAGE, f"'{name}' is of type {of}: write it as JSON", where="--input"
        ) from error


def _cost(told: dict[str, Any]) -> str:
    from reelwright.app.models.ledger import dollars

    return "cost unknown" if told["cost_usd"] is None else dollars(told["cost_usd"])


def _text(answer: Any) -> str:
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, indent=2)


def _short(text: str) -> str:
    line = " ".join(terminal.printable(text).split())
    return line if len(line) <= 60 else line[:59] + "…"
