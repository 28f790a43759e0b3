"""What differs between databases, behind few functions; the rules stand above."""
