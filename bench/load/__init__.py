"""The load: connections on picows, which do as little as possible with what comes."""
