"""What does not come by itself: registers, files, feeds, flow logs and recorded data, brought in."""
