"""Media that would make FFmpeg read, write or reach what was not given to it.

Each wall is tried alone: the pinned demuxers without the sandbox, the sandbox without pins. And
each attack is shown to work on a bare FFmpeg, for otherwise it would prove nothing here.
"""

import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from reelwright.errors import Kind, ReelError
from reelwright.media.demuxers import file_url, input_options, probe_options
from reelwright.tools.binaries import Tools
from reelwright.tools.sandbox import landlock_abi
from tests.attack.attempts import bare, confined, make, probed, walled

pytestmark = pytest.mark.attack
# What makes a bare FFmpeg fall for each; HLS and DASH want an extension that they trust.
BARE = {
    "hls": ("-f", "hls", "-allowed_extensions", "ALL", "-extension_picky", "0"),
    "concat": ("-f", "concat", "-safe", "0"),
    "dash": ("-f", "dash"),
}


def manifest(kind: str, target: str) -> str:
    """A script of `kind` that names `target` as the place of its media."""
    return {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n",
        "concat": f"ffconcat version 1.0\nfile '{target}'\n",
        "dash": f"""<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"
 mediaPresentationDuration="PT9S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>
<AdaptationSet mimeType="video/mp4"><Representation id="0" bandwidth="1" codecs="avc1">
<BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>""",
    }[kind]


@pytest.mark.parametrize("kind", BARE)
class TestManifestsInMp4:
    def clip(self, kind: str, workspace: Path, outside: Path) -> Path:
        target = outside / ("secret.ts" if kind == "hls" else "secret.mp4")
        clip = workspace / "clip.mp4"
        clip.write_text(manifest(kind, str(target)))
        return clip

    def test_a_bare_ffmpeg_falls_for_it(
        self, kind: str, tools: Tools, workspace: Path, outside: Path
    ) -> None:
        clip = self.clip(kind, workspace, outside)
        bare(tools, workspace, *BARE[kind], "-i", clip, "-c", "copy", "out.mkv")
        assert (workspace / "out.mkv").stat().st_size > 1000

    def test_the_pins_refuse_it_without_a_sandbox(
        self, kind: str, tools: Tools, workspace: Path, outside: Path
    ) -> None:
        clip = self.clip(kind, workspace, outside)
        for pins in (probe_options(), input_options("mov"), input_options("matroska")):
            done = bare(tools, workspace, *pins, "-i", file_url(clip), "-c", "copy", "out.mkv")
            assert done.returncode != 0
            assert not (workspace / "out.mkv").exists()

    @walled
    def test_the_sandbox_refuses_it_without_pins(
        self, kind: str, tools: Tools, workspace: Path, outside: Path
    ) -> None:
        clip = self.clip(kind, workspace, outside)
        confined(tools, workspace, *BARE[kind], "-i", clip, "-c", "copy", "out.mkv")
        out = workspace / "out.mkv"
        assert not out.exists() or out.stat().st_size < 1000

    @pytest.mark.parametrize("sandbox", [True, False])
    def test_probing_says_that_it_is_no_media(
        self, kind: str, sandbox: bool, tools: Tools, workspace: Path, outside: Path
    ) -> None:
        clip = self.clip(kind, workspace, outside)
        with pytest.raises(ReelError) as caught:
            probed(clip, tools, sandbox=sandbox)
        assert caught.value.code.kind is Kind.MEDIA
        assert "secret" not in caught.value.problem.message


SCRIPTS = {
    "clip.svg": '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    ' width="64" height="48"><image xlink:href="file:///etc/passwd" width="9" height="9"/></svg>',
    "clip.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "clip.idx": "# VobSub index file, v7\nsize: 720x576\n",
    "clip.m3u": "#EXTM3U\n/etc/passwd\n",
    "clip.avs": 'FFVideoSource("/etc/passwd")\n',
    "clip.txt": "root:x:0:0:root:/root:/bin/bash\n" * 40,
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_and_texts_are_not_taken_for_media(
    name: str, tools: Tools, workspace: Path
) -> None:
    path = workspace / name
    path.write_text(SCRIPTS[name])
    with pytest.raises(ReelError) as caught:
        probed(path, tools, sandbox=False)
    assert caught.value.code.kind is Kind.MEDIA


class Listener:
    """Counts who knocks, on TCP and on UDP."""

    def __init__(self) -> None:
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp.settimeout(0.3)
        self.udp.settimeout(0.3)
        self._ended = threading.Event()
        self.knocks = 0
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                self.tcp.accept()[0].close()
                self.knocks += 1
            except TimeoutError:
                continue

    def datagrams(self) -> int:
        try:
            return len(self.udp.recv(9999))
        except TimeoutError:
            return 0

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self.tcp.close()
        self.udp.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


def test_a_playlist_reaches_no_server(tools: Tools, workspace: Path, listener: Listener) -> None:
    url = f"http://127.0.0.1:{listener.port}/latest/meta-data.ts"
    clip = workspace / "clip.m3u8"
    clip.write_text(manifest("hls", url))
    trusting = ("-protocol_whitelist", "file,http,tcp", *BARE["hls"])
    bare(tools, workspace, *trusting, "-i", clip, "out.mkv")
    fooled = listener.knocks
    assert fooled > 0  # a bare FFmpeg goes there
    bare(tools, workspace, *probe_options(), "-i", file_url(clip), "out.mkv")
    with pytest.raises(ReelError):
        probed(clip, tools, sandbox=False)
    assert listener.knocks == fooled
    if landlock_abi():
        confined(tools, workspace, *trusting, "-i", clip, "out.mkv")
        assert listener.knocks == fooled


@walled
@pytest.mark.parametrize("protocol", ["udp", "rtp", "tcp", "http"])
def test_nothing_is_sent_out_of_the_sandbox(
    protocol: str, tools: Tools, workspace: Path, listener: Listener
) -> None:
    source = ("-f", "lavfi", "-i", "testsrc2=size=64x48:duration=0.5")
    target = f"{protocol}://127.0.0.1:{listener.port}"
    muxer = "rtp" if protocol == "rtp" else "mpegts"
    words = (*source, "-c:v", "mpeg2video", "-f", muxer, target)
    if protocol in ("udp", "rtp"):
        bare(tools, workspace, *words)
        assert listener.datagrams() > 0
        while listener.datagrams():
            pass
    done = confined(tools, workspace, *words)
    assert done.exit_code != 0
    assert listener.datagrams() == 0
    assert listener.knocks == 0


@walled
@pytest.mark.parametrize(
    "graph",
    [
        "movie={secret}.mp4[m];[in][m]overlay",
        "subtitles={secret}.srt",
        "subtitles=../outside/secret.srt",
        "drawtext=textfile={secret}.txt:fontfile={font}",
        "movie=link.mp4[m];[in][m]overlay",
    ],
)
def test_filters_read_nothing_outside(
    graph: str, tools: Tools, workspace: Path, outside: Path
) -> None:
    import reelwright

    font = Path(reelwright.__file__).parent / "assets" / "fonts" / "DejaVuSans.ttf"
    (workspace / "link.mp4").symlink_to(outside / "secret.mp4")
    text = graph.format(secret=outside / "secret", font=font)
    source = ("-f", "lavfi", "-i", "testsrc2=size=64x48:duration=0.2")
    assert bare(tools, workspace, *source, "-vf", text, "bare.mkv").returncode == 0
    assert confined(tools, workspace, *source, "-vf", text, "out.mkv").exit_code != 0


@walled
def test_writing_outside_is_refused(tools: Tools, workspace: Path, outside: Path) -> None:
    source = ("-f", "lavfi", "-i", "testsrc2=size=64x48:duration=0.2")
    (workspace / "away").symlink_to(outside)
    (workspace / "over.mkv").symlink_to(outside / "secret.mp4")
    before = {path.name: path.read_bytes() for path in outside.iterdir()}
    for target in (outside / "new.mkv", "../outside/new.mkv", "away/new.mkv", "over.mkv"):
        assert confined(tools, workspace, *source, "-f", "matroska", target).exit_code != 0
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == before


def with_external_samples(movie: bytes, path: Path) -> bytes:
    """A QuickTime file whose data reference (dref) says that its samples lie in `path`."""
    at = movie.index(b"dref") - 4
    old = struct.unpack(">I", movie[at : at + 4])[0]
    name = str(path).encode()
    # As mov.c reads an alias: volume, file name, levels, then the absolute path as item 2.
    alias = bytes(10 + 28 + 12) + b"\x0asecret.mp4".ljust(64, b"\0") + bytes(16 + 4 + 16)
    alias += struct.pack(">HH", 2, len(name)) + name + bytes(len(name) % 2)
    alias += struct.pack(">HH", 0xFFFF, 0)
    entry = struct.pack(">I", len(alias) + 12) + b"alis" + bytes(4) + alias
    table = struct.pack(">I", len(entry) + 16) + b"dref" + bytes(4) + struct.pack(">I", 1) + entry
    grown = bytearray(movie[:at] + table + movie[at + old :])
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        found = bytes(grown).rindex(kind, 0, at) - 4
        size = struct.unpack(">I", grown[found : found + 4])[0] + len(table) - old
        grown[found : found + 4] = struct.pack(">I", size)
    return bytes(grown)


def test_an_external_reference_of_quicktime_is_not_followed(
    tools: Tools, workspace: Path, outside: Path
) -> None:
    made = make(tools, workspace / "made.mov", "-vf", "negate", "-pix_fmt", "yuv420p")
    secret = outside / "secret.mp4"
    (workspace / "clip.mov").write_bytes(with_external_samples(made.read_bytes(), secret))
    opened = f"Opening '{secret}' for reading"
    follow = ("-v", "verbose", "-enable_drefs", "1", "-use_absolute_path", "1")
    read = ("-i", "clip.mov", "-c", "copy", "-f", "null", "-")
    assert opened in bare(tools, workspace, *follow, *read).stderr.decode()
    pins = ("-v", "verbose", *input_options("mov"))
    assert opened not in bare(tools, workspace, *pins, *read).stderr.decode()
    if landlock_abi():
        tail = confined(tools, workspace, *follow, *read).stderr_tail
        assert any("error opening alias" in line for line in tail)
