"""Finds faces: networks, and the looks they take at a picture."""
