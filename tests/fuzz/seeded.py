"""What is there before the fuzzing begins: the names that the document's own examples use."""

from facepass.entrypoints.http import documented

SESSION, PHOTO = documented.SESSION, documented.PHOTO
