"""The version of what is installed, as pyproject.toml has it."""

__version__ = "0.1.0"
