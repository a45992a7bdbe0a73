"""One command a module, each with its Typer `app`. Loaded on demand."""
