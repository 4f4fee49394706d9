"""A YAML file in, a checked benchmark out, every fault named with its line.

Imports errors alone.
"""
