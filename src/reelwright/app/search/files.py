"""A text for a person's own file: whole or not at all, and never over another one unasked."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from reelwright.errors import Code, ReelError


def put_text(path: Path, text: str, *, overwrite: bool = False) -> None:
    """Raises OUTPUT_EXISTS, OUTPUT_PATH, PERMISSION_DENIED, DISK_FULL."""
    from reelwright.store.blobs import refused

    if path.is_dir():
        raise ReelError(Code.OUTPUT_PATH, f"{path} is a folder", where=str(path))
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w",
            encoding="utf-8",
            newline="\n",
            dir=path.parent,
            prefix=f".{path.name}.",
            delete=False,
        ) as file:
            part = Path(file.name)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o666 & ~_umask())
        if overwrite or not _linked(part, path):
            part.replace(path)
    except FileExistsError as error:
        raise ReelError(Code.OUTPUT_EXISTS, f"{path} exists", where=str(path)) from error
    except OSError as error:
        raise refused(error, path) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _linked(part: Path, path: Path) -> bool:
    """A link refuses what exists, in one step; False where the file system has none. Raises
    FileExistsError."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:
        if path.exists():
            raise FileExistsError(path) from None
        return False
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
