"""Every recipe of a user's ONNX file with a made-up network of its signature, from a benchmark file to a table."""
