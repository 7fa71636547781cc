"""The graphs that write questions: an authoring run fills the bank, a live run writes for one candidate.

Slow to import, since LangGraph is: only a worker does, and nothing at the top of a module outside of this room.
"""

from __future__ import annotations

import os

# What candidates and authors wrote must not leave for a tracing service because a variable is set somewhere.
os.environ["LANGSMITH_TRACING"] = os.environ["LANGCHAIN_TRACING_V2"] = "false"
