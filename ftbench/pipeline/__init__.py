"""Tensors on their way: encode, 8-bit, simulator, distortion, decode.

Knows neither YAML nor plan.
"""
