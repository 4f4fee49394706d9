"""A trained pair is tested, and becomes rows.

Imports the pipeline and data.
"""
