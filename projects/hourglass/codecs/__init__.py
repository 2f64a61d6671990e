"""From keypoints to heatmaps and back."""
