"""Encryption of stored templates: a data key a session, wrapped by the operator's key. Pure; knows no database."""
