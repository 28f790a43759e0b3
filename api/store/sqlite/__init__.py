"""SQLite: its file and what lies beside it, the lock on it, pragmas, codes of errors, backup."""
