"""Prepare and check a data set: the same as ``hourglass prepare``."""
import sys

from hourglass.cli import main

if __name__ == '__main__':
    main(['prepare', *sys.argv[1:]])
