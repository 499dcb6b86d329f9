"""`cityward bench console`: what the console costs a browser, and what open consoles cost the web door.

A made place, its state store filled at a steady rate, the real door over it (`cityward.web.alone`), a real Chromium in front.
`made` the place and its changes, `chromium` the browser, `trace` what it says of its main thread, `readers` consoles that only
listen, `run` the measurements.
"""
