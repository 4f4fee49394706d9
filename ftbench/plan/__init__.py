"""A benchmark becomes cells: parts resolved, conflicts found, keys computed. Pure.

Imports the benchmark file and the parts.
"""
