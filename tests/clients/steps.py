"""What both clients' scripts share: steps that are said aloud, and messages that are waited for, with an end."""

import os
import queue
import sys

# Longest that a message is waited for. A bound against a hang, not an expectation.
WAIT_SECONDS_MAX = 60

URL = os.environ["DEVNET_URL"]
WEBSOCKET_URL = os.environ["DEVNET_WEBSOCKET_URL"]
# A published key of nobody's money.
KEY = os.environ["DEVNET_KEY"]


def step(words):
    """Says what is done next, so that a failure has a place."""
    print(words, flush=True)


def check(holds, words):
    """Ends the script where something does not hold."""
    if not holds:
        sys.exit(f"not so: {words}")


class Heard:
    """Messages of one subscription, as they come."""

    def __init__(self):
        self._messages = queue.Queue()

    def __call__(self, message):
        self._messages.put(message)

    def wait(self, what, is_it=lambda message: True):
        """The next message that is the one; those before it are dropped."""
        while True:
            try:
                message = self._messages.get(timeout=WAIT_SECONDS_MAX)
            except queue.Empty:
                sys.exit(f"not so: {what} did not come")
            if is_it(message):
                return message
