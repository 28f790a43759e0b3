"""What PostgreSQL's codes of errors mean (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""

from ..meanings import Meaning

_BUSY = frozenset(
    {
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "55P03",  # lock_not_available, after `lock_timeout`
        "57014",  # query_canceled, after `statement_timeout`
    }
)
_FULL = frozenset({"53100"})  # disk_full
_OUTSIDE = frozenset(
    {
        "25006",  # read_only_sql_transaction: a standby, where the primary was
        "25P03",  # idle_in_transaction_session_timeout
        "3D000",  # invalid_catalog_name: the database was dropped
    }
)
# Of connections, of authorization, of resources, of operators, of the system, of damage.
_OUTSIDE_CLASSES = frozenset({"08", "28", "53", "57", "58", "XX"})
# After these nobody knows what became of a commit that was under way.
_ENDED_CLASSES = frozenset({"08", "57"})


def meaning_of(failure: BaseException) -> Meaning | None:
    """What an error of the driver means; None: it is another's, or a fault of ours."""
    if not hasattr(failure, "sqlstate"):
        return None
    code: str | None = failure.sqlstate
    if code is None:
        return Meaning.OUTSIDE if _is_operational(failure) else None
    if code in _BUSY:
        return Meaning.BUSY
    if code in _FULL:
        return Meaning.FULL
    return Meaning.OUTSIDE if code in _OUTSIDE or code[:2] in _OUTSIDE_CLASSES else None


def has_ended(failure: BaseException) -> bool:
    """Whether the session ended, and perhaps took the answer to a commit along."""
    if not hasattr(failure, "sqlstate"):
        return False
    code: str | None = failure.sqlstate
    return _is_operational(failure) if code is None else code[:2] in _ENDED_CLASSES


def is_taken(failure: BaseException) -> bool:
    """Whether a unique index has refused a row."""
    return getattr(failure, "sqlstate", None) == "23505"  # unique_violation


def _is_operational(failure: BaseException) -> bool:
    """Whether it is the connection's: the server said nothing that has a code."""
    # By its name: the driver is imported only where it is used.
    return any(kind.__name__ == "OperationalError" for kind in type(failure).__mro__)
