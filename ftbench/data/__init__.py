"""Images of people, and the split that each belongs to.

Imports the contract.
"""
