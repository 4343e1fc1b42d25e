"""Files that are whole or not there: written beside their place and moved into it."""

import os
from collections.abc import Iterable
from pathlib import Path


def write_atomically(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file so that, whenever the program is killed or the power fails, the old or the new content is there.

    Args:
        path: Where to write.
        content: The content, or its parts in order, where it is too large to be held.

    Raises:
        OSError: If it cannot be written; an old file stays whole.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as file:
                file.writelines([content] if isinstance(content, bytes) else content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        _settle(path.parent)
    except OSError as error:
        reason = error.strerror or error
        raise OSError(
            f"{path} cannot be written ({reason}): make room there, or give another place; what was there stays."
        ) from error


def _settle(directory: Path) -> None:
    """Have the names in a directory on the disk too, where the system lets directories be opened."""
    if os.name == "posix":
        opened = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
