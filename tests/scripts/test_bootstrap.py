"""Setting up on machines that lack something."""

import hashlib
import io
import sys
import zipfile
from pathlib import Path

import pytest

from scripts import bootstrap

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("system", "machine", "musl", "expected"),
    [
        ("Linux", "x86_64", False, "manylinux_2_17_x86_64"),
        ("Linux", "aarch64", False, "manylinux_2_17_aarch64"),
        ("Linux", "x86_64", True, "musllinux_1_1_x86_64"),
        ("Darwin", "x86_64", False, "macosx_10_12_x86_64"),
        ("Darwin", "arm64", False, "macosx_11_0_arm64"),
        ("Darwin", "aarch64", False, "macosx_11_0_arm64"),
    ],
)
def test_the_lock_file_has_a_wheel_for_each_machine(
    system: str, machine: str, musl: bool, expected: str
) -> None:
    wheels = bootstrap.pinned_uv(ROOT / "uv.lock")["wheels"]
    picked = bootstrap.pick_wheel(wheels, system, machine, musl)
    # Versions of the platform tags move with each release of uv; the platform does not.
    kind, _, _ = expected.partition("_")
    tags = picked["url"].rpartition("-")[2].removesuffix(".whl").split(".")
    architecture = expected.split("_", 3)[-1]
    assert any(t.startswith(kind) and t.endswith(architecture) for t in tags), picked["url"]


def test_an_unknown_machine_is_told_what_to_do() -> None:
    with pytest.raises(bootstrap.BootstrapError, match=r"no wheel for Plan9 on vax.*pip work"):
        bootstrap.pick_wheel([{"url": "https://x/uv-1-py3-none-any.whl"}], "Plan9", "vax", False)


def fake_wheel(folder: Path) -> tuple[str, bytes]:
    """A wheel in uv's form whose `uv` is a shell script."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("uv-1.data/scripts/uv", "#!/bin/sh\necho uv 1\n")
        archive.writestr("uv/__init__.py", "")
    names = ["linux_x86_64", "linux_aarch64", "macosx_11_0_arm64", "macosx_10_12_x86_64"]
    tag = ".".join(n.replace("linux_", "manylinux_2_17_") for n in names)
    tag += ".musllinux_1_1_x86_64.musllinux_1_1_aarch64"
    wheel = folder / f"uv-1-py3-none-{tag}.whl"
    wheel.write_bytes(buffer.getvalue())
    return wheel.as_uri(), buffer.getvalue()


def write_lock(folder: Path, url: str, digest: str) -> Path:
    lock = folder / "uv.lock"
    wheel = f'{{ url = "{url}", hash = "{digest}" }}'
    lock.write_text(f'[[package]]\nname = "uv"\nversion = "1"\nwheels = [{wheel}]\n')
    return lock


def test_without_ensurepip_the_pinned_wheel_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)  # as on Debian without python3-venv
    url, data = fake_wheel(tmp_path)
    lock = write_lock(tmp_path, url, f"sha256:{hashlib.sha256(data).hexdigest()}")
    bootstrap.main(tmp_path / "venv", lock)
    assert bootstrap.runs(tmp_path / "venv" / "bin" / "uv", "--version")
    assert not bootstrap.runs(tmp_path / "venv" / "bin" / "python", "-m", "pip", "--version")


def test_a_wheel_with_another_hash_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    url, _ = fake_wheel(tmp_path)
    lock = write_lock(tmp_path, url, f"sha256:{'0' * 64}")
    with pytest.raises(bootstrap.BootstrapError, match=r"not what uv\.lock expects"):
        bootstrap.main(tmp_path / "venv", lock)
    assert not (tmp_path / "venv" / "bin" / "uv").exists()


def test_without_the_venv_module_the_message_names_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "venv", None)
    with pytest.raises(bootstrap.BootstrapError, match="apt install python3-venv"):
        bootstrap.make_environment(tmp_path / "venv")


def test_an_unreachable_address_is_named(tmp_path: Path) -> None:
    missing = (tmp_path / "nothing.whl").as_uri()
    with pytest.raises(bootstrap.BootstrapError, match=r"cannot download .*nothing\.whl"):
        bootstrap.download(missing, "sha256:0")
