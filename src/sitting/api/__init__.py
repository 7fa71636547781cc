"""REST: one file for each resource. Bodies come in here, refusals become problems here; it decides nothing itself."""

from sitting.api.application import create_api

__all__ = ["create_api"]
