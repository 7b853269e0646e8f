"""Changing the code of the cells that come later: input and syntax-tree transformers, hooks of the shell."""
# ruff: noqa: E501 (attackers write long lines)

from tests.attacks.attack import EVERYTHING, Attack

ATTACKS = [
    Attack(
        "an input transformer that turns every cell into pass",
        loses=EVERYTHING,
        first="get_ipython().input_transformers_post.append(lambda lines: ['pass\\n'])",
    ),
    Attack(
        "an input transformer before Python's",
        loses=("num_weights",),
        cells={"num_weights": "num_weights = 7"},
        first="get_ipython().input_transformers_cleanup.append(lambda lines: [l.replace('assert', 'print') for l in lines])",
    ),
    Attack(
        "a syntax-tree transformer that removes assertions and calls",
        loses=EVERYTHING,
        first="""
import ast
class Empty(ast.NodeTransformer):
    def visit_Module(self, node):
        node.body = []
        return node
get_ipython().ast_transformers.append(Empty())
""",
    ),
    Attack(
        "a syntax-tree transformer that rewrites the expected number",
        loses=("num_weights",),
        cells={"num_weights": "num_weights = 7"},
        first="""
import ast
class Seven(ast.NodeTransformer):
    def visit_Constant(self, node):
        return ast.copy_location(ast.Constant(7), node) if node.value == 54 else node
get_ipython().ast_transformers.append(Seven())
""",
    ),
    Attack(
        "hooks before and after every cell",
        loses=("num_weights", "layer_order"),
        cells={"num_weights": "num_weights = 7", "layer_order": "layer_order = []"},
        first="""
shell = get_ipython()
def before(info):
    info.raw_cell = "pass"
def after(result):
    result.error_in_exec = result.error_before_exec = None
    result.success = True
shell.events.register("pre_run_cell", before)
shell.events.register("post_run_cell", after)
shell.events.register("pre_execute", lambda: None)
""",
    ),
    Attack(
        "exceptions are swallowed by the shell",
        loses=EVERYTHING,
        first="""
shell = get_ipython()
shell.set_custom_exc((BaseException,), lambda *args, **kwargs: None)
shell.showtraceback = shell._showtraceback = shell.showsyntaxerror = lambda *args, **kwargs: None
import sys
sys.excepthook = lambda *args: None
""",
    ),
    Attack(
        "a magic of the name of a check",
        loses=("rescale",),
        cells={"rescale": "def rescale(values):\n    return values"},
        first="""
from IPython.core.magic import register_line_magic, register_cell_magic
register_line_magic("assert_array")(lambda line: None)
register_cell_magic("time")(lambda line, cell: None)
get_ipython().run_line_magic("automagic", "on")
get_ipython().alias_manager.define_alias("assert_array", "true")
""",
    ),
    Attack(
        "a tracing function that leaves test code early",
        loses=("num_weights", "rescale"),
        cells={"num_weights": "num_weights = 7", "rescale": "def rescale(values):\n    return values"},
        first="""
import sys, threading
def trace(frame, event, arg):
    if "wanted" in frame.f_locals:
        frame.f_locals["wanted"] = frame.f_locals.get("drawn")
    if event == "line" and "assert" in frame.f_code.co_name:
        frame.f_lineno = frame.f_code.co_firstlineno
    return trace
sys.settrace(trace)
threading.settrace(trace)
""",
    ),
    Attack(
        "a profiling function that replaces results",
        loses=("num_weights",),
        cells={"num_weights": "num_weights = 7"},
        first="""
import sys
def profile(frame, event, arg):
    if event == "call" and frame.f_code.co_name in ("assert_number", "_fail"):
        frame.f_globals["_fail"] = lambda *args: None
sys.setprofile(profile)
""",
    ),
    Attack(
        "an audit hook that ends whatever compiles a test",
        loses=("num_weights",),
        risks=EVERYTHING,
        cells={"num_weights": "num_weights = 7"},
        first="""
import sys
def audit(event, args):
    if event == "compile" and "num_weights" in str(args[0]):
        raise SystemExit
sys.addaudithook(audit)
""",
    ),
    Attack(
        "an import hook that hands out other modules",
        loses=("next_terms",),
        cells={"next_terms": "def next_terms(head):\n    return head[:3]"},
        first="""
import builtins, sys
real = builtins.__import__
class Loose:
    def __getattr__(self, name): return lambda *args, **kwargs: True
builtins.__import__ = lambda name, *args, **kwargs: Loose() if "checks" in name else real(name, *args, **kwargs)
sys.meta_path.insert(0, type("F", (), {"find_spec": staticmethod(lambda *args: None)}))
""",
    ),
    Attack(
        "work registered for the end of the process",
        loses=("num_weights",),
        first="""
import atexit, glob, weakref, gc, threading
def at_end():
    for path in glob.glob("../../../gradebook.db"):
        import sqlite3
        with sqlite3.connect(path, timeout=1) as book:
            book.execute("update grade set manual_score = 5")
    for path in glob.glob("*.ipynb"):
        open(path, "w").write("{}")
atexit.register(at_end)
threading._register_atexit(at_end)
gc.callbacks.append(lambda *args: None)
""",
    ),
    Attack(
        "a thread that waits for the tests and defines what they ask for",
        loses=("layer_order",),
        first="""
import threading, time
def wait():
    while True:
        time.sleep(0.001)
        names = get_ipython().user_ns
        for name in ("wanted", "drawn", "got", "loss"):
            if name in names:
                names["layer_order"] = names[name]
threading.Thread(target=wait, daemon=True).start()
""",
    ),
]
