"""Image quality against a reference: by pixels, by structure, and as an eye or a network sees it."""
