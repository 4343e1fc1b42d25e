"""What people read: whole and harmless whatever a terminal's width and encoding, and whatever stands in names."""

from typing import TYPE_CHECKING

from meta_envs.lazy import lazily

if TYPE_CHECKING:
    from meta_envs.terminal.progress import Progress as Progress
    from meta_envs.terminal.progress import track as track
    from meta_envs.terminal.screen import Page as Page
    from meta_envs.terminal.screen import Screen as Screen
    from meta_envs.terminal.table import Table as Table
    from meta_envs.terminal.text import adapt as adapt
    from meta_envs.terminal.text import show as show

__all__ = ["Page", "Progress", "Screen", "Table", "adapt", "show", "track"]

if not TYPE_CHECKING:  # Rich takes a tenth of a second
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "Page": "meta_envs.terminal.screen",
            "Progress": "meta_envs.terminal.progress",
            "Screen": "meta_envs.terminal.screen",
            "Table": "meta_envs.terminal.table",
            "adapt": "meta_envs.terminal.text",
            "show": "meta_envs.terminal.text",
            "track": "meta_envs.terminal.progress",
        },
    )
