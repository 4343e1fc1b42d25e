"""Pictures of lifetimes, apart from physics: families know nothing of them, and drawing one is what imports pygame."""

from meta_envs.rendering.painters import find_painter
from meta_envs.rendering.trace import Trace
from meta_envs.rendering.viewer import Viewer

__all__ = ["Trace", "Viewer", "find_painter"]
