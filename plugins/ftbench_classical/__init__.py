"""Watermarks that need no training: the methods of the invisible-watermark library, as the library computes them."""
