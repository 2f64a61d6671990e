# Tested on MPII's test set, which has no public annotation: 'hourglass test' writes
# pred_keypoints_mpii.mat as the MPII site takes it. 'hourglass prepare mpii' writes mpii_test.json.
_base_ = ['td-hm_hourglass8-paper_mpii-256x256.py']
test_dataloader = dict(dataset=dict(ann_file='annotations/mpii_test.json', head_box_file=None))
test_evaluator = [
    dict(type='hourglass.MpiiPCKh', single_person_only=True),
    dict(type='hourglass.MpiiSubmission',
         release_file='{{$HOURGLASS_DATA:data}}/mpii/mpii_human_pose_v1_u12_1.mat',
         out_file='pred_keypoints_mpii.mat')]
