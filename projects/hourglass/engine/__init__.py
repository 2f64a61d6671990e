"""Parts of mmengine's runner: loops, hooks, processes and optimisers."""
