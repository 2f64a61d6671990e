"""The command ``hourglass``: a module for each of its subcommands.

The module of a subcommand has a docstring, which ``--help`` shows, ``add_arguments(parser)`` and
``run(args)``. Only the module of the given subcommand is imported, and only ``run`` imports what
takes time, so that ``--help`` is quick; choices of arguments are written out there for this reason.
"""
from __future__ import annotations

import argparse
import logging
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module

from hourglass.cli.errors import one_line_errors
from hourglass.errors import did_you_mean
from hourglass.io.memory import keep_freed_memory

COMMANDS = {
    'train': 'train a network',
    'test': 'test a network on a data set',
    'predict': 'find the keypoints of people in images or videos',
    'evaluate': 'score prediction files, without a network',
    'export': 'write a network as ONNX, as a torch program, or as weights alone',
    'curve': 'show how far runs of training have come: losses, rates, scores',
    'report': 'test a network and write the results as one HTML file',
    'benchmark': 'measure what networks cost: size, time, memory',
    'benchmark accuracy-speed': 'accuracy against the time of an image',
    'benchmark exits': 'measure accuracy against cost, stack by stack',
    'benchmark predict': 'predict images or a video: the parts and the whole',
    'benchmark training': 'measure training throughput on an accelerator',
    'benchmark detectors': 'find people with detectors, and test a network on their boxes',
    'benchmark loading': 'load annotations of many people: time and memory',
    'benchmark growth': 'how the time grows with images, people, stacks, processes',
    'benchmark ablate': 'train configs with several seeds and compare them',
    'convert': 'convert a checkpoint of another project',
    'init': 'write a config for annotated people of your own',
    'prepare mpii': "convert MPII's annotations and check the folder",
    'prepare flic': 'check a FLIC folder',
    'prepare lsp': 'check a folder of LSP or LSP Extended',
    'prepare synthetic': 'render a data set of people',
    'mmpose': "run one of mmpose's own tools",
    'web': 'serve the demo page',
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the subcommand that the arguments begin with, ``sys.argv`` by default.

    The exit status is 0 after success and for help, 1 for an error that a user can fix, which is
    one line, and 2 for wrong arguments.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    names = ' '.join(words[:2]), ' '.join(words[:1])        # 'benchmark exits' before 'benchmark'
    command = next((name for name in names if name in COMMANDS), None)
    if command is None:
        _overview(words)
        return
    logging.basicConfig(format='%(message)s')
    logging.getLogger('hourglass').setLevel(logging.INFO)
    warnings.filterwarnings('ignore', 'pkg_resources is deprecated')        # mmengine imports it
    with one_line_errors():
        module = import_module(f"hourglass.cli.{command.replace(' ', '_').replace('-', '_')}")
        parser = argparse.ArgumentParser(
            prog=f'hourglass {command}', description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter)
        module.add_arguments(parser)
        if '' in words:                 # it would be the current folder, or the default network
            parser.error('an argument is empty, as of a variable that is not set')
        args = parser.parse_args(words[len(command.split()):])
        keep_freed_memory()
        module.run(args)


def _overview(words: list[str]) -> None:
    """Print all subcommands, or those of a group such as ``prepare``; refuse unknown ones."""
    asked = [word for word in words if word not in ('-h', '--help')]
    group = [name for name in COMMANDS if name.split()[:1] == asked[:1]]
    shown = group or list(COMMANDS)
    width = max(map(len, COMMANDS))
    parser = argparse.ArgumentParser(
        prog='hourglass', usage='hourglass COMMAND ...  (hourglass COMMAND --help says more)',
        description='\n'.join(f'  {name:<{width}}  {COMMANDS[name]}' for name in shown),
        formatter_class=argparse.RawDescriptionHelpFormatter)
    if len(asked) > bool(group):
        unknown = ' '.join(asked[:2] if group else asked[:1])
        hint = did_you_mean(unknown, COMMANDS) or f"; there are {', '.join(shown)}"
        parser.error(f"no command '{unknown}'{hint}")
    parser.print_help()
