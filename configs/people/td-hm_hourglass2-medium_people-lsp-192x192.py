# The same network tested on LSP.
_base_ = ['td-hm_hourglass2-medium_people-192x192.py']
test_dataloader = dict(dataset=dict(_base_.lsp_test, _delete_=True, pipeline=_base_.val_pipeline))
test_evaluator = dict(_base_.lsp_evaluator, _delete_=True)
