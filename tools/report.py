"""Test a network and write a report: the same as ``hourglass report``."""
import sys

from hourglass.cli import main

if __name__ == '__main__':
    main(['report', *sys.argv[1:]])
