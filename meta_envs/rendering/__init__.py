"""Pictures of lifetimes, apart from physics: families know nothing of them, and pygame is imported when one is drawn."""

from meta_envs.rendering.trace import Trace
from meta_envs.rendering.viewer import Viewer

__all__ = ["Trace", "Viewer"]
