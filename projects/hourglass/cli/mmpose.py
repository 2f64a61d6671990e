"""Run a tool of the installed mmpose, also with mmcv-lite: hourglass mmpose get_flops CONFIG

Without a name, the tools are listed. What follows the name is for the tool.
"""
import argparse
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

from hourglass.errors import ConfigError, did_you_mean


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('tool', nargs='?', help='name of the tool, such as browse_dataset')
    parser.add_argument('arguments', nargs=argparse.REMAINDER, help="the tool's own")


def find_tools() -> dict[str, Path]:
    """Return mmpose's tools by name, those of an installed package or of a checkout.

    Raises ``ConfigError`` if there are none.
    """
    spec = find_spec('mmpose')
    package = Path(spec.origin).parent if spec and spec.origin else Path()
    folder = next(filter(Path.is_dir, (package / '.mim/tools', package.parent / 'tools')), None)
    if not spec or folder is None:
        raise ConfigError('mmpose is not installed, or without its tools; see the top of '
                          'requirements.txt')
    return {path.stem: path for path in sorted(folder.rglob('*.py'), key=lambda path: path.stem)}


def run(args: argparse.Namespace) -> None:
    tools = find_tools()
    if args.tool is None:
        print(*tools, sep='\n')
        return
    if args.tool not in tools:
        raise ConfigError(f"mmpose has no tool '{args.tool}'{did_you_mean(args.tool, tools)}; "
                          f"there are {', '.join(tools)}")
    sys.argv = [str(tools[args.tool]), *args.arguments]
    try:
        runpy.run_path(sys.argv[0], run_name='__main__')
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"mmpose's {args.tool} needs {error.name}: pip install {error.name}") from None
