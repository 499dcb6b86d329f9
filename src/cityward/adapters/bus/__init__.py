"""The bus: the real NATS server as device broker and durable log; our links to it.

`config` compiles its configuration and permissions from the declaration, `server` runs it, `log` reads and writes the log,
`commands` reaches the actuators.
"""
