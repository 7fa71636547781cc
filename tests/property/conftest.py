"""How long the property tests search: short and the same each time, or as long as SITTING_TEST_EXAMPLES says.

With that variable (a number of examples per test) each run searches elsewhere; a failure prints how to repeat it.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

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
