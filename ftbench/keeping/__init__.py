"""Which finished cells still stand, why others are made again, and how old ones get their new names.

Imports the plan, storage and parts.
"""
