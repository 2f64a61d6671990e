"""FLIC, Frames Labeled In Cinema."""
