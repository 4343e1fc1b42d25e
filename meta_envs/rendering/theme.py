"""The style of all pictures: sizes in pixels and colours (red, green, blue), alike for every family.

Low and high rewards differ in hue, in lightness and in the size of their mark, so that pictures can be read in grey and
with any colour vision: blue and amber are told apart in every common form of colour blindness. Those between go by way
of mauve, ever darker.
"""

import numpy as np

Color = tuple[int, int, int]

SIZE = (600, 400)
MARGIN = 18
GUTTER = 58
"""Width of the row labels left of every panel, so that panels line up."""

LEFT, RIGHT = MARGIN + GUTTER, SIZE[0] - MARGIN
"""Ends of the panels."""

TITLE = 26
BODY = 22
LABEL = 19
"""Font sizes; the smallest stays legible when a picture is shown 400 pixels wide."""

PAPER: Color = (255, 255, 255)
PANEL: Color = (238, 240, 244)
LINE: Color = (196, 202, 211)
FAINT: Color = (92, 101, 115)
INK: Color = (24, 31, 42)
LOW: Color = (233, 150, 30)
MIDDLE: Color = (176, 114, 132)
HIGH: Color = (0, 84, 159)
TRUTH: Color = (163, 37, 106)
"""The hidden task, shown only when a lifetime is over, is the one thing in this colour."""
_STOPS = np.linspace(0.0, 2.0, 256)
LEVELS = np.rint(
    np.stack([np.interp(_STOPS, range(3), part) for part in zip(LOW, MIDDLE, HIGH, strict=True)], axis=-1)
).astype(np.uint8)
"""Colours (256, 3) uint8 of rewards from the lowest to the highest."""


def level_color(level: float) -> Color:
    """Colour of a reward that lies ``level``, in [0, 1], of the way from the lowest to the highest."""
    red, green, blue = LEVELS[round(255 * level)].tolist()
    return red, green, blue


def ink_on(level: float) -> Color:
    """Colour of a text on that colour: it stands out at least four to one."""
    return PAPER if level > 0.55 else INK
