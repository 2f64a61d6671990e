"""Train a network: the same as ``hourglass train``."""
import sys

from hourglass.cli import main

if __name__ == '__main__':
    main(['train', *sys.argv[1:]])
