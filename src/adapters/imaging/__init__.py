"""Pictures by Pillow: decoding within limits, and the quality of faces in them."""
