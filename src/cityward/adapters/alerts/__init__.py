"""The ways an alert leaves: one module per protocol, each sending one alert and saying whether it was taken.

Every connection goes to the declared endpoint and to nowhere else (no redirect, no proxy), has a deadline, and is encrypted where
the endpoint's scheme says so, with the certificate checked.
"""
