"""The demo page: a picture and boxes in, keypoints and every stack's heatmaps out."""
