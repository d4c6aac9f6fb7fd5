"""Exact search of a session whose templates are held in memory, and the bounded cache that holds them."""
