"""Published watermarking networks, and any timm classifier as a reader."""
