"""A benchmark opened, its parts built, its cells executed, observed and written.

Imports every lower room.
"""
