"""Measure what networks cost: the same as ``hourglass benchmark``."""
import sys

from hourglass.cli import main

if __name__ == '__main__':
    main(['benchmark', *sys.argv[1:]])
