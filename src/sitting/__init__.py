"""Sitting: a self-hosted server that gives tests to people, live, and can prove what happened."""

__version__ = "0.1.0"
