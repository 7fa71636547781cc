"""How long the property tests search: short and the same each time, or as long as SITTING_TEST_EXAMPLES says.

With that variable (a number of examples per test) each run searches elsewhere; a failure prints how to repeat it.
Beyond some thousands of examples a test takes longer than pytest allows one: add `-o faulthandler_timeout=0`.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import engine

engine.MAX_SHRINKING_SECONDS = 60  # its 300 are as long as a test may take at all, and it would end without a word

_ALWAYS = settings(
    deadline=None,  # a shared machine is slow at times, and time is not what these tests are about
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)

settings.register_profile("quick", _ALWAYS, max_examples=100, derandomize=True)
if "SITTING_TEST_EXAMPLES" in os.environ:
    settings.register_profile("long", _ALWAYS, max_examples=int(os.environ["SITTING_TEST_EXAMPLES"]))
    settings.load_profile("long")
else:
    settings.load_profile("quick")
