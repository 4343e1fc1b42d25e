"""One run at a time in a directory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from meta_envs.files import reason_of


@contextmanager
def holding(directory: Path) -> Iterator[None]:
    """Let no other run write into a directory. The system lets it go with the process, however that ends.

    Raises:
        ValueError: If another run holds it.
    """
    file = directory / ".lock"
    lock = FileLock(file, timeout=0)
    try:
        lock.acquire()
        mine = file.stat().st_ino
    except Timeout:
        raise ValueError(
            f"{directory} is in use by another run: wait for its end, or choose another directory."
        ) from None
    except OSError as error:  # as of file systems without locks
        print(f"{directory} cannot be locked ({reason_of(error)}): let no other run write there.", file=sys.stderr)
        yield
        return
    try:
        yield
    finally:
        # Another one's, if the directory has been taken away and made anew.
        if file.is_file() and file.stat().st_ino == mine:
            file.unlink(missing_ok=True)
        lock.release()
