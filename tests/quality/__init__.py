"""Questions that are sound, and the same with planted flaws: what the gates are measured by."""
