"""Files that are whole or not there, and that are read whole or refused.

A file is written beside its place and moved into it. Where the package reads it again, it carries the SHA-256 of all of
itself, which is compared before anything in it is used: see `seal`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HASH = "sha256"
BLANK = "0" * 64
"""In place of the SHA-256, while it is not known."""
DEEPEST = 200
"""Levels of lists and tables in a JSON text, at most."""
_PLACE = re.compile(rb'"sha256": ?"([0-9a-f]{64})"')


def write_atomically(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file so that, whenever the program is killed or the power fails, the old or the new content is there.

    A file that is there keeps its mode; of a link the target is written; what is no file, such as a pipe, is written
    to as it is.

    Args:
        path: Where to write.
        content: The content, or its parts in order, where it is too large to be held.

    Raises:
        OSError: If it cannot be written; an old file stays whole.
    """
    parts = [content] if isinstance(content, bytes) else content
    try:
        mode = _mode(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if mode is None or stat.S_ISREG(mode):
            _replace(Path(os.path.realpath(path)), parts, mode)
        else:
            with path.open("wb") as file:
                file.writelines(parts)
    except OSError as error:
        raise OSError(
            f"{path} cannot be written ({reason_of(error)}): make room there, or give another place; what was there "
            "stays."
        ) from error


def _replace(path: Path, parts: Iterable[bytes], mode: int | None) -> None:
    # Cut, for a name may be as long as names may be, and of one thread, for several may write the same file.
    partial = path.with_name(f"{partial_prefix(path.name)}{os.getpid()}.{threading.get_ident()}")
    try:
        kept = 0o666 if mode is None else stat.S_IMODE(mode)
        # Nobody else may read what they could not read before, at no moment.
        opened = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), kept)
        with os.fdopen(opened, "wb") as file:
            if mode is not None:
                partial.chmod(kept)
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _settle(path.parent)


def partial_prefix(name: str) -> str:
    """What the names of a file begin with while it is being written; a kill may leave one."""
    return f".{name[:40]}."


def _mode(path: Path) -> int | None:
    """Of the file that is there, behind links."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None
    except ValueError as error:  # as of a null in it
        raise OSError(f"no file can have this name: {error}") from error


def is_there(path: Path) -> bool:
    """Whether there is a file or a folder; there is none of a name that none can have, such as a very long one."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _settle(directory: Path) -> None:
    """Have the names in a directory on the disk too, where the system lets directories be opened."""
    if os.name == "posix":
        opened = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


@contextmanager
def reading(path: Path, wrong: str, cure: str) -> Iterator[None]:
    """Say of a file that is not what it should be, whatever is wrong with it, in one sentence which one it is.

    Args:
        path: The file.
        wrong: What follows its name, as "is not a whole agent".
        cure: What to do.

    Raises:
        ValueError: If anything is raised inside.
    """
    try:
        yield
    except Exception as error:
        raise ValueError(f"{path} {wrong} ({reason_of(error)}): {cure}.") from error


def reason_of(error: BaseException) -> str:
    """Why a file cannot be read or written, in a few words."""
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    reason = getattr(cause, "strerror", None) or str(cause).strip().partition("\n")[0] or type(cause).__name__
    return str(reason).rstrip(".")[:300]


def seal(content: bytes) -> bytes:
    """A JSON text, or a file that begins with one, with its SHA-256 in place of ``"sha256": BLANK``.

    It is the SHA-256 of the whole content, with `BLANK` where it stands.
    """
    found = _PLACE.search(content)
    assert found is not None
    assert found[1] == BLANK.encode()
    return content[: found.start(1)] + hashlib.sha256(content).hexdigest().encode() + content[found.end(1) :]


def require_seal(content: bytes) -> None:
    """Refuse a content that is not, to the last bit, what `seal` gave.

    This finds damage and mix-ups. It is no protection against somebody who can compute the SHA-256 anew.

    Raises:
        ValueError: If it has no SHA-256, or not its own.
    """
    found = _PLACE.search(content)
    if found is None:
        raise ValueError("it has no SHA-256" if content else "it is empty")
    digest = hashlib.sha256()
    for part in (memoryview(content)[: found.start(1)], BLANK.encode(), memoryview(content)[found.end(1) :]):
        digest.update(part)
    if digest.hexdigest().encode() != found[1]:
        raise ValueError("its SHA-256 is not the one in it")


def write_with_seal_beside(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file that has no place for a SHA-256, such as a table that others read; it goes into a file beside it.

    That has the form of the command ``sha256sum``, whose option ``-c`` compares it too.

    Raises:
        OSError: If one of the two cannot be written.
    """
    digest = hashlib.sha256()

    def watched() -> Iterator[bytes]:
        for part in parts:
            digest.update(part)
            yield part

    write_atomically(path, watched())
    if path.is_file():  # and no pipe
        write_atomically(_beside(path), f"{digest.hexdigest()}  {path.name}\n".encode())


def require_seal_beside(path: Path, content: bytes) -> None:
    """Refuse a content that is not what `write_with_seal_beside` wrote, if there is such a file beside it.

    Raises:
        ValueError: If it was changed; with the file's name.
    """
    beside = _beside(path)
    if is_there(beside) and beside.read_bytes()[:64] != hashlib.sha256(content).hexdigest().encode():
        raise ValueError(
            f"{path} is not as it was written, by its SHA-256 in {beside.name}: write it again, or delete that file "
            "if you changed the table yourself."
        )


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.{HASH}")


def parse_json(text: bytes | str) -> Any:
    """What a JSON text in UTF-8 holds.

    Raises:
        ValueError: If it is none, is nested too deeply, or gives a name twice.
    """
    try:
        content = json.loads(text.decode("utf-8") if isinstance(text, bytes) else text, object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no text in UTF-8: byte {error.start} is {text[error.start]!r}") from None
    level = [content]
    for _ in range(DEEPEST):
        tables = [each for each in level if isinstance(each, list | dict)]
        level = [part for each in tables for part in (each.values() if isinstance(each, dict) else each)]
    if level:
        raise ValueError("it is nested too deeply")
    return content


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"it gives {twice[:40]!r} twice")
    return content
