"""Results held against themselves, and against what was expected of them."""
