"""The demo page: an image and boxes in, keypoints and every stack's heatmaps out."""
