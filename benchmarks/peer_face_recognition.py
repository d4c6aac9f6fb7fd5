"""What `peers.py` runs in the peer's own environment: `face_recognition` at its defaults, one photo after another.

    python peer_face_recognition.py PHOTO ...

Reads the photos' names from its arguments; prints one JSON object a photo: processor and elapsed seconds from the file
to the vectors, and the vector of the largest face (null where none is found). Imports nothing of FacePass.
"""

import json
import sys
import time

import face_recognition  # type: ignore[import-not-found]  # lives in the peer's environment only


def main() -> None:
    """Warm up on the first photo, then take them all."""
    paths = sys.argv[1:]
    face_recognition.face_encodings(face_recognition.load_image_file(paths[0]))
    for path in paths:
        begun = time.process_time(), time.perf_counter()
        picture = face_recognition.load_image_file(path)
        boxes = face_recognition.face_locations(picture)
        vectors = face_recognition.face_encodings(picture, boxes)
        spent = time.process_time() - begun[0], time.perf_counter() - begun[1]
        sizes = [(bottom - top) * (right - left) for top, right, bottom, left in boxes]
        largest = vectors[sizes.index(max(sizes))].tolist() if vectors else None
        print(json.dumps({"processor_s": spent[0], "elapsed_s": spent[1], "vector": largest}), flush=True)


if __name__ == "__main__":
    main()
