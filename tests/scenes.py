"""Scenes for the in-memory world: see `facepass.adapters.memory.vision`."""

import json


def scene(*people: int, size: int = 60, width: int = 640, height: int = 480) -> bytes:
    """A picture of these people side by side, each face a little smaller than the one before."""
    faces = [
        {"person": person, "x": 10 + 75 * (number % 8), "y": 10 + 75 * (number // 8), "size": size - number}
        for number, person in enumerate(people)
    ]
    return json.dumps({"width": width, "height": height, "faces": faces}).encode()
