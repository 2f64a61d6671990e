# How people are loaded, whatever the data set: the paper's batch of 6 to train, everybody once to
# test.
data_mode = 'topdown'               # read by mmpose's inferencers
train_dataloader = dict(
    batch_size=6, num_workers=2, persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True))
val_dataloader = dict(
    batch_size=32, num_workers=2, persistent_workers=True, drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False))
test_dataloader = val_dataloader
