"""Device, processes, seeds, and which code and machine made a number.

Imports the benchmark file's schema.
"""
