"""Coverage-guided fuzzing: see `fuzz_decode`."""
