"""Serve the demo page: the same as ``hourglass web``."""
import sys

from hourglass.cli import main

if __name__ == '__main__':
    main(['web', *sys.argv[1:]])
