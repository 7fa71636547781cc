"""Tools of the tests: real processes, real databases, a real browser."""
