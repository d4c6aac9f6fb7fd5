"""Backups of a PostgreSQL database that hold together: dump, counts and checksums of one snapshot, and the way back.

Three kinds of files lie side by side in a folder or under a prefix of an object store:

- `NAME.dump` and `NAME.json`: a dump, and the manifest that says what is in it. Without its manifest a dump is none.
- `keys.json`: the wrapped data keys of the sessions that live, overwritten by every backup and part of none, so that
  what was encrypted for a session becomes unreadable in older backups too when the session is erased.
- `erasures.json`: what was erased and when, so that an older backup does not bring it back.
"""
