"""Clock, identifiers, canonical text: knows nothing about assessments."""
