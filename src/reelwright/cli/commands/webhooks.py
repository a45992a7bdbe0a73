"""`reel webhooks`: who is told of jobs, with which secret, and what became of the messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from reelwright.cli import terminal
from reelwright.cli.options import AsJson

if TYPE_CHECKING:
    from reelwright.app.webhooks.endpoints import From, Shown

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Tell others of jobs.")

Webhook = Annotated[
    str, typer.Argument(metavar="WEBHOOK", help="The webhook's id, or the first of it.")
]
Overlap = Annotated[
    str, typer.Option(metavar="SPAN", help="The secret before signs too for so long.")
]


@app.command("list")
def list_webhooks(
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="So many at the most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the webhooks, the newest first.

    Example: `reel webhooks list`
    """
    from reelwright.app.webhooks.endpoints import endpoint_json, listing
    from reelwright.cli.spans import shown
    from reelwright.cli.use import opened

    with opened() as used:
        found = listing(used, _me().principal, limit=limit)
    if as_json:
        terminal.emit({"webhooks": [endpoint_json(row) for row in found]})
        return
    rows = [
        (
            row.id,
            row.url,
            ",".join(row.events) or "all",
            "on" if row.is_enabled else "off",
            row.owner,
            shown(row.created_at),
        )
        for row in found
    ]
    terminal.table(["webhook", "address", "events", "state", "owner", "made"], rows)


@app.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where messages are sent to.")],
    event: Annotated[
        list[str] | None,
        typer.Option(help="What is told: job.succeeded, job.failed, …; repeatable; default: all."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a webhook and print its secret, this once.

    Example: `reel webhooks add https://example.org/hooks/reel --event job.failed`
    """
    from reelwright.app.webhooks.endpoints import add as add_endpoint
    from reelwright.cli.use import opened

    with opened() as used:
        made = add_endpoint(used, _me(), url, event or ())
    _show(made, as_json)


@app.command()
def remove(webhook: Webhook, as_json: AsJson = False) -> None:
    """Delete a webhook and its messages.

    Example: `reel webhooks remove 0k8v2b3c4d5e6f7g8`
    """
    from reelwright.app.webhooks.endpoints import identify
    from reelwright.app.webhooks.endpoints import remove as remove_endpoint
    from reelwright.cli.use import opened

    with opened() as used:
        endpoint_id = identify(used, webhook)
        remove_endpoint(used, _me(), endpoint_id)
    if as_json:
        terminal.emit({"id": endpoint_id, "removed": True})
    else:
        terminal.out(f"webhook {endpoint_id}: removed")


@app.command()
def rotate(webhook: Webhook, overlap: Overlap = "24h", as_json: AsJson = False) -> None:
    """Make a new secret and print it, this once.

    Example: `reel webhooks rotate 0k8v2b3c4d5e6f7g8 --overlap 2d`
    """
    from reelwright.app.webhooks.endpoints import identify
    from reelwright.app.webhooks.endpoints import rotate as rotate_endpoint
    from reelwright.cli.spans import seconds
    from reelwright.cli.use import opened

    with opened() as used:
        endpoint_id = identify(used, webhook)
        made = rotate_endpoint(used, _me(), endpoint_id, overlap_s=seconds(overlap, "--overlap"))
    _show(made, as_json)


@app.command()
def secret(
    new: Annotated[bool, typer.Option("--new", help="Make a new one.")] = False,
    overlap: Overlap = "24h",
    as_json: AsJson = False,
) -> None:
    """Print the secret that signs what goes to the `webhook` of your specs.

    Example: `reel webhooks secret`
    """
    from reelwright.app.webhooks.endpoints import own_secret
    from reelwright.cli.spans import seconds
    from reelwright.cli.use import opened

    with opened() as used:
        made = own_secret(used, _me(), is_new=new, overlap_s=seconds(overlap, "--overlap"))
    if as_json:
        terminal.emit(made.to_json())
    else:
        terminal.out(made.endpoint.secret)


@app.command()
def messages(
    state: Annotated[str | None, typer.Option(help="Only these: pending, sent, dead.")] = None,
    job: Annotated[str | None, typer.Option(help="Only of this job.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="So many at the most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List messages, the newest first. Those that were given up are `dead`.

    Example: `reel webhooks messages --state dead`
    """
    from reelwright.app.jobs import identify
    from reelwright.app.webhooks.messages import listing, message_json
    from reelwright.cli.spans import shown
    from reelwright.cli.use import opened

    with opened() as used:
        job_id = None if job is None else identify(used, job)
        found = listing(used, _me().principal, state=state, job_id=job_id, limit=limit)
    if as_json:
        terminal.emit({"messages": [message_json(used, row) for row in found]})
        return
    rows = [
        (
            row.id,
            row.job_id,
            row.kind,
            row.state,
            str(row.tries),
            shown(row.created_at),
            row.url,
            "" if row.state == "sent" else row.last_error or "",
        )
        for row in found
    ]
    terminal.table(["message", "job", "event", "state", "tries", "made", "to", "error"], rows)


@app.command()
def redeliver(
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="The message's id.")],
    as_json: AsJson = False,
) -> None:
    """Send a message again; the service that runs does it.

    Example: `reel webhooks redeliver msg_0k8v2b3c4d5e6f7g8`
    """
    from reelwright.app.webhooks.messages import message_json
    from reelwright.app.webhooks.messages import redeliver as send_again
    from reelwright.cli.use import opened

    with opened() as used:
        row = send_again(used, _me(), message)
    if as_json:
        terminal.emit(message_json(used, row))
    else:
        terminal.out(f"message {row.id}: {row.state}")


@app.command("test")
def send_test(webhook: Webhook, as_json: AsJson = False) -> None:
    """Send a message now, once, and say what the receiver answered.

    Ends with code 6 where it did not take it. Example: `reel webhooks test 0k8v2b3c4d5e6f7g8`
    """
    from reelwright.app.webhooks.endpoints import identify
    from reelwright.app.webhooks.messages import test
    from reelwright.cli.use import opened, run

    with opened() as used:
        endpoint_id = identify(used, webhook)
        said = run(lambda: test(used, _me(), endpoint_id))
    if as_json:
        terminal.emit(said)
    else:
        terminal.out(f"{said['id']}: {said['error'] or 'delivered'}")
    if not said["delivered"]:
        raise typer.Exit(6)


def _show(made: Shown, as_json: bool) -> None:
    if as_json:
        terminal.emit(made.to_json())
        return
    terminal.note(f"Webhook {made.endpoint.id}; its secret is shown this once:")
    terminal.out(made.endpoint.secret)


def _me() -> From:
    from reelwright.app.principal import LOCAL
    from reelwright.app.webhooks.endpoints import From

    return From(principal=LOCAL)
