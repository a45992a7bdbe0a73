"""Pictures in a zip: whole, in true colors, the same bytes for the same pictures."""

import zipfile
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from reelwright.operators.analyse.packs import PicturePack, Planes, planes_of


def planes(luma: int, blue: int = 128, red: int = 128) -> Planes:
    flat = bytes([luma]) * (64 * 32) + bytes([blue]) * (32 * 16) + bytes([red]) * (32 * 16)
    return planes_of(memoryview(flat), 64, 32)


def packed(path: Path) -> bytes:
    pack = PicturePack(path)
    assert pack.add(Fraction(1001, 30000), planes(76, 85, 255)) == "000000033.jpg"
    assert pack.add(Fraction(3600), planes(200)) == "003600000.jpg"
    pack.close()
    return path.read_bytes()


def test_pictures_come_back_as_they_were(tmp_path: Path) -> None:
    packed(tmp_path / "pack.zip")
    with zipfile.ZipFile(tmp_path / "pack.zip") as pack:
        assert pack.namelist() == ["000000033.jpg", "003600000.jpg"]
        assert all(i.compress_type == zipfile.ZIP_STORED for i in pack.infolist())
        red = Image.open(BytesIO(pack.read("000000033.jpg"))).convert("RGB")
    assert red.size == (64, 32)
    assert np.abs(np.array(red).astype(int) - (255, 0, 0)).max() < 6


def test_the_same_pictures_are_the_same_bytes(tmp_path: Path) -> None:
    assert packed(tmp_path / "one.zip") == packed(tmp_path / "other.zip")
