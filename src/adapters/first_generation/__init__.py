"""The database of the first generation: reads its table `face_embeddings`, judges every row, and moves what is sound.

The old table is never changed. What is moved comes from a copy of it, made once, so that an import which was cut off
goes on over the very same rows. Where the import stands is kept beside the copy, in the old database.
"""
