"""Rehearsals: synthetic candidates on a running server, and a check that it kept what it said. A client of the wire."""
