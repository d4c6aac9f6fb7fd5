"""Amazon's S3, and whatever speaks like it."""
