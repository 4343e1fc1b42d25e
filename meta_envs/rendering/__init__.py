"""Pictures of lifetimes, apart from physics: families know nothing of them, and drawing one is what imports pygame."""

from typing import TYPE_CHECKING

from meta_envs.lazy import lazily
from meta_envs.rendering.painters import PAINTERS, Painter, find_painter
from meta_envs.rendering.trace import Trace

if TYPE_CHECKING:
    from meta_envs.rendering.sheet import contact_sheet, save_png, take_picture, to_png
    from meta_envs.rendering.viewer import Viewer

__all__ = [
    "PAINTERS",
    "Painter",
    "Trace",
    "Viewer",
    "contact_sheet",
    "find_painter",
    "save_png",
    "take_picture",
    "to_png",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazily(
        __name__,
        {"Viewer": "meta_envs.rendering.viewer"}
        | dict.fromkeys(("contact_sheet", "save_png", "take_picture", "to_png"), "meta_envs.rendering.sheet"),
    )
