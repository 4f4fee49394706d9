"""Built-in covers: a folder of photographs, and procedural faces that need no download."""
