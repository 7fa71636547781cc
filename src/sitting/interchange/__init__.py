"""Banks of questions as files: JSON, CSV and GIFT. Nothing is stored here, and no text makes a reader raise."""
