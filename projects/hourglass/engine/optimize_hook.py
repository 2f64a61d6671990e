"""Testing what runs when it matters: the network cut, run by something faster, or left early."""
from mmengine.hooks import Hook

from hourglass.deploy.optimize import optimized
from hourglass.registry import HOOKS


@HOOKS.register_module()
class OptimizeHook(Hook):
    """Test the network as :func:`hourglass.deploy.optimize.optimized` runs it.

    A hook, since the weights are there only once the runner has begun to test.

    Args:
        optimize, stage, exit_tolerance: as of ``optimized``.
    """

    def __init__(self, optimize: str = 'auto', stage: int | None = None,
                 exit_tolerance: float | None = None):
        self.options = optimize, stage, exit_tolerance

    def before_test(self, runner) -> None:
        model = getattr(runner.model, 'module', runner.model)
        model.cfg = runner.cfg
        runner.model = optimized(model.eval(), *self.options)

    def after_test(self, runner) -> None:
        left = getattr(runner.model.backbone, 'left', None)
        if left:
            counts = ', '.join(f'{stage + 1}: {left[stage]}' for stage in sorted(left))
            runner.logger.info(f'left after stack {counts} (each image and each mirrored one)')
