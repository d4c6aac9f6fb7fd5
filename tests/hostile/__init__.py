"""Hundreds of files that only pretend to be pictures, or cost more than they look: built here, none of them stored."""
