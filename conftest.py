"""Options of the test suite."""


def pytest_addoption(parser):
    parser.addoption(
        "--one-by-one",
        action="store_true",
        help="grade every planned wrong answer in a run of its own with all tests, not together with others (slow)",
    )
    parser.addoption(
        "--every-sheet",
        action="store_true",
        help="grade the reference and the blank notebooks of every problem sheet, not of one alone (minutes)",
    )
    parser.addoption(
        "--kills", type=int, default=2, help="how often each kind of process is killed in the tests of faults"
    )
    parser.addoption(
        "--tried-sheet",
        default="exercise-2",
        help="the problem sheet that --empty-environment tries, all its notebooks",
    )
    parser.addoption(
        "--empty-environment",
        action="store_true",
        help="install what students are given into a new virtual environment (needs a package index, takes minutes)",
    )
