"""The shape of the house: small files, small functions, every public thing says what it is for, nothing left half done."""

import ast
import re
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "undertow"

MEDIAN_LINES = 120
MOST_LINES = 400
MOST_FUNCTION_LINES = 70
MOST_PARAMETERS = 7

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef

# Written in pieces, so that this file does not contain what it looks for.
REGISTRY_HOSTS = re.compile(
    "|".join(
        re.escape(first + second)
        for first, second in (
            ("pypi.", "org"),
            ("python", "hosted.org"),
            ("registry.", "npmjs.org"),
            ("registry.", "yarnpkg.com"),
            ("conda.", "anaconda.org"),
            ("crates.", "io"),
            ("proxy.", "golang.org"),
            ("repo1.", "maven.org"),
            ("deb.", "debian.org"),
            ("huggingface.", "co"),
        )
    ),
    re.IGNORECASE,
)
HOME_PATHS = re.compile(r"(?<![\w.])/(?:" + "|".join(("ho" + "me", "Us" + "ers")) + r")/[a-z]\w*|(?<![\w.])/ro" + r"ot\b")
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b|NotImplemented" + r"Error")


# --- measures: each takes source text and yields what is wrong, so that each can be shown to fail ----------------------


def functions(tree: ast.AST) -> Iterator[AnyFunction]:
    """Every function and method in a syntax tree, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def is_kernel(function: AnyFunction) -> bool:
    """True for compiled kernels, whose arguments are arrays that no dataclass can carry into numba, and for commands, whose are flags."""
    return any(
        re.search(r"\b(njit|jit|cfunc|vectorize|kernel)\b|\.command\(", ast.unparse(decorator)) for decorator in function.decorator_list
    )


def parameter_count(function: AnyFunction) -> int:
    """How many things a caller can pass, without self and cls."""
    arguments = function.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def long_functions(source: str) -> list[str]:
    """Functions over the limit, from `def` to the last line, docstring included."""
    found = []
    for function in functions(ast.parse(source)):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > MOST_FUNCTION_LINES:
            found.append(f"{function.lineno}: {function.name} has {lines} lines, at most {MOST_FUNCTION_LINES}")
    return found


def wide_functions(source: str) -> list[str]:
    """Functions with more parameters than a reader can hold."""
    return [
        f"{function.lineno}: {function.name} has {parameter_count(function)} parameters, at most {MOST_PARAMETERS}"
        for function in functions(ast.parse(source))
        if parameter_count(function) > MOST_PARAMETERS and not is_kernel(function)
    ]


def without_docstring(source: str) -> list[str]:
    """The module, and every public class, function and method in it, that does not say what it is for."""
    tree = ast.parse(source)
    found = [] if _first_line(tree) else ["1: the module has no docstring whose first line says something"]
    return found + [f"{node.lineno}: {node.name} has no docstring" for node in _public(tree) if not _first_line(node)]


def _first_line(node: ast.Module | ast.ClassDef | AnyFunction) -> str:
    return (ast.get_docstring(node, clean=False) or "").split("\n")[0].strip()


def _public(tree: ast.Module | ast.ClassDef) -> Iterator[ast.ClassDef | AnyFunction]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            if _is_overload_or_setter(node):
                continue
            yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node)


def _is_overload_or_setter(node: ast.ClassDef | AnyFunction) -> bool:
    return any(re.search(r"\boverload$|\.setter$", ast.unparse(decorator)) for decorator in node.decorator_list)


def unfinished(source: str) -> list[str]:
    """Lines that put work off, and handlers that catch everything."""
    found = [f"{number}: {line.strip()}" for number, line in enumerate(source.splitlines(), 1) if UNFINISHED.search(line)]
    bare = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ExceptHandler) and node.type is None)
    return found + [f"{node.lineno}: a bare except" for node in bare]


def foreign_words(text: str) -> list[str]:
    """Package registries and somebody's home folder: neither belongs in a repository."""
    return [
        f"{number}: {line.strip()[:120]}"
        for number, line in enumerate(text.splitlines(), 1)
        if REGISTRY_HOSTS.search(line) or HOME_PATHS.search(line)
    ]


# --- the package ------------------------------------------------------------------------------------------------------

MEASURES = [long_functions, wide_functions, without_docstring, unfinished]


def modules() -> list[Path]:
    """Every module of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def complaints(files: list[Path], measure) -> str:
    """All that one measure says about files, a line each, with the file's name."""
    return "\n".join(f"{path.relative_to(ROOT)}:{complaint}" for path in files for complaint in measure(path.read_text("utf-8")))


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.__name__)
def test_modules(measure) -> None:
    found = complaints(modules(), measure)
    assert not found, found


def test_file_lengths() -> None:
    lengths = {path.relative_to(ROOT): len(path.read_text("utf-8").splitlines()) for path in modules()}
    assert len(lengths) > 12, "the package's rooms were not found"
    too_long = {str(path): length for path, length in lengths.items() if length > MOST_LINES}
    assert not too_long
    rooms_aside = [length for path, length in lengths.items() if path.name != "__init__.py"]
    assert statistics.median(rooms_aside) <= MEDIAN_LINES


def tracked_files() -> list[Path]:
    """Every text file of the repository: what git knows or would add; without git, what lies there outside hidden folders."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
        )
        paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        paths = [path for path in ROOT.rglob("*") if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)]
    return sorted(path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:8192])


def test_no_registry_and_no_home_folder_is_named() -> None:
    files = tracked_files()
    assert Path(__file__).resolve() in files
    found = "\n".join(
        f"{path.relative_to(ROOT)}:{complaint}" for path in files for complaint in foreign_words(path.read_text("utf-8", "replace"))
    )
    assert not found, found


def test_locks_agree_and_pin_everything() -> None:
    runtime, development = (_pins(ROOT / name) for name in ("requirements.lock", "requirements-dev.lock"))
    assert runtime.items() <= development.items()
    assert "pytest" in development
    assert "pytest" not in runtime
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text("utf-8")
        assert "://" not in text
        assert "index" not in text
        assert text.count("--hash=sha256:") >= len(_pins(ROOT / name))


def _pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9][\w.-]*)==([^\s;]+)", lock.read_text("utf-8"), re.MULTILINE))


# --- the measures measure ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measure", "bad"),
    [
        (long_functions, "def f():\n" + "    x = 1\n" * MOST_FUNCTION_LINES),
        (wide_functions, "def f(a, b, c, d, e, f, *, g, h): ..."),
        (wide_functions, "class A:\n    async def f(self, a, b, c, d, e, f, g, h): ..."),
        (without_docstring, "x = 1"),
        (without_docstring, '"""\nLate."""'),
        (without_docstring, '"""A room."""\ndef f(): ...'),
        (without_docstring, '"""A room."""\nclass A:\n    """A thing."""\n    def f(self): ...'),
        (unfinished, "x = 1  # TO" + "DO later"),
        (unfinished, "def f():\n    raise NotImplemented" + "Error"),
        (unfinished, "try:\n    f()\nexcept:\n    pass"),
        (foreign_words, "see https://pypi" + ".org/simple"),
        (foreign_words, "path = '/ho" + "me/someone/data'"),
        (foreign_words, "path = '/ro" + "ot/data'"),
    ],
)
def test_a_measure_finds_what_it_looks_for(measure, bad: str) -> None:
    assert measure(bad)


@pytest.mark.parametrize(
    ("measure", "good"),
    [
        (long_functions, "def f():\n" + "    x = 1\n" * (MOST_FUNCTION_LINES - 1)),
        (wide_functions, "class A:\n    def f(self, a, b, c, d, e, f, g): ..."),
        (wide_functions, "@njit(cache=True)\ndef f(a, b, c, d, e, f, g, h): ..."),
        (wide_functions, "@app.command()\ndef f(a, b, c, d, e, f, g, h): ..."),
        (without_docstring, '"""A room."""\ndef _f(): ...\nclass A:\n    """A thing."""\n    def __init__(self): ...'),
        (unfinished, "try:\n    f()\nexcept ValueError:\n    pass"),
        (foreign_words, "path = 'docs/ho" + "me/index.md'; url = 'http://127.0.0.1/ro" + "ot'"),
    ],
)
def test_a_measure_leaves_the_rest_alone(measure, good: str) -> None:
    assert not measure(good)
