"""The demo page: it shows the keypoints of people in an image and the heatmaps of every stack."""
