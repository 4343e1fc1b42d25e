import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import pages  # noqa: E402

import meta_envs  # noqa: E402
from meta_envs.family import TaskFamily  # noqa: E402

project = "meta-envs"
author = "The meta-envs developers"
copyright = "the meta-envs developers, MIT license"
version = release = meta_envs.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
# Tables that pages include are no pages.
exclude_patterns = ["_build", "_generated/tables"]
suppress_warnings = ["config.cache"]

# Docstrings write the names of objects in single backticks.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # The docstrings say shapes, dtypes and ranges, which types do not.
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
toc_object_entries_show_parents = "hide"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"meta-envs {release}"
html_static_path = ["_static"]
html_css_files = ["meta-envs.css"]
html_show_sphinx = False
copybutton_prompt_text = r"\$ |>>> "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = False


def shorten(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Leave of an environment's docstring what is not on its own page."""
    if what == "class" and issubclass(obj, TaskFamily) and "## Description" in lines:
        del lines[lines.index("## Description") :]


def setup(app: Sphinx) -> None:
    """Generate the pages of environments and the tables before Sphinx looks for pages."""
    app.connect("builder-inited", lambda app: pages.write(HERE / "_generated"))
    app.connect("autodoc-process-docstring", shorten)
