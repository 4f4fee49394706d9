"""Cells, weights, rows and manifests on disk: each format is written and read by one file.

Imports errors alone.
"""
