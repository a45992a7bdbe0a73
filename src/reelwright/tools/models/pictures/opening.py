"""A PNG or JPEG as an array of RGB, whatever it holds: transparency, palettes, 16 bits."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

# A picture of 200 megapixels takes 600 MB before anything has looked at it.
MOST_PIXELS = 200_000_000


def rgb_of(data: bytes) -> Image:
    """The picture, opaque: what is transparent becomes white under dark strokes and black under
    light ones. Raises DECODE_FAILED."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(BytesIO(data)) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise _failed(f"{picture.width}x{picture.height} pixels are too many")
            picture.load()
            return _opaque(picture)
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise _failed(str(error)) from error
    except (OSError, ValueError, SyntaxError) as error:  # what Pillow's readers raise
        raise _failed(f"the picture is damaged: {error}") from error


def array_of(data: bytes) -> NDArray[np.uint8]:
    """As `rgb_of`: height x width x 3, uint8, red first. Raises DECODE_FAILED."""
    import numpy as np

    return np.asarray(rgb_of(data), dtype=np.uint8)


def _opaque(picture: Image) -> Image:
    from PIL import Image

    if picture.mode.startswith("I"):  # 16 bits: Pillow would clip, not scale, them
        return _from_16_bits(picture)
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        ground = Image.new("RGBA", layer.size, _ground(layer))
        ground.alpha_composite(layer)
        return ground.convert("RGB")
    return picture.convert("RGB")


def _from_16_bits(picture: Image) -> Image:
    import numpy as np
    from PIL import Image

    values = np.asarray(picture).astype(np.int64)
    small = np.clip(values >> 8, 0, 255).astype(np.uint8)
    return Image.fromarray(small).convert("RGB")


def _ground(layer: Image) -> tuple[int, int, int, int]:
    """White or black: what stands out from what is drawn."""
    import numpy as np

    luma = np.asarray(layer.convert("L"), dtype=np.float64)
    alpha = np.asarray(layer.getchannel("A"), dtype=np.float64)
    total = alpha.sum()
    is_dark = total == 0 or (luma * alpha).sum() / total < 128
    return (255, 255, 255, 255) if is_dark else (0, 0, 0, 255)


def _failed(why: str) -> ReelError:
    return ReelError(Code.DECODE_FAILED, f"the picture cannot be read: {why}")
