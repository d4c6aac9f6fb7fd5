"""Turns faces into templates: alignment, network, batching."""
