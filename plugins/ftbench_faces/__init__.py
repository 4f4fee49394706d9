"""Where a face lies in a picture, how it is cut out for a network, and how what comes back is pasted."""
