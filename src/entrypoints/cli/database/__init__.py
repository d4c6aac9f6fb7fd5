"""The commands of `facepass db`, a module for each subject; `commands/db.py` collects them."""
