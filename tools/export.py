"""Write a network for other programs: the same as ``hourglass export``."""
import sys

from hourglass.cli import main

if __name__ == '__main__':
    main(['export', *sys.argv[1:]])
