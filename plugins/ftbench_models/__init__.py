"""Models that mark and read pictures: a folder each, with its entry, its weights and its card; no code."""
