"""One service with an issuer for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.app.oidc import OidcIssuer, oidc_issuer
from tests.features.auth.doors import ORIGIN
from tests.served import Served, serving


@pytest.fixture(scope="package")
def issuer() -> Iterator[OidcIssuer]:
    with oidc_issuer() as running:
        yield running


@pytest.fixture(scope="package")
def guarded(tmp_path_factory: pytest.TempPathFactory, issuer: OidcIssuer) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("guarded") / "home"
    with serving(home, REEL_AUTH__ISSUER=issuer.url, REEL_SERVE__ORIGINS=ORIGIN) as running:
        yield running
