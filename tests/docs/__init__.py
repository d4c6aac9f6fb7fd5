"""Checks the documents: the site is built, links lead somewhere, and what can be run is run. See `__main__`."""
