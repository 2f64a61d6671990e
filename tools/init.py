"""Write a config for annotated people of your own: the same as ``hourglass init``."""
import sys

from hourglass.cli import main

if __name__ == '__main__':
    main(['init', *sys.argv[1:]])
