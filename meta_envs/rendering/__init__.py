"""Pictures of lifetimes, apart from physics: families know nothing of them, and drawing one is what imports pygame."""

from meta_envs.rendering.painters import Painter, find_painter
from meta_envs.rendering.sheet import contact_sheet, save_png, take_picture, to_png
from meta_envs.rendering.trace import Trace
from meta_envs.rendering.viewer import Viewer

__all__ = ["Painter", "Trace", "Viewer", "contact_sheet", "find_painter", "save_png", "take_picture", "to_png"]
