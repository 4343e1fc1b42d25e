"""Files that are whole or not there: written beside their place and moved into it."""

import os
from collections.abc import Iterable
from pathlib import Path


def write_atomically(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file so that, whenever the program is killed, either the old or the new content is there.

    Args:
        path: Where to write.
        content: The content, or its parts in order, where it is too large to be held.

    Raises:
        OSError: If it cannot be written; an old file stays whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("wb") as file:
            file.writelines([content] if isinstance(content, bytes) else content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
