"""Networks that somebody exported to ONNX, as simulator, encoder and decoder."""
