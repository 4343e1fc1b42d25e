"""A checkout as others have it: without symbolic links, and installed in editable mode beside their own code."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def unlinked(tmp_path):
    """A copy of the sources in which the link to the wrappers is a file, as Git leaves it on Windows."""
    for folder in ("meta_envs", "wrappers"):
        shutil.copytree(ROOT / folder, tmp_path / folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, tmp_path)
    link = tmp_path / "meta_envs" / "wrappers"
    if link.is_symlink():
        link.unlink()
        link.write_text("../wrappers", encoding="utf-8")
    return tmp_path


def test_a_checkout_without_symbolic_links_has_its_wrappers(unlinked):
    """From any folder, with nothing but the checkout's path."""
    code = "import meta_envs, meta_envs.wrappers.vector as vector; print(meta_envs.wrappers.__file__, vector.__file__)"
    environ = {**os.environ, "PYTHONPATH": str(unlinked)}
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=unlinked.parent, env=environ, capture_output=True, text=True, check=True)
    assert run.stdout.split() == [
        str(unlinked / "wrappers" / "__init__.py"),
        str(unlinked / "wrappers" / "vector" / "__init__.py"),
    ]


def test_an_editable_install_is_a_path(unlinked):
    """Type checkers read paths and follow no import hooks."""
    pytest.importorskip("setuptools")
    code = "from setuptools import build_meta; print(build_meta.build_editable('.'))"
    run = subprocess.run([sys.executable, "-c", code], cwd=unlinked, capture_output=True, text=True, check=True)
    with ZipFile(unlinked / run.stdout.split()[-1]) as wheel:
        files = {name: wheel.read(name).decode() for name in wheel.namelist() if ".dist-info/" not in name}
    assert [Path(text.strip()) for text in files.values()] == [unlinked]
    assert [Path(name).suffix for name in files] == [".pth"]
