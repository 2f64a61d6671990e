"""Test a network: the same as ``hourglass test``."""
import sys

from hourglass.cli import main

if __name__ == '__main__':
    main(['test', *sys.argv[1:]])
