#!/usr/bin/env python3
"""What jinja2 makes of chat templates, set up as `apply_chat_template` of transformers sets it up.

usage: chat_templates.py OUT.json           writes tests/data/chat_templates.json: 30 templates x 20 conversations, and
                                            the expressions of chat/expressions.txt, each with its text, or null where
                                            jinja2 refuses
       chat_templates.py --check FILE.json  renders all again and says what differs from the file
Needs jinja2 (3.1). The templates are written for this test, in the style of the families that they are named after.
"""
import datetime
import glob
import json
import os
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "chat")
NOW = datetime.datetime(2024, 7, 26, 9, 5, 3)
NOW_S = int((NOW - datetime.datetime(1970, 1, 1)).total_seconds())
TOKENS = {"bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>"}


class Generation(jinja2.ext.Extension):
    """{% generation %}: only marks what an assistant said."""
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_said"), [], [], body).set_lineno(line)

    def _said(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                        extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    return env


def render(env, source, variables):
    try:
        return env.from_string(source).render(**variables)
    except Exception:  # whatever jinja2 or the Python below it raises is a refusal
        return None


def read(name):
    with open(os.path.join(HERE, name), encoding="utf-8", newline="") as f:
        return f.read()


def document():
    env = environment()
    conversations = json.loads(read("conversations.json"))
    templates = {}
    for path in sorted(glob.glob(os.path.join(HERE, "*.jinja"))):
        name = os.path.basename(path)
        source = read(name)
        expected = {c: render(env, source, {"tools": None, "documents": None, "add_generation_prompt": True,
                                            **TOKENS, **variables})
                    for c, variables in conversations.items()}
        templates[name[:-len(".jinja")]] = {"source": source, "expected": expected}
    variables = json.loads(read("variables.json"))
    expressions = [{"source": line, "expected": render(env, "{{ " + line + " }}", variables)}
                   for line in read("expressions.txt").splitlines() if line]
    snippets = [{"source": s, "expected": render(env, s, variables)} for s in json.loads(read("snippets.json"))]
    assert len(templates) == 30 and len(conversations) == 20
    return {"generator": "tests/reference/chat_templates.py", "now": NOW_S, "conversations": conversations,
            "variables": variables, "templates": templates, "expressions": expressions, "snippets": snippets}


def differences(a, b, path=""):
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted(a.keys() | b.keys()):
            yield from differences(a.get(key), b.get(key), f"{path}/{key}")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b)):
            yield from differences(x, y, f"{path}/{i}")
    elif a != b:
        yield f"{path}: {a!r} is {b!r} here"


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        with open(sys.argv[2], encoding="utf-8") as f:
            found = list(differences(json.load(f), document()))
        print("\n".join(found) if found else f"jinja2 {jinja2.__version__} renders all as recorded")
        sys.exit(1 if found else 0)
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], "w", encoding="ascii", newline="\n") as f:
        json.dump(document(), f, indent=0)
        f.write("\n")


if __name__ == "__main__":
    main()
