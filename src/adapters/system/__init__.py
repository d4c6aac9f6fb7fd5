"""What the machine itself provides: time."""
