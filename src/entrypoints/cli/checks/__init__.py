"""What `facepass doctor` looks at. Each check says how things stand and, where they do not, what to do."""
