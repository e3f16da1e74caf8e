#!/usr/bin/env python3
"""A client of the call-control door in Python.

Needs the package grpcio and nothing else: the few messages it uses are written
and read here by hand. It watches, asks who is in the call of a conversation,
joins it, says where to connect, waits a moment and leaves.

    BRIDGE=secret client.py localhost:8080 alice_a1b 1234567890123_g

The conversation is a group, or two names with a colon between them. See
docs/protocols/callctl.md.
"""

import os
import sys
import threading
import time

import grpc

STATES = {5: "connecting", 10: "connected"}


# Protocol buffers, as far as they are needed: fields with a number, a wire
# type (0 = number, 2 = bytes) and a value.

def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def field(number, value):
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(data):
    """All fields of a message: {number: [values]}."""
    found, at = {}, 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = number()
        if tag & 7 == 0:
            value = number()
        elif tag & 7 == 2:
            length = number()
            value, at = data[at:at + length], at + length
        else:
            raise ValueError("a field of a kind that is not used here")
        found.setdefault(tag >> 3, []).append(value)
    return found


def first(message, number, otherwise=b""):
    return message.get(number, [otherwise])[0]


def user(name):
    return field(1, name.encode())


def convo(key):
    if ":" in key:
        pair = b"".join(field(1, user(name)) for name in key.split(":"))
        return field(1, pair)
    return field(2, user(key))


def people(state):
    """Who is in a list, as {name: state}."""
    entries = (fields(entry) for entry in fields(state).get(2, []))
    return {
        first(fields(first(entry, 1)), 1).decode(): STATES.get(first(entry, 2, 0), "unknown")
        for entry in entries
    }


def stamp(state):
    time_ = fields(first(fields(state), 3))
    return first(time_, 1, 0), first(time_, 2, 0)


def say(line):
    """One line at once: the stream tells of changes from a thread of its own."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Client:
    """One user behind a trusted bridge."""

    def __init__(self, address, name, secret):
        self.channel = grpc.insecure_channel(address)
        self.headers = [
            ("authorization", f"Bridge {secret}"),
            ("common.xibareuserjid-bin", user(name)),
        ]
        self.newest = {}

    def call(self, method, request):
        stub = self.channel.unary_unary(f"/mobile.video.v1.KikVideo/{method}")
        return fields(stub(request, metadata=self.headers, timeout=5))

    def take(self, state):
        """Keeps, for each conversation, the list with the greatest time."""
        key = first(fields(state), 1)
        if key in self.newest and stamp(self.newest[key]) >= stamp(state):
            return
        self.newest[key] = state
        say(f"in the call: {people(state) or 'nobody'}")

    def watch(self):
        """Returns when the stream is ready; tells of changes from then on."""
        stub = self.channel.unary_stream("/selfhost.video.v1.ConvoStateStream/Watch")
        events = stub(b"", metadata=self.headers)
        if 1 not in fields(next(events)):
            raise RuntimeError("the stream did not say that it is ready")

        def listen():
            try:
                for event in map(fields, events):
                    if 2 in event:
                        self.take(first(fields(first(event, 2)), 1))
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.CANCELLED:
                    say(f"the stream has ended: {error.code().name}")

        threading.Thread(target=listen, daemon=True).start()


def main():
    address, name, key = sys.argv[1:]
    client = Client(address, name, os.environ["BRIDGE"])
    client.watch()
    # Only now: whatever happens from here on is told by the stream.
    for state in client.call("BatchedGetConvoState", field(1, convo(key))).get(2, []):
        client.take(state)

    joined = client.call("JoinConvoConference", field(1, convo(key)))
    result = first(joined, 1, 0)
    if result != 0:
        sys.exit({1: "the call is full", 2: "not allowed"}.get(result, f"no: {result}"))
    info = fields(first(joined, 3))
    token = first(fields(first(joined, 4)), 1)
    host, port, conference = first(info, 1), first(info, 2, 0), first(info, 3)
    say(f"connect to {host.decode()}:{port}/{conference.decode()}")
    say(f"with the token {token.decode()}")

    time.sleep(1)
    client.call("OnLeaveConvoConference", field(1, convo(key)) + field(4, field(1, token)))
    time.sleep(1)


if __name__ == "__main__":
    main()
