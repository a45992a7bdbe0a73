"""What must not get out: secrets to other hosts and into files, requests to private addresses."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.ytdlp.request import Part
from tests.site import Site
from tests.site_pages import json_ld_page, video_page
from tests.site_resources import Guarded
from tests.tools.ytdlp.conftest import Children

FILE = "/files/clip.mp4"


def test_the_info_file_holds_no_address_that_opens_the_file(site: Site, children: Children) -> None:
    site.add("/page", video_page("Signed", [(site.url(f"{FILE}?token=s3cret"), "video/mp4")]))

    done = children.fetch(
        site.url("/page").replace("//", "//me:passw0rd@"),
        Part.INFO,
        headers={"X-Key": "k3y"},
    )

    text = done.text(Part.INFO)
    assert "Signed" in text
    assert not [word for word in ("s3cret", "passw0rd", "k3y", "http_headers") if word in text]


def test_errors_and_logs_hold_no_password(site: Site, children: Children) -> None:
    user = "me:passw0rd"

    error = children.failing(site.url("/pages/none").replace("//", f"//{user}@"))

    log = (children.made[-1] / "log").read_text()
    assert error.code is Code.EXTRACTOR_UNSUPPORTED
    assert "Extracting URL" in log
    assert "passw0rd" not in f"{error.problem.to_json()} {log}"


def test_no_private_address_in_a_service(site: Site, children: Children) -> None:
    error = children.failing(site.url("/pages/og"), allow_private=False)

    assert error.code is Code.ADDRESS_REFUSED
    assert not site.requests


def test_no_private_address_behind_an_allowed_one(
    site: Site, children: Children, site_media: Path
) -> None:
    """Each thing that a page names is checked, not only the page: its image lies elsewhere."""
    page = json_ld_page(
        site.url(FILE), "T", poster=f"http://127.0.0.2:{site.port}/p.jpg", uploaded="2024-01-01"
    )
    site.add("/page", page, "text/html")

    done = children.fetch(
        site.url("/page"), Part.THUMBNAIL, allow_private=False, net_allow="127.0.0.1/32"
    )

    assert done.answer.missing[Part.THUMBNAIL].code is Code.ADDRESS_REFUSED


def test_no_proxy_that_a_service_may_not_reach(site: Site, children: Children) -> None:
    """It would connect where this process must not."""
    with pytest.raises(ReelError) as refused:
        children.fetch(
            site.url("/pages/og"),
            Part.INFO,
            options={"proxy": "http://10.9.8.7:3128"},
            allow_private=False,
            net_allow="127.0.0.1/32",
        )

    assert refused.value.code is Code.ADDRESS_REFUSED


def test_cookies_are_sent_and_their_file_is_left_alone(
    site: Site, children: Children, tmp_path: Path
) -> None:
    cookies = tmp_path / "cookies.txt"
    line = "\t".join(["127.0.0.1", "FALSE", "/", "FALSE", "0", "session", "s3cret"])
    cookies.write_text(f"# Netscape HTTP Cookie File\n{line}\n")
    before = cookies.read_bytes()
    for path in ("/pages/og", FILE):
        site.fail(path, Guarded(header="cookie", value="session=s3cret"))

    refused = children.failing(site.url("/pages/og"))
    done = children.fetch(site.url("/pages/og"), options={"cookies": str(cookies)})

    assert refused.code is Code.HTTP_FORBIDDEN
    assert done.answer.direct is not None
    assert done.answer.direct.headers["Cookie"] == "session=s3cret"
    assert cookies.read_bytes() == before


def test_cookies_that_are_not_there(site: Site, children: Children, tmp_path: Path) -> None:
    error = children.failing(site.url(FILE), options={"cookies": str(tmp_path / "none.txt")})

    assert error.code is Code.INPUT_NOT_FOUND


def test_headers_are_for_the_host_of_the_address_alone(site: Site, children: Children) -> None:
    other = f"http://localhost:{site.port}"
    page = json_ld_page(
        f"{other}{FILE}", "T", poster=f"{other}/files/poster.jpg", uploaded="2024-01-01"
    )
    site.add("/page", page, "text/html")

    children.fetch(site.url("/page"), Part.THUMBNAIL, headers={"Authorization": "Bearer k3y"})

    assert site.asked("/page")[0].headers["authorization"] == "Bearer k3y"
    (image,) = site.asked("/files/poster.jpg")
    assert "authorization" not in image.headers
