"""Photos in a folder."""
