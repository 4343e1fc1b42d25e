"""Worlds that families are set in: layouts of mazes, sets of images, a panorama, and views of them."""
