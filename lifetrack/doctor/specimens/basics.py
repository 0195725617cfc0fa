"""Specimens of what stands in the table itself, and of what stands on sockets."""

from __future__ import annotations

BASICS: dict[tuple[str, str], str] = {
    ("io", "open"): """
resource = open(path, "w")  # leak
# release
resource.close()
""",
    ("os", "open"): """
import os
resource = os.open(path, os.O_CREAT | os.O_RDWR)  # leak
# release
os.close(resource)
""",
    ("socket", "socket"): """
import socket
resource = socket.socket()  # leak
# release
resource.close()
""",
    ("sqlite3", "connect"): """
import sqlite3
resource = sqlite3.connect(path)  # leak
# release
resource.close()
""",
    ("subprocess", "Popen"): """
import subprocess
import sys
resource = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)  # leak
# release
resource.communicate(b"now")
""",
    ("threading", "Thread"): """
import threading
stop = threading.Event()
resource = threading.Thread(target=stop.wait)
resource.start()  # leak
# release
stop.set()
resource.join()
""",
    ("tempfile", "TemporaryDirectory"): """
import tempfile
resource = tempfile.TemporaryDirectory(dir=folder)  # leak
# release
resource.cleanup()
""",
    ("threading", "Lock"): """
import threading
resource = threading.Lock()
resource.acquire()  # leak
# release
resource.release()
""",
    # It is abandoned when its task has ended, and then nobody can release it any more.
    ("asyncio.locks", "Lock"): """
import asyncio
resource = asyncio.Lock()

async def take():
    await resource.acquire()  # leak

loop = asyncio.new_event_loop()
loop.run_until_complete(take())
loop.close()
""",
    ("smtplib", "SMTP"): """
import smtplib
resource = smtplib.SMTP("127.0.0.1", peers["smtp"], local_hostname="localhost")  # leak
# release
resource.quit()
""",
    ("ftplib", "FTP"): """
import ftplib
resource = ftplib.FTP()
resource.connect("127.0.0.1", peers["ftp"])  # leak
# release
resource.quit()
""",
    ("poplib", "POP3"): """
import poplib
resource = poplib.POP3("127.0.0.1", peers["pop3"])  # leak
# release
resource.quit()
""",
    ("imaplib", "IMAP4"): """
import imaplib
resource = imaplib.IMAP4("127.0.0.1", peers["imap"])  # leak
# release
resource.logout()
""",
    ("socketserver", "TCPServer"): """
import socketserver
resource = socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler)  # leak
# release
resource.server_close()
""",
    ("selectors", "_BaseSelectorImpl"): """
import selectors
resource = selectors.DefaultSelector()  # leak
if not hasattr(resource, "fileno"):
    untried("the selectors of this system have no descriptor of their own")
# release
resource.close()
""",
}
