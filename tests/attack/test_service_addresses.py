"""What a spec of a stranger makes a service connect to: nothing but what its rules allow."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.download.addresses import Reach, networks
from tests.runners.fetch_attempts import Attempts, failing, result_of, small_clip
from tests.runners.origin import Handler, Origin, Served, refusal, serving

pytestmark = pytest.mark.attack


@pytest.fixture
def origin() -> Iterator[Origin]:
    with serving() as server:
        yield server


class Service(Attempts):
    """Attempts as a service makes them, for which one more network is allowed."""

    def __init__(self, folder: Path, net_allow: str = "127.0.0.1") -> None:
        super().__init__(folder)
        self.allow_private = False
        self.net_allow = net_allow


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path)


@pytest.fixture(scope="module")
def clip(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_clip(ffmpeg, tmp_path_factory.mktemp("clips") / "clip.mp4")


def test_a_network_that_is_allowed(origin: Origin, service: Service, clip: Path) -> None:
    origin.answers["/a.mp4"] = Served(clip.read_bytes())

    assert result_of(service.run(origin.url("/a.mp4")))["final_url"] == origin.url("/a.mp4")


@pytest.mark.parametrize("how", ["file", "page"])
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.2",
        "2130706434",  # the same as one number
        "0177.0.0.2",  # octal
        "0x7f.0.0.2",  # hexadecimal
        "127.2",  # shortened
        "[::ffff:127.0.0.2]",
        "[::ffff:7f00:2]",
        "[::127.0.0.2]",
        "[64:ff9b::127.0.0.2]",
        "[64:ff9b:1::127.0.0.2]",
        "[2002:7f00:2::]",
        "[::1]",
        "[::]",
        "0.0.0.0",
        "169.254.169.254",
        "100.100.100.200",
    ],
)
def test_every_way_to_write_an_address(service: Service, how: str, host: str) -> None:
    """127.0.0.1 alone is allowed: 127.0.0.2 is somebody else's."""
    with socket.create_server(("127.0.0.2", 0)) as listener:
        listener.settimeout(0.2)
        error = failing(service, f"http://{host}:{listener.getsockname()[1]}/a.mp4", how=how)

        assert error.code is Code.ADDRESS_REFUSED
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.2/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/", "file:///"],
)
def test_a_redirect_is_checked_again(origin: Origin, service: Service, target: str) -> None:
    origin.answers["/a.mp4"] = refusal(302, Location=target)

    refused = {Code.ADDRESS_REFUSED, Code.INPUT_SCHEME}
    assert failing(service, origin.url("/a.mp4")).code in refused
    assert len(origin.requests) == 1


_RESOLVE = """
import socket, sys
from reelwright.tools.download.addresses import hold_to
answers = [["93.184.215.14"], ["127.0.0.1"]]   # the second time: rebound
def lying(host, port, *rest, **named):
    found = answers.pop(0) if len(answers) > 1 else answers[0]
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, int(port or 0))) for a in found]
socket.getaddrinfo = lying
hold_to(allow_private=False)
names = []
real = socket.socket
"""


def run_held(code: str) -> str:
    """Python code after `_RESOLVE`; what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", _RESOLVE + code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_name_is_resolved_once_and_that_is_connected_to() -> None:
    """The first answer is public and is what is kept; asked again, the name would be ours."""
    said = run_held(
        "found = socket.getaddrinfo('rebinding.example', 80)\nprint(found[0][4][0], len(answers))\n"
    )
    assert said == "93.184.215.14 1"


@pytest.mark.parametrize("how", ["create_connection", "connect", "connect_ex"])
def test_a_name_that_resolves_to_a_private_address(how: str) -> None:
    act = {
        "create_connection": "socket.create_connection(('x.example', port), 5)",
        "connect": "socket.socket().connect(('x.example', port))",
        "connect_ex": "socket.socket().connect_ex(('127.0.0.1', port))",
    }[how]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        said = run_held(
            f"port = {listener.getsockname()[1]}\nanswers.pop(0)\n"
            f"try:\n    {act}\n    print('connected')\nexcept Exception as e:\n    print(e.code)\n"
        )
    assert said == "Code.ADDRESS_REFUSED"


def test_one_private_answer_among_public_ones_is_enough() -> None:
    said = run_held(
        "answers[:] = [['93.184.215.14', '10.0.0.1']]\n"
        "try:\n    socket.getaddrinfo('x.example', 80)\nexcept Exception as e:\n    print(e)\n"
    )
    assert "10.0.0.1" in said


def test_a_proxy_is_not_asked(
    origin: Origin, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, origin.url(""))

    for how in ("file", "page"):
        error = failing(service, "http://127.0.0.2:9/a.mp4", how=how)
        assert error.code is Code.ADDRESS_REFUSED
    assert not origin.requests


@pytest.mark.parametrize(
    "lines",
    [
        '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="{away}"\n#EXTINF:4,\n{segment}\n',
        "#EXTINF:4,\n{away}\n",
        '#EXT-X-KEY:METHOD=AES-128,URI="{away}"\n#EXTINF:4,\n{segment}\n',
        '#EXT-X-MAP:URI="{away}"\n#EXTINF:4,\n{segment}\n',
    ],
)
@pytest.mark.parametrize("is_live", [False, True])
def test_no_playlist_gives_an_address_to_ffmpeg(
    origin: Origin, service: Service, lines: str, is_live: bool
) -> None:
    """yt-dlp leaves what it cannot read, and live streams, to FFmpeg, which resolves for itself."""
    with socket.create_server(("127.0.0.2", 0)) as listener:
        listener.settimeout(0.2)
        away = f"http://127.0.0.2:{listener.getsockname()[1]}/key"
        body = lines.format(away=away, segment=origin.url("/a.ts"))
        end = "" if is_live else "#EXT-X-ENDLIST\n"
        origin.answers["/a.ts"] = Served(b"G" * 1880, content_type="video/mp2t")
        origin.answers["/a.m3u8"] = Served(
            f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n{body}{end}".encode(),
            content_type="application/vnd.apple.mpegurl",
        )

        error = failing(service, origin.url("/a.m3u8"))

        refused = {Code.ADDRESS_REFUSED, Code.EXTRACTOR_UNSUPPORTED, Code.MEDIA_ENCRYPTED}
        if is_live:
            refused = {*refused, Code.VIDEO_NOT_YET}  # it is waited for, and nothing is fetched
        assert error.code in refused, error.problem
        with pytest.raises(TimeoutError):
            listener.accept()


def endless(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "video/mp4")
    handler.end_headers()
    handler.close_connection = True
    try:
        while True:
            handler.wfile.write(b"\0" * 65536)
    except OSError:
        pass


def test_a_body_without_end(origin: Origin, service: Service) -> None:
    service.fetch_bytes = 1 << 20
    origin.answers["/a.mp4"] = endless

    error = failing(service, origin.url("/a.mp4"))

    assert error.code is Code.MEDIA_TOO_LARGE
    assert "1048576" in str(error)


def test_a_length_that_is_too_much_is_believed_at_once(origin: Origin, service: Service) -> None:
    def huge(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(1 << 60))
        handler.end_headers()
        handler.close_connection = True

    service.fetch_bytes = 1 << 20
    origin.answers["/a.mp4"] = huge

    assert failing(service, origin.url("/a.mp4")).code is Code.MEDIA_TOO_LARGE


def test_a_spec_may_lower_the_limit_and_not_raise_it(origin: Origin, service: Service) -> None:
    service.fetch_bytes = 1000
    origin.answers["/a.mp4"] = Served(b"\0" * 5000)

    for asked in (500, 1 << 30):
        error = failing(service, origin.url("/a.mp4"), max_bytes=asked)
        assert error.code is Code.MEDIA_TOO_LARGE
        assert f"{min(asked, 1000)} are allowed" in str(error)


@pytest.mark.parametrize("slow", ["headers", "body", "page"])
def test_a_server_that_dribbles(origin: Origin, service: Service, slow: str) -> None:
    """No single read times out; the whole does."""
    ended = threading.Event()

    def dribble(handler: Handler) -> None:
        handler.close_connection = True
        first = "HTTP/1.1 200 OK\r\n" + (
            "" if slow == "headers" else "Content-Type: video/mp4\r\n\r\n"
        )
        try:
            handler.wfile.write(first.encode())
            while not ended.wait(0.05):
                handler.wfile.write(b"X-A: b\r\n" if slow == "headers" else b"\0")
        except OSError:
            pass

    service.fetch_s = 1.5
    origin.answers["/a.mp4"] = dribble
    began_s = time.monotonic()
    try:
        error = failing(service, origin.url("/a.mp4"), how="page" if slow == "page" else "file")
    finally:
        ended.set()

    assert error.code is Code.TIMEOUT
    assert time.monotonic() - began_s < 30


@pytest.mark.parametrize(
    ("net_allow", "address", "is_fine"),
    [
        ("", "10.0.0.1", False),
        ("10.0.0.0/8", "10.0.0.1", True),
        ("10.0.0.0/8", "::ffff:10.0.0.1", True),
        ("10.0.0.0/8", "11.0.0.1", True),  # public
        ("10.0.0.0/8", "172.16.0.1", False),
        ("0.0.0.0/0", "192.168.1.1", True),
        ("0.0.0.0/0,::/0", "169.254.169.254", False),
        ("169.254.0.0/16", "169.254.1.1", True),
        ("169.254.0.0/16", "169.254.169.254", False),
        ("169.254.169.254", "169.254.169.254", True),
        ("fd00::/8", "fd00:ec2::254", False),
        ("fd00:ec2::254/128", "fd00:ec2::254", True),
        ("100.64.0.0/10", "100.100.100.200", False),
        ("", "168.63.129.16", False),
        ("::/0", "fe80::1", False),
        ("fe80::/10", "fe80::1%eth0", True),
    ],
)
def test_what_a_network_in_the_setting_allows(net_allow: str, address: str, is_fine: bool) -> None:
    """Link-local and metadata addresses only where somebody meant just them."""
    reach = Reach.of(allow_private=False, net_allow=net_allow)
    found = None
    try:
        reach.check("host", address)
    except ReelError as error:
        found = error.code

    assert found is (None if is_fine else Code.ADDRESS_REFUSED)


@pytest.mark.parametrize("text", ["10.0.0.0/33", "ten", "10.0.0.1/8", "https://10.0.0.0"])
def test_a_network_that_is_none(text: str) -> None:
    with pytest.raises(ReelError) as caught:
        networks(f"127.0.0.0/8,{text}", "REEL_NET_ALLOW")

    assert caught.value.code is Code.CONFIG_INVALID
    assert caught.value.problem.where == "REEL_NET_ALLOW"
    assert f"'{text}'" in str(caught.value)


def test_what_is_needed_to_write_them_is_told() -> None:
    assert [str(n) for n in networks(" 10.0.0.0/8 , ::1,")] == ["10.0.0.0/8", "::1/128"]
