"""How fast ftbench is, beside the obvious way to do the same work: ratios, medians and spread."""
