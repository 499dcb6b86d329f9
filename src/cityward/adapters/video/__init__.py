"""Video in: bytes fetched from cameras, decoded in a disposable child that can do nothing else, covered before they are kept.

Lives here: the child (`child`, what it does `looking`, what is said between it and us `exchange`), the side that feeds and kills
it (`watching`), cameras on the network (`rtsp` and its pure parts `rtp`, `sdp`, `answers`, `challenge`; `onvif`), played clips
(`clips`), the archive (`segments`). Does not live here: what a picture shows (`insight.sight`), who may see it (`guard.viewing`).

INVARIANTS
- No foreign byte of video is decoded, and no container opened, outside the child.
- A picture leaves the child covered, but for a granted clear view.
- Whatever a camera sends costs that camera alone.
"""
