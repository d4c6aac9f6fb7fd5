"""Which models there are, what each needs, and whether it may run here."""
