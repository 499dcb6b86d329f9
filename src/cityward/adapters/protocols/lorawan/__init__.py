"""LoRaWAN: uplinks as a network server passes them on."""
