"""PostgreSQL: its sessions and what they must be, the lock on a database, codes of errors."""
