"""Files and images, read and written safely; nothing about poses."""
