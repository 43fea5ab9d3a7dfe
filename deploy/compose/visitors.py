"""Visits the app at random, as many people would: about eight requests a second, with a rush now and then that two workers cannot keep up with."""

import random
import sys
import threading
import time
import urllib.error
import urllib.request

PAGES = ["/fast", "/fast", "/articles", "/articles/7", "/articles/1000", "/sleep", "/sleep", "/cpu", "/delay?ms=150"]
VISITORS = 16


def visit(base, page):
    try:
        with urllib.request.urlopen(base + page, timeout=30) as answer:
            answer.read()
    except (urllib.error.URLError, OSError):
        pass  # The app says no, or is not there yet: a visitor comes again.


def main(base):
    under_way = threading.BoundedSemaphore(VISITORS)

    def visit_and_leave(page):
        try:
            visit(base, page)
        finally:
            under_way.release()

    while True:
        time.sleep(random.expovariate(65 if time.monotonic() % 20 < 5 else 8))
        under_way.acquire()
        threading.Thread(target=visit_and_leave, args=[random.choice(PAGES)], daemon=True).start()


main(sys.argv[1])
