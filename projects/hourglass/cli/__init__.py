"""The command ``hourglass``: a module for each of its subcommands, and nothing else here.

The module of a subcommand has a docstring, which ``--help`` shows, ``add_arguments(parser)`` and
``run(args)``. Only the module that is asked for is imported, so that ``--help`` is quick.
"""
import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from hourglass.cli.errors import one_line_errors

COMMANDS = {
    'train': 'train a network',
    'test': 'test a network on a data set',
    'predict': 'find the keypoints of people in images or videos',
    'evaluate': 'score prediction files, without a network',
    'export': 'write a network as ONNX, as a torch program, or as weights alone',
    'report': 'test a network and write what was found as one HTML file',
    'benchmark': 'measure what networks cost: size, time, memory',
    'benchmark exits': 'measure accuracy against cost, stack by stack',
    'benchmark ablate': 'train configs with several seeds and compare them',
    'convert': 'convert a checkpoint of another project',
    'prepare mpii': "convert MPII's annotations and check the folder",
    'prepare flic': 'check a FLIC folder',
    'prepare lsp': 'check a folder of LSP or LSP Extended',
    'prepare synthetic': 'render a data set of people',
    'web': 'serve the demo page',
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the subcommand that the arguments begin with, ``sys.argv`` by default.

    Errors that a user can fix end the program with one line and status 1, wrong arguments with
    status 2.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    command = next((name for name in (' '.join(argv[:2]), ' '.join(argv[:1])) if name in COMMANDS),
                   None)
    if command is None:
        _overview(argv)
        return
    with one_line_errors():
        module = import_module(f"hourglass.cli.{command.replace(' ', '_')}")
        parser = argparse.ArgumentParser(
            prog=f'hourglass {command}', description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter)
        module.add_arguments(parser)
        module.run(parser.parse_args(argv[len(command.split()):]))


def _overview(argv: list[str]) -> None:
    """Print the subcommands, or those of a group such as ``prepare``; refuse any other word."""
    words = [word for word in argv if not word.startswith('-')]
    shown = [name for name in COMMANDS if name.split()[:len(words[:1])] == words[:1]] or COMMANDS
    width = max(map(len, COMMANDS))
    parser = argparse.ArgumentParser(
        prog='hourglass', usage='hourglass COMMAND ...  (hourglass COMMAND --help says more)',
        description='\n'.join(f'  {name:<{width}}  {COMMANDS[name]}' for name in shown),
        formatter_class=argparse.RawDescriptionHelpFormatter)
    if not argv or set(argv) & {'-h', '--help'}:
        parser.print_help()
    else:
        parser.error(f"no command '{' '.join(argv[:2])}'; there are {', '.join(shown)}")
