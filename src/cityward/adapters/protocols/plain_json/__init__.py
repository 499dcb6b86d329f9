"""Plain JSON bodies, as the DeviceModel maps them: `codec`, and JSON Pointers in `pointer`."""
