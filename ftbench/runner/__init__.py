"""A benchmark opened, its parts built, its cells executed and observed.

Imports every lower room.
"""
