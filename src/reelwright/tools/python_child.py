"""How a part of Reelwright runs as a confined child: Python with nothing but its own packages."""

from __future__ import annotations

import os
import ssl
import sys
import sysconfig
from pathlib import Path

import reelwright

# Where the network is reached from is the administrator's to say, also for a child.
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_PACKAGE = Path(reelwright.__file__).parent.parent


def python_argv(module: str, *arguments: str) -> tuple[str, ...]:
    """-P: the workspace, where a command runs, is no place to import from."""
    return (sys.executable, "-P", "-s", "-m", module, *arguments)


def python_env(*, network: bool = False, proxies: bool = True) -> dict[str, str]:
    """`proxies` False: a proxy would connect where the child itself must not."""
    names = (*_TRUST, *(_PROXIES if proxies else ())) if network else ()
    passed = {n: os.environ[n] for n in names if n in os.environ}
    own = {"PYTHONPATH": str(_PACKAGE), "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"}
    return passed | own


def python_reads(*, network: bool = False) -> tuple[Path, ...]:
    """What Python and its packages read to start; with `network` the certificates too."""
    folders = (sysconfig.get_path(n) for n in ("stdlib", "platstdlib", "purelib", "platlib"))
    paths = {_PACKAGE, Path(sys.prefix) / "pyvenv.cfg", *map(Path, filter(None, folders))}
    if network:
        trust = ssl.get_default_verify_paths()
        named = (trust.cafile, trust.capath, trust.openssl_cafile, trust.openssl_capath)
        paths |= {Path(name).resolve() for name in named if name}
    return tuple(sorted(path for path in paths if path.exists()))
