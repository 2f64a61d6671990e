# mmpose's own hourglass, as mmpose ships it: one stack of up to 512 features. To be measured beside
# ours (tools/benchmark.py), not trained.
_base_ = [
    'mmpose::body_2d_keypoint/topdown_heatmap/mpii/td-hm_hourglass52_8xb64-210e_mpii-256x256.py']
