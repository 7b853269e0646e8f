"""Options of the test suite."""


def pytest_addoption(parser):
    parser.addoption(
        "--one-by-one",
        action="store_true",
        help="grade every planned wrong answer in a run of its own, not together with others (slow)",
    )
