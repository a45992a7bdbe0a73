"""Which strands of a bundle an output takes, by what its container holds."""

from __future__ import annotations

from dataclasses import dataclass

from reelwright.errors import Code, ReelError
from reelwright.graph.operator import Bundle, Strand
from reelwright.media.containers import CONTAINERS, Container, Role
from reelwright.media.streams import StreamKind, SubtitleStream, VideoStream
from reelwright.spec.model import OutputSpec


def container_of(output: OutputSpec) -> Container:
    return CONTAINERS[output.container]


def choose_strands(bundle: Bundle, output: OutputSpec) -> tuple[tuple[Strand, ...], list[str]]:
    """The strands in the order in which they are written, and what is left out with its reason.

    Raises STREAM_MISSING where the container would stay empty.
    """
    container = container_of(output)
    chosen = _CHOOSERS[container.role](bundle, output, container)
    if not chosen.strands:
        kinds = ", ".join(sorted({s.label or s.kind.value for s in bundle})) or "nothing"
        raise ReelError(
            Code.STREAM_MISSING,
            f"'{container.name}' can hold nothing of what it is given ({kinds})",
            where=f"{output.where}.from",
            hint="choose another container, or refer to another stream or result",
        )
    return tuple(chosen.strands), chosen.warnings


@dataclass(slots=True)
class _Chosen:
    strands: list[Strand]
    warnings: list[str]


def _av(bundle: Bundle, output: OutputSpec, container: Container) -> _Chosen:
    chosen = _Chosen([], [])
    if output.video is not None and container.default_video:
        videos = bundle.of_kind(StreamKind.VIDEO)
        moving = [s for s in videos if not _is_still(s)]
        if not moving and videos and bundle.of_kind(StreamKind.AUDIO) and videos[0].encoded:
            chosen.warnings.append(f"{output.where}: the cover picture is left out")
        else:
            chosen.strands += moving or videos[:1]
    if output.audio is not None and container.default_audio:
        chosen.strands += bundle.of_kind(StreamKind.AUDIO)
    if output.subtitles is not None:
        for strand in bundle.of_kind(StreamKind.SUBTITLE):
            reason = _subtitle_misfit(strand, output, container)
            if reason:
                chosen.warnings.append(f"{output.where}: {reason}")
            else:
                chosen.strands.append(strand)
    if container.single:
        chosen.strands = chosen.strands[:1]
    return chosen


def _subtitle_misfit(strand: Strand, output: OutputSpec, container: Container) -> str | None:
    stream = strand.stream
    assert isinstance(stream, SubtitleStream)
    if not container.default_subtitle:
        return f"subtitles are left out: {container.name} does not hold any"
    if stream.is_bitmap and stream.codec not in container.subtitle:
        return f"{stream.codec} subtitles are pictures, which {container.name} does not hold"
    return None


def _audio(bundle: Bundle, output: OutputSpec, container: Container) -> _Chosen:
    strands = list(bundle.of_kind(StreamKind.AUDIO))
    if container.single and len(strands) > 1:
        main = bundle.audio
        assert main is not None
        note = f"{output.where}: {container.name} holds one stream; the main audio is taken"
        return _Chosen([main], [note])
    return _Chosen(strands, [])


def _image(bundle: Bundle, output: OutputSpec, container: Container) -> _Chosen:
    stills = [s for s in bundle.of_kind(StreamKind.VIDEO) if _is_still(s)]
    main = bundle.video
    if main is not None and not main.encoded:
        # A cover that passed through beside it is not what an operation made.
        stills = [s for s in stills if not s.encoded]
    return _Chosen(stills or ([main] if main else []), [])


def _text(bundle: Bundle, output: OutputSpec, container: Container) -> _Chosen:
    if container.default_subtitle:
        found = [s for s in bundle if s.label and s.stream.codec == container.default_subtitle]
        texts = [s for s in bundle.of_kind(StreamKind.SUBTITLE) if not _is_bitmap(s)]
        return _Chosen((found or texts)[:1], [])
    return _Chosen([s for s in bundle if s.label and s.kind is StreamKind.DATA][:1], [])


def _is_still(strand: Strand) -> bool:
    return isinstance(strand.stream, VideoStream) and strand.stream.is_still


def _is_bitmap(strand: Strand) -> bool:
    return isinstance(strand.stream, SubtitleStream) and bool(strand.stream.is_bitmap)


_CHOOSERS = {Role.AV: _av, Role.AUDIO: _audio, Role.IMAGE: _image, Role.TEXT: _text}
