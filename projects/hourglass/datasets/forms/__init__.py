"""Annotations of other tools, turned into COCO's form.

Coordinates stay as the tool wrote them, in image px; names of files are found in the folder of the
images, whatever their folders and slashes were where the annotation was made.
"""
