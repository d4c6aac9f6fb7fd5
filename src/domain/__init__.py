"""What a face, a gallery and a match are. Imports nothing but the standard library and numpy."""
