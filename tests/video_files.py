"""Small videos that tests write."""
from pathlib import Path

import numpy as np
import pytest


def write_video(path: Path, times=range(10), turned: int = 0, last: int = 1) -> Path:
    """64x48 px, a white column at the left, brighter from frame to frame; ``times`` in 1/20 s.

    ``turned``: by how many degrees clockwise a player is to turn it; ``last``: how long the last
    frame is shown, 1/20 s.
    """
    av = pytest.importorskip('av')
    codec = 'mpeg4' if path.suffix == '.avi' else 'libx264'     # AVI states no order of frames
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(codec, rate=20)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        if turned:
            if not hasattr(stream, 'set_display_rotation'):
                pytest.skip('this PyAV writes no rotation')
            stream.set_display_rotation(-turned)
        for number, time in enumerate(times):
            image = np.full((48, 64, 3), 15 * number, np.uint8)
            image[:, :16] = 255
            frame = av.VideoFrame.from_ndarray(image, format='bgr24')
            frame.pts = time
            container.mux(stream.encode(frame))
        packets = stream.encode()
        for packet in packets:
            packet.duration = last if packet.pts == times[-1] else packet.duration
        container.mux(packets)
    return path


def write_damaged(path: Path, share: float = 0.5) -> Path:
    """The first part of a video of 60 frames of noise, of which each is as large."""
    av = pytest.importorskip('av')
    with av.open(str(path), 'w', options=dict(movflags='faststart')) as container:
        stream = container.add_stream('libx264', rate=20, options=dict(preset='ultrafast'))
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        for image in np.random.default_rng(0).integers(0, 255, (60, 48, 64, 3), np.uint8):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format='bgr24')))
        container.mux(stream.encode())
    path.write_bytes(path.read_bytes()[:int(path.stat().st_size * share)])
    return path
