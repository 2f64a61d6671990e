"""Score prediction files: the same as ``hourglass evaluate``."""
import sys

from hourglass.cli import main

if __name__ == '__main__':
    main(['evaluate', *sys.argv[1:]])
