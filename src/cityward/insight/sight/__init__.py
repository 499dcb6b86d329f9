"""What can be told of a picture without showing it: what moves and passes, and whether the camera still sees what it should.

Pure: arrays in, numbers and covered arrays out. OpenCV is used to compute, never to read files, cameras or streams: what decodes
foreign bytes runs in a disposable child (`adapters/video`), and these functions run there, too, so that an uncovered picture
never leaves it.
"""
