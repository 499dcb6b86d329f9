"""The way to the actuators: a permitted command, published where only its device may read."""

from __future__ import annotations

from collections.abc import Callable

from nats.aio.client import Client
from nats.errors import Error as NatsError

from cityward.errors import LinkError
from cityward.guard.permit import Permitted


class NatsCommandLink:
    """Implements `runtime.ports.CommandLink`. `encode` writes the command as the device reads it."""

    def __init__(self, client: Client, encode: Callable[[Permitted], bytes]) -> None:
        self._client, self._encode = client, encode

    async def send(self, permitted: Permitted) -> None:
        """Publish; whether it arrived is the device's to say.

        Raises:
            LinkError: the bus did not take it within two seconds.
        """
        try:
            await self._client.publish(f"cmd.{permitted.device}", self._encode(permitted))
            await self._client.flush(timeout=2)
        except (NatsError, TimeoutError, OSError) as error:
            raise LinkError(f"the command to {permitted.device} was not taken: {type(error).__name__}") from error
