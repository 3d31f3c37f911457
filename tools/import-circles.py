#!/usr/bin/env python3
"""Circles of imports between the files of a crate: `tools/import-circles.py [CRATE ...]`, by name or folder (default: all in
crates/); `tools/import-circles.py --but CRATE ...` looks at all others in crates/.

A file needs another where it names something that is defined there, in a `use` or by its path. Names are followed through
re-exports, so a `mod.rs` or `lib.rs` that only declares its children and hands on what they define is nobody's need. One that
defines something itself is: a child that uses it and is used by it is a circle. Declaring a module is no use of it, and what stands in
a module inside of a file (`mod tests { .. }`) is left out. Library, programs and tests of a crate are looked at each by itself.

Prints each circle with the names that close it. Exits with 1 if there is one, with 2 where there is no such crate. Reads text, not
types: names that a macro makes are taken to be defined where they are looked for first.
"""

import os
import re
import sys
from pathlib import Path

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
ITEM = re.compile(rf"\b(?:struct|enum|union|trait|fn|type|const|static|macro_rules!)\s+(?:mut\s+)?({NAME})")
MODULE = re.compile(rf"\bmod\s+({NAME})\s*;")
ELSEWHERE = re.compile(rf"#\[path\s*=\s*\"([^\"]+)\"\]\s*(?:pub(?:\([^)]*\))?\s+)?mod\s+({NAME})\s*;")
INLINE = re.compile(rf"(?:#\[[^\]]*\]\s*)*\b(?:pub(?:\([^)]*\))?\s+)?mod\s+({NAME})\s*\{{")
USE = re.compile(r"\buse\s+([^;]+);")
PATH = re.compile(rf"(?<![A-Za-z0-9_:])(?:{NAME})(?:::{NAME})+")


def without_comments(text):
    """The text with comments, strings and character literals blanked out."""
    token = re.compile(
        r'//[^\n]*|/\*.*?\*/|\bb?r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"|b?\'(?:\\[^\']+|[^\'\\])\'', re.DOTALL
    )
    return token.sub(" ", text)


def closing(text, opening):
    """Where the brace that opens at `opening` closes."""
    depth = 0
    for at in range(opening, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
    return len(text) - 1


def split_list(text):
    """The entries of a list that are separated by commas outside of braces."""
    entries, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            entries.append(text[start:at])
            start = at + 1
    return [entry.strip() for entry in entries + [text[start:]] if entry.strip()]


def imports(tree, prefix=()):
    """Every path of a `use`, with the name that it is known by: (('crate', 'a', 'B'), 'B'); '*' for all."""
    tree = tree.strip()
    if "{" in tree:
        head, body = tree.split("{", 1)
        before = prefix + tuple(part.strip() for part in head.split("::") if part.strip())
        for entry in split_list(body[: body.rindex("}")]):
            yield from imports(entry, before)
        return
    path, _, alias = tree.partition(" as ")
    parts = prefix + tuple(part.strip() for part in path.split("::") if part.strip())
    if parts[-1] == "self":
        parts = parts[:-1]
    yield parts, (alias.strip() or parts[-1])


class Module:
    """One file: what it defines, declares and imports."""

    def __init__(self, file, path):
        self.file, self.path = file, path
        text = file.read_text()
        # Modules whose file the attribute `path` names.
        self.elsewhere = {name: file.parent / place for place, name in ELSEWHERE.findall(text)}
        text = without_comments(text)
        while inline := INLINE.search(text):
            text = text[: inline.start()] + text[closing(text, inline.end() - 1) + 1 :]
        self.children = set(MODULE.findall(text))
        self.items = set(ITEM.findall(text))
        self.uses = [entry for tree in USE.findall(text) for entry in imports(tree)]
        self.paths = {tuple(path.split("::")) for path in PATH.findall(USE.sub(" ", text))}

    def is_facade(self):
        """Whether it only declares its children and hands on what they define."""
        return bool(self.children) and not self.items


def roots(folder):
    """The files at which the compiler begins: library, programs, tests, examples."""
    patterns = ["src/lib.rs", "src/main.rs", "src/bin/*.rs", "tests/*.rs", "tests/*/main.rs", "examples/*.rs"]
    return sorted(file for pattern in patterns for file in folder.glob(pattern))


class Tree:
    """The modules below one root by their path from it."""

    def __init__(self, root):
        self.modules = {}
        self.add(root, (), root.parent)

    def add(self, file, path, folder):
        module = self.modules[path] = Module(file, path)
        for child in module.children:
            for candidate in [module.elsewhere.get(child), folder / f"{child}.rs", folder / child / "mod.rs"]:
                if candidate is not None and candidate.exists():
                    below = candidate.parent if candidate.name == "mod.rs" else folder / child
                    self.add(candidate.resolve(), path + (child,), below)
                    break

    def absolute(self, module, parts):
        """A path from the crate's root, or None when it leads out of the crate."""
        base = module.path
        if parts[0] == "crate":
            return parts[1:]
        if parts[0] == "self":
            return base + parts[1:]
        if parts[0] == "super":
            while parts and parts[0] == "super":
                base, parts = base[:-1], parts[1:]
            return base + parts
        if parts[0] in module.children:
            return base + parts
        for imported, alias in module.uses:
            # A name that was imported: `use crate::flex`, then `flex::conv2d`.
            if alias == parts[0] and imported[0] != alias:
                target = self.absolute(module, imported)
                return None if target is None else target + parts[1:]
        return None

    def definer(self, path, seen=frozenset()):
        """The module whose file defines what a path from the root names."""
        at = ()
        while len(at) < len(path) and at + (path[len(at)],) in self.modules:
            at += (path[len(at)],)
        module = self.modules[at]
        if len(at) == len(path):
            return module
        name, rest = path[len(at)], path[len(at) + 1 :]
        if name in module.items or (at, name) in seen:
            return module
        for parts, alias in module.uses:
            target = self.absolute(module, parts)
            if alias == name and target is not None:
                return self.definer(target + rest, seen | {(at, name)})
        for parts, alias in module.uses:
            target = self.absolute(module, parts[:-1]) if alias == "*" else None
            if target in self.modules:
                definer = self.definer(target + (name,), seen | {(at, name)})
                if name in definer.items:
                    return definer
        return module

    def needs(self):
        """Per file the files that it needs, each with a name that it needs from there."""
        needs = {module.file: {} for module in self.modules.values()}
        for module in self.modules.values():
            named = [(parts[:-1] if parts[-1] == "*" else parts) for parts, _ in module.uses]
            for parts in sorted(set(named) | module.paths):
                target = self.absolute(module, parts) if parts else None
                if target is None:
                    continue
                definer = self.definer(target)
                if definer.file != module.file and not definer.is_facade():
                    needs[module.file].setdefault(definer.file, "::".join(parts))
        return needs


def circle_through(needs, start):
    """The shortest circle through a file, as a list that ends where it begins, or None."""
    came_from, queue = {}, [start]
    for file in queue:
        for needed in needs[file]:
            if needed == start:
                circle = [start, file]
                while circle[-1] != start:
                    circle.append(came_from[circle[-1]])
                return circle[::-1]
            if needed not in came_from:
                came_from[needed] = file
                queue.append(needed)
    return None


def chosen(arguments):
    """The folders of the crates that are asked for."""
    crates = Path(__file__).resolve().parent.parent / "crates"
    but = arguments[:1] == ["--but"]
    named = []
    for argument in arguments[1:] if but else arguments:
        folder = next((place for place in [crates / argument, Path(argument)] if roots(place)), None)
        if folder is None:
            print(f"`{argument}` is no crate: give the name of a folder in crates/, or a path", file=sys.stderr)
            sys.exit(2)
        named.append(folder.resolve())
    if named and not but:
        return named
    return [folder for folder in sorted(crates.iterdir()) if folder not in named]


def report(folder):
    """Prints the circles of a crate; how many there are."""
    found = 0
    for root in roots(folder):
        needs, told = Tree(root).needs(), set()
        for file in sorted(needs):
            circle = None if file in told else circle_through(needs, file)
            if circle is None:
                continue
            found += 1
            told.update(circle)
            print(f"{folder.name}:")
            for file, needed in zip(circle, circle[1:]):
                short = [os.path.relpath(path, folder) for path in (file, needed)]
                print(f"  {short[0]} needs {short[1]} for {needs[file][needed]}")
    return found


def main():
    circles = [report(folder) for folder in chosen(sys.argv[1:])]
    if any(circles):
        return 1
    print(f"no circle of imports in {len(circles)} crate(s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
