"""The pages, by screen."""

from sitting.web.pages import add_pages

__all__ = ["add_pages"]
