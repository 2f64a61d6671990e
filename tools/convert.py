"""Convert another project's checkpoint: the same as ``hourglass convert``."""
import sys

from hourglass.cli import main

if __name__ == '__main__':
    main(['convert', *sys.argv[1:]])
