"""Find the keypoints of people: the same as ``hourglass predict``."""
import sys

from hourglass.cli import main

if __name__ == '__main__':
    main(['predict', *sys.argv[1:]])
