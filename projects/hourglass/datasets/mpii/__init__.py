"""MPII Human Pose in every form in which its annotations are published."""
