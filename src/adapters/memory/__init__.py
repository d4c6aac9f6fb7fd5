"""Every port in memory: for tests, trials, and to say what a port means. They pass the contracts of the real ones."""
