"""The places that families are set in: plans of mazes, sets of images, a panorama, and views of them."""
