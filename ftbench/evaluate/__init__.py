"""A trained pair becomes rows, and rows become numbers with intervals.

Imports the pipeline and data.
"""
