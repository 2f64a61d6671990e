"""Programs in a fresh interpreter, for tests of imports."""
import subprocess
import sys


def run(program: str) -> str:
    """Run a program in a fresh interpreter and return its output."""
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', program], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
