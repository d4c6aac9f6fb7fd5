"""The SQL of this adapter, by what it is for. Every value that a caller can choose is a bound parameter."""
