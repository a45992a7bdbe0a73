"""What was found on this machine and what is missing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.app.settings import without_password
from reelwright.errors import ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.tools.binaries import Tools

OK, MISSING, WARNING = "ok", "missing", "warning"

# What operators and outputs cannot do without, and what only some codecs ask for.
_NEEDED_ENCODERS = ("libx264", "aac", "mjpeg", "png", "pcm_s16le")
_MORE_ENCODERS = {
    "libx265": "hevc",
    "libsvtav1": "av1",
    "libvpx-vp9": "vp9",
    "libopus": "opus",
    "libmp3lame": "mp3",
    "libwebp": "webp",
    "flac": "flac",
    "prores_ks": "prores",
}
_NEEDED_FILTERS = [
    "trim",
    "atrim",
    "setpts",
    "asetpts",
    "scale",
    "crop",
    "pad",
    "fps",
    "rotate",
    "transpose",
    "hflip",
    "vflip",
    "setsar",
    "format",
    "aresample",
    "aformat",
    "volume",
    "fade",
    "afade",
    "loudnorm",
    "amix",
    "sidechaincompress",
    "concat",
    "xfade",
    "acrossfade",
    "overlay",
    "drawtext",
    "select",
    "thumbnail",
    "tile",
    "split",
    "asplit",
    "anullsrc",
    "color",
]
_LITTLE_DISK_BYTES = 1 << 30
_ANSWER_S = 10.0
_EXTRAS = {
    "psycopg": "PostgreSQL as the store (pip install 'reelwright[postgres]')",
    "ray": "many machines (pip install 'reelwright[cluster]')",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked for. `state`: ok, warning (works with less), missing (needed)."""

    name: str
    state: str
    found: str
    hint: str = ""


def examine(app: App) -> list[Check]:
    """Looks at everything; nothing that is missing stops it."""
    checks = [_python(), *_tools(app), _font(), _sandbox(), _disk(app), _store(app)]
    checks += [*_artifacts(app), *_cluster(app), _ytdlp()]
    return [*checks, *_models(app), _javascript(), *_extras()]


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("python", OK, f"{version} at {sys.executable}")


def _tools(app: App) -> Iterator[Check]:
    try:
        tools = app.tools
    except ReelError as error:
        yield Check(
            error.problem.where or "ffmpeg",
            MISSING,
            error.problem.message,
            error.problem.hint or error.code.hint,
        )
        return
    for name, path, version in (
        ("ffmpeg", tools.ffmpeg, tools.ffmpeg_version),
        ("ffprobe", tools.ffprobe, tools.ffprobe_version),
    ):
        yield Check(name, OK, f"{version} {_origin(app, name, path)}")
    yield from _abilities(tools)


def _origin(app: App, name: str, path: Path) -> str:
    import os

    if os.environ.get(f"REEL_{name.upper()}"):
        return f"from REEL_{name.upper()}: {path}"
    if path.parent == app.home / "bin":
        return f"from its wheel: {path.resolve()}"
    return f"from PATH: {path}"


def _abilities(tools: Tools) -> Iterator[Check]:
    encoders, filters = tools.encoders(), tools.filters()
    hint = "use the ffmpeg that came along (unset REEL_FFMPEG), or a fuller build"
    yield _needed("encoders", _NEEDED_ENCODERS, encoders, hint)
    lacking = [f"{e} ({codec})" for e, codec in _MORE_ENCODERS.items() if e not in encoders]
    found = f"{len(_MORE_ENCODERS) - len(lacking)} of {len(_MORE_ENCODERS)}"
    if lacking:
        text = f"{found}; not: {', '.join(lacking)}"
        yield Check("more encoders", WARNING, text, "those codecs cannot be written")
    else:
        yield Check("more encoders", OK, f"{found}: {', '.join(_MORE_ENCODERS.values())}")
    yield _needed("filters", _NEEDED_FILTERS, filters, hint)


def _needed(
    name: str, wanted: tuple[str, ...] | list[str], has: frozenset[str], hint: str
) -> Check:
    lacking = [entry for entry in wanted if entry not in has]
    if lacking:
        return Check(name, MISSING, f"not in this build: {', '.join(lacking)}", hint)
    return Check(name, OK, f"all {len(wanted)} that are needed, {len(has)} in all")


def _font() -> Check:
    import reelwright

    path = Path(reelwright.__file__).parent / "assets" / "fonts" / "DejaVuSans.ttf"
    if path.is_file():
        return Check("font", OK, str(path))
    return Check("font", MISSING, f"{path} is gone", "reinstall reelwright")


def _sandbox() -> Check:
    from reelwright.tools.sandbox import sandbox_status

    status = sandbox_status()
    walls = {
        "files": status.files,
        "network": status.network,
        "signals": status.signals,
        "seccomp": status.seccomp,
    }
    stand = [name for name, stands in walls.items() if stands]
    lack = [name for name, stands in walls.items() if not stands]
    text = f"walls: {', '.join(stand) or 'none'}" + (f"; not: {', '.join(lack)}" if lack else "")
    if status.files and status.network:
        return Check("sandbox", OK, f"{text} ({status.note})")
    return Check("sandbox", WARNING, text, status.note)


def _disk(app: App) -> Check:
    from reelwright.app.machine import cores, disk_bytes, memory_bytes

    free = disk_bytes(app.home)
    machine = f"{cores():g} cores, {memory_bytes() / (1 << 30):.1f} GiB memory"
    text = f"{machine}, {free / (1 << 30):.1f} GiB free for {app.home}"
    if free < _LITTLE_DISK_BYTES:
        return Check("machine", WARNING, text, "free some space, or set REEL_HOME")
    return Check("machine", OK, text)


def _store(app: App) -> Check:
    def look() -> str:
        from reelwright.store import artifacts

        with app.store.read() as tx:
            files, size = artifacts.totals(tx)
        held = f"{files} files, {size / (1 << 20):.1f} MiB in the cache"
        return f"{without_password(app.store.url)}; {held}"

    return _attempt("store", look)


def _artifacts(app: App) -> Iterator[Check]:
    """The store that all nodes of a cluster share, where there is one: can it be written, read?"""
    if not app.settings.cluster.artifacts:
        return

    def look() -> str:
        shared = app.shared_store(_ANSWER_S)
        assert shared is not None
        shared.probe()
        return f"{shared.where}: can be written and read"

    yield _attempt("artifacts", look)


def _attempt(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, OK, look())
    except ReelError as error:
        hint = error.problem.hint or error.code.hint
        return Check(name, MISSING, error.problem.message, hint)


def _ytdlp() -> Check:
    from reelwright.tools.binaries import ytdlp_version

    version = ytdlp_version()
    if version:
        return Check("yt-dlp", OK, version)
    hint = "pip install yt-dlp; without it `fetch` takes plain downloads only"
    return Check("yt-dlp", WARNING, "not installed", hint)


def _cluster(app: App) -> Iterator[Check]:
    from reelwright.app.cluster.doctor import examine_cluster

    is_used = app.settings.cluster.engine == "ray"
    for found in examine_cluster(app):
        lacking = MISSING if is_used and found.is_needed else WARNING
        yield Check(found.name, OK if found.is_fine else lacking, found.text, found.hint)


def _models(app: App) -> Iterator[Check]:
    from reelwright.app.models.doctor import examine_models

    for found in examine_models(app):
        state = OK if found.is_there else WARNING
        yield Check(f"models: {found.kind}", state, found.text, found.hint)


def _javascript() -> Check:
    """YouTube hands out most of its formats only to who runs its player's JavaScript."""
    from reelwright.tools.ytdlp.options import js_runtime

    found = js_runtime()
    about = "runs the JavaScript of YouTube's player for yt-dlp"
    if found:
        return Check("extra: deno", OK, f"{found}; {about}")
    return Check("extra: deno", OK, f"not installed; {about} (pip install 'reelwright[deno]')")


def _extras() -> Iterator[Check]:
    for module, about in _EXTRAS.items():
        has = find_spec(module) is not None
        yield Check(f"extra: {module}", OK, f"{'installed' if has else 'not installed'}; {about}")
