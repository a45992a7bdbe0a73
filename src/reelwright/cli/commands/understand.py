"""`reel understand`: makes videos searchable by what is said, shown and written in them."""

from __future__ import annotations

from typing import Annotated

import typer

from reelwright.cli.options import AsJson, Walls

app = typer.Typer(add_completion=False)


@app.command()
def understand(  # size: one line an option
    videos: Annotated[
        list[str],
        typer.Argument(metavar="VIDEO", help="Files, folders of them, or asset:ID of the library."),
    ],
    only: Annotated[
        str | None,
        typer.Option(
            metavar="PARTS",
            help="Of shots, keyframes, speech, transcript, text, frames, descriptions, summary;"
            " with commas.",
        ),
    ] = None,
    describe: Annotated[
        bool, typer.Option("--describe", help="Describe what is shown, by a vision model.")
    ] = False,
    summary: Annotated[
        bool,
        typer.Option("--summary", help="Sum it up, also where the language model costs money."),
    ] = False,
    language: Annotated[
        str | None, typer.Option(metavar="TAG", help="What is spoken: en, pt-BR. Default: found.")
    ] = None,
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the video is called.")
    ] = None,
    quote: Annotated[
        bool, typer.Option("--quote", help="Say what the models would cost; do nothing.")
    ] = False,
    budget: Annotated[
        float | None,
        typer.Option(metavar="USD", min=0, help="Most that the models of a video may cost."),
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Find everything again.")] = False,
    as_json: AsJson = False,
    sandbox: Walls = None,
) -> None:
    """Make videos searchable by what is said, shown and written in them.

    Without a network and without any setup it finds shots, pictures that stand for them, speech,
    words, text in the picture and chapters. Each part is indexed when it is found: where one
    fails the others can be searched. A run that was stopped or killed is gone on with by the same
    command; what is done is done once.

    Examples: `reel understand talk.mp4`, `reel understand videos/ --only transcript,text`,
    `reel understand asset:01k3 --describe --budget 0.50`
    """
    from reelwright.cli.understanding import Arguments
    from reelwright.cli.understanding import understand as work

    arguments = Arguments(
        videos=videos,
        only=only,
        describe=describe,
        summary=summary,
        language=language,
        title=title,
        quote=quote,
        budget=budget,
        no_cache=no_cache,
        as_json=as_json,
        sandbox=sandbox,
    )
    raise typer.Exit(work(arguments))
