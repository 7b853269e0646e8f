"""The sandbox where the environment itself lies in /tmp, as in a checkout that is thrown away afterwards."""

from __future__ import annotations

import tempfile
import textwrap
from pathlib import Path

from tests.support.sandboxed import kernel


def test_what_is_shown_below_tmp_is_seen_and_read_only_and_the_rest_of_tmp_is_private(tmp_path):
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        shown, secret = Path(name, "data set"), Path(name, "secret")
        shown.mkdir()
        (shown / "numbers.txt").write_text("42")
        secret.write_text("no")
        with kernel(tmp_path, readable=[str(shown)], preload=[]) as it:
            assert it.run(f"print(open({str(shown / 'numbers.txt')!r}).read())").text == "42\n"
            code = """
                import os
                def tried(action):
                    try:
                        action()
                        return "done"
                    except OSError as error:
                        return type(error).__name__
                print(tried(lambda: open({new!r}, "w")), tried(lambda: open({secret!r})))
                print(tried(lambda: open("/tmp/x", "w")))
            """
            code = textwrap.dedent(code.format(new=str(shown / "new"), secret=str(secret)))
            assert it.run(code).text == "OSError FileNotFoundError\ndone\n"
