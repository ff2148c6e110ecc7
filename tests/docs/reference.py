"""The parts of the reference that follow from the code; ``python -m tests.docs.reference`` writes them anew."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[2] / "docs"
REFERENCE = DOCS / "reference"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def plain(text: str | None) -> str:
    """A docstring or help text as one line of Markdown."""
    return " ".join((text or "").split()).replace("``", "`")


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with its full name."""
    import typer

    from undertow.app.cli import app

    def walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
        inner = getattr(command, "commands", {})
        if not inner:
            yield name, command
        for word, one in inner.items():
            yield from walk(f"{name} {word}", one)

    yield from walk("undertow", typer.main.get_command(app))


def flags(command: Any) -> list[list[str]]:
    """A row a parameter: how it is written, its default, its environment variables, what it does."""
    rows = []
    for one in command.params:
        if "--help" in one.opts:
            continue
        is_flag = bool(getattr(one, "is_flag", False))
        written = ", ".join(f"`{o}`" for o in one.opts) if one.opts[0].startswith("-") else f"`{one.metavar or one.name}`"
        default = "required" if one.required else "off" if is_flag else "none" if one.default in (None, "") else f"`{one.default}`"
        about, _, told = (one.help or "").partition("[default:")
        names = [one.envvar] if isinstance(one.envvar, str) else list(one.envvar or ())
        rows.append([written, told.strip().rstrip("]") or default, ", ".join(f"`{n}`" for n in names), about.strip()])
    return rows


def part_commands() -> str:
    """A section a command."""
    parts = []
    for name, command in commands():
        about = plain(command.help)
        listed = table(["flag", "default", "environment", "meaning"], flags(command))
        parts.append(f"## `{name}`\n\n{about}\n\n{listed}")
    return "\n\n".join(parts)


def part_events() -> str:
    """A section a kind."""
    from undertow.core.events import KINDS, columns_of

    parts = []
    for kind in KINDS:
        about = plain(kind.__doc__)
        apart = ", ".join(f"`{name}`" for name in kind.identity) or "nothing more"
        rows = [
            [f"`{name}`", _unit(unit), {int: "int64", float: "float64", str: "text"}[unit.kept]] for name, unit in columns_of(kind).items()
        ]
        parts.append(f"## `{kind.kind}`\n\n{about} Told apart by: {apart}.\n\n{table(['column', 'unit', 'kept as'], rows)}")
    return "\n\n".join(parts)


def _unit(unit: Any) -> str:
    return "text" if unit.kept is str else unit.of.replace("days since 1970", "a date, as days since 1970")


def part_features() -> str:
    """A section a family; a feature that is computed on several sets of bars has one row."""
    from undertow import FeatureEngineering
    from undertow.features.vocabulary.bars import SETS

    suffixes = {which: suffix for which, (_, suffix) in SETS.items()}
    families: dict[str, dict[str, list[str]]] = {}
    for name, one in FeatureEngineering(["AAPL"]).features.items():
        endings = [suffixes[which] for which in one.about.on_bars if suffixes[which] and name.endswith(suffixes[which])]
        base = name.removesuffix(endings[0]) if endings else name
        rests_on = ", ".join(f"`{kind}`" for kind in sorted(kind.kind for kind in one.memories()) if kind != "corporate_action")
        row = families.setdefault(one.about.family, {}).setdefault(base, ["", one.about.unit, plain(one.about.doc), "", ""])
        row[0] = ", ".join(filter(None, [row[0], f"`{name}`"]))
        row[3] = ", ".join(dict.fromkeys(filter(None, [*row[3].split(", "), *rests_on.split(", ")])))
        row[4] = "; ".join(filter(None, [row[4], _remembered(one)]))
    head = ["feature", "unit", "meaning", "rests on", "memory"]
    return "\n\n".join(f"## {family.capitalize()}\n\n{table(head, list(rows.values()))}" for family, rows in sorted(families.items()))


def _remembered(one: Any) -> str:
    from undertow.features.language.words import remembered

    memory = {kind: much for kind, much in remembered(one.memories()).items() if kind != "corporate_action"}
    return ", ".join(dict.fromkeys(memory.values()))


def part_models() -> str:
    """A row a base model."""
    from undertow import ModelIntegrationFramework

    names = ModelIntegrationFramework(["AAPL"], []).names
    rows = [[f"`{n}`", plain(inspect.getdoc(getattr(ModelIntegrationFramework, n)))] for n in names]
    return table(["model", "what it is"], rows)


def part_strategies() -> str:
    """A section a strategy: its module's text, and its numbers with what each means."""
    from undertow.strategies.catalogue import CATALOGUE

    parts = []
    for name, make in CATALOGUE.items():
        module = inspect.getmodule(type(make()))
        head, _, body = inspect.cleandoc(module.__doc__ or "").partition("\n")
        paragraphs = re.split(r"\n(?=What it does:|Hypothesis:|Reads:|Fails )", body.strip())
        told = [f"**{text.split(':')[0]}:**{text.partition(':')[2]}" if ":" in text[:14] else f"**Fails**{text[5:]}" for text in paragraphs]
        meanings = dict(re.findall(r"^    (\w+): \w+ = .*?#: (.*)$", inspect.getsource(type(make())), re.MULTILINE))
        numbers = {n: v for n, v in vars_of(make()).items() if isinstance(v, int | float)}
        rows = [[f"`{n}`", f"{v:g}", plain(meanings.get(n))] for n, v in numbers.items()]
        section = [f"## `{name}`", plain(head), *(plain(text) for text in told if text.strip("*"))]
        parts.append("\n\n".join([*section, *([table(["parameter", "default", "meaning"], rows)] if rows else [])]))
    return "\n\n".join(parts)


def vars_of(made: Any) -> dict[str, Any]:
    """Fields of a dataclass and their values; nothing of any other object."""
    return {name: getattr(made, name) for name in getattr(made, "__dataclass_fields__", ())}


PARTS = {
    "strategies": ("strategies.md", part_strategies),
    "commands": ("commands.md", part_commands),
    "events": ("events.md", part_events),
    "features": ("features.md", part_features),
    "models": ("features.md", part_models),
}


def with_part(text: str, name: str, content: str) -> str:
    """A document with one generated part put in its place."""
    return re.sub(rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)", lambda m: f"{m[1]}{content}\n{m[2]}", text, flags=re.DOTALL)


def main() -> None:
    """Write every generated part."""
    for name, (file, make) in PARTS.items():
        path = REFERENCE / file
        path.write_text(with_part(path.read_text("utf-8"), name, make()), "utf-8")


if __name__ == "__main__":
    main()
