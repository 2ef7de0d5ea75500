"""House rules that a reader of any file may rely on."""

import ast

import pytest

LONGEST = 400
LONGER = {"model/variables.py": "one table, one variable a line"}
REFUSED_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib", "imp"}
REFUSED_KEYWORDS = {"allow_pickle", "shell"}
REFUSED_CALLS = {"eval", "exec", "yaml.load", "os.system", "os.popen", "input"}
REFUSED_WORDS = ("TODO", "FIXME", "XXX", "NotImplementedError")
ROOTS = ("terraflux", "model", "drivers", "sites", "assimilation", "region", "products", "evaluation", "examples",
         "benchmarks", "docs")


def own_files(repository, *roots):
    """Python files of the project, each once."""
    found = {path.resolve() for root in roots for path in (repository / root).rglob("*.py")}
    return sorted(path for path in found if "__pycache__" not in path.parts)


@pytest.fixture(scope="module")
def trees(repository):
    """{path below the repository: (text, syntax tree)} of all that is not a test."""
    files = {}
    for path in own_files(repository, *ROOTS):
        text = path.read_text(encoding="utf-8")
        files[path.relative_to(repository).as_posix()] = (text, ast.parse(text))
    return files


def test_files_are_short(repository):
    long = {}
    for path in own_files(repository, *ROOTS, "tests"):
        name = path.relative_to(repository).as_posix()
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > LONGEST and name not in LONGER:
            long[name] = lines
    assert not long, f"one idea, one file: {long}"
    assert all((repository / name).is_file() for name in LONGER)


def public_without_docstring(tree):
    """Names of public functions, methods and classes without a docstring."""
    found = []
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop()
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None:
            found.append(node.name)
        if isinstance(node, ast.ClassDef):
            waiting += node.body
    return found


def test_everything_public_has_a_docstring(trees):
    missing = {name: found for name, (_, tree) in trees.items() if (found := public_without_docstring(tree))}
    modules = [name for name, (_, tree) in trees.items() if ast.get_docstring(tree) is None]
    assert not missing, missing
    assert not modules, modules


def refused(tree):
    """Uses of what runs code from data or from words: (line, what)."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names if alias.name.split(".")[0] in REFUSED_MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in REFUSED_MODULES:
            found.append((node.lineno, node.module))
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in REFUSED_CALLS or name.endswith((".read_pickle", ".to_pickle")):
                found.append((node.lineno, name))
            found += [(node.lineno, word.arg) for word in node.keywords if word.arg in REFUSED_KEYWORDS
                      and not (isinstance(word.value, ast.Constant) and word.value.value is False)]
    return found


def test_nothing_unpickles_evaluates_or_calls_a_shell(trees):
    found = {name: uses for name, (_, tree) in trees.items() if (uses := refused(tree))}
    assert not found, found


def test_the_guard_sees_what_it_should():
    for text in ("import pickle", "from joblib import load", "numpy.load(path, allow_pickle=True)", "yaml.load(text)",
                 "subprocess.run(words, shell=True)", "eval(text)", "frame.to_pickle(path)"):
        assert refused(ast.parse(text)), text
    assert not refused(ast.parse("numpy.load(path, allow_pickle=False)"))
    assert public_without_docstring(ast.parse("class A:\n    '''A.'''\n    def b(self): pass\n")) == ["b"]


def test_no_loose_ends(trees):
    found = {(name, word) for name, (text, _) in trees.items() for word in REFUSED_WORDS if word in text}
    assert not found, found


def silent_handlers(tree):
    """Lines of handlers that catch everything, or catch and do nothing at all."""
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)
            and (node.type is None or ast.unparse(node.type) == "Exception")]


def test_no_error_is_swallowed_unread(trees):
    found = {name: lines for name, (_, tree) in trees.items() if (lines := silent_handlers(tree))}
    assert not found, found


def test_no_process_file_names_the_machine_it_was_written_on(trees):
    paths = ("/home/", "/Users/", "/" + "work/", "C:\\")
    found = [name for name, (text, _) in trees.items() for word in paths if word in text]
    assert not found, found
