"""What people read: whole and harmless whatever a terminal's width and encoding, and whatever stands in names."""

from meta_envs.terminal.screen import Page, Screen
from meta_envs.terminal.table import Table
from meta_envs.terminal.text import adapt, show

__all__ = ["Page", "Screen", "Table", "adapt", "show"]
