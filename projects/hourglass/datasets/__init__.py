"""Annotations and images as samples: skeletons, the crop, transforms and the data sets."""
