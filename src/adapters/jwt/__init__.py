"""Session tokens as JSON Web Tokens."""
