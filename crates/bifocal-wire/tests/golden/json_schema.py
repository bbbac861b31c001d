"""Golden verdicts of JSON Schema: random schemas and values with what jsonschema (Draft 2020-12) says of them.

Writes json_schema.json beside itself: a list of [schema, value, whether it is valid].
Run: pip install jsonschema, then python3 json_schema.py
"""
import importlib.metadata
import json
import pathlib
import random

from jsonschema import Draft202012Validator

rng = random.Random(20261126)
KEYS = ["a", "b", "c", "née"]
SCALARS = [None, True, False, 0, 1, 1.0, 2.5, -3, "", "a", "abc", "ä😀", "2026-11-26"]


def value(depth=0):
    roll = rng.random()
    if depth > 2 or roll < 0.5:
        return rng.choice(SCALARS)
    if roll < 0.75:
        return [value(depth + 1) for _ in range(rng.randrange(4))]
    return {key: value(depth + 1) for key in rng.sample(KEYS, rng.randrange(4))}


def schema(depth=0):
    if depth > 2:
        return rng.choice([True, False, {}, {"type": "string"}, {"$ref": "#/$defs/x"}])
    out = {}
    for keyword in rng.sample(sorted(MAKERS), rng.randrange(1, 4)):
        out[keyword] = MAKERS[keyword](depth + 1)
    return out


def types(_):
    names = ["null", "boolean", "object", "array", "number", "integer", "string"]
    return rng.choice(names) if rng.random() < 0.5 else rng.sample(names, 3)


MAKERS = {
    "type": types,
    "enum": lambda d: [value(1) for _ in range(4)],
    "const": lambda d: value(1),
    "minimum": lambda d: rng.choice([0, 1, 1.5]),
    "exclusiveMaximum": lambda d: rng.choice([1, 2.5, 3]),
    "maximum": lambda d: rng.choice([0, 1, 2.5]),
    "exclusiveMinimum": lambda d: rng.choice([-3, 0, 1]),
    "minLength": lambda d: rng.randrange(3),
    "maxLength": lambda d: rng.randrange(4),
    "minItems": lambda d: rng.randrange(3),
    "maxItems": lambda d: rng.randrange(4),
    "minProperties": lambda d: rng.randrange(3),
    "maxProperties": lambda d: rng.randrange(4),
    "pattern": lambda d: rng.choice(["^a", "b", "[0-9]{4}-", "^$", "ä"]),
    "required": lambda d: rng.sample(KEYS, rng.randrange(3)),
    "properties": lambda d: {key: schema(d) for key in rng.sample(KEYS, 2)},
    "additionalProperties": lambda d: rng.choice([True, False, schema(d)]),
    "items": schema,
    "not": schema,
    "anyOf": lambda d: [schema(d) for _ in range(2)],
    "oneOf": lambda d: [schema(d) for _ in range(2)],
    "allOf": lambda d: [schema(d) for _ in range(2)],
}

cases = {True: [], False: []}
while min(len(of) for of in cases.values()) < 400:
    one = schema()
    one["$defs"] = {"x": {"type": ["string", "null"]}}
    what = value()
    verdict = Draft202012Validator(one).is_valid(what)
    if len(cases[verdict]) < 400:
        cases[verdict].append([one, what, verdict])
path = pathlib.Path(__file__).with_name("json_schema.json")
golden = {"version": importlib.metadata.version("jsonschema"), "cases": cases[True] + cases[False]}
path.write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")
print(golden["version"], len(golden["cases"]), path.stat().st_size, "bytes")
