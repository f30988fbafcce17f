import pytest
from webfakes import FakeView

from logwatch.web import WebServer


@pytest.fixture
def view():
    return FakeView()


@pytest.fixture
def server(view):
    server = WebServer(view, "127.0.0.1:0", lifecycle=True)
    server.start()
    yield server
    server.close()
