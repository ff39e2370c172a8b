"""A server that answers every request at once with the same few bytes, to measure the limit of the load generator."""

import select
import socket
import sys

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


def main() -> None:
    """Serve on a free port of the loopback interface, print the port, and end when the standard input ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(listener.getsockname()[1], flush=True)
    poll = select.epoll()
    poll.register(listener.fileno(), select.EPOLLIN)
    poll.register(sys.stdin.fileno(), select.EPOLLIN | select.EPOLLHUP)
    links: dict[int, socket.socket] = {}
    while True:
        for handle, _ in poll.poll():
            if handle == sys.stdin.fileno():
                return
            if handle == listener.fileno():
                link, _ = listener.accept()
                link.setblocking(False)
                links[link.fileno()] = link
                poll.register(link.fileno(), select.EPOLLIN)
            elif links[handle].recv(65_536):
                links[handle].send(ANSWER)
            else:
                poll.unregister(handle)
                links.pop(handle).close()


if __name__ == "__main__":
    main()
