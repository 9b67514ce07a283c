"""Holds JSON against the schemas of contrib/openapi.json.

As much of OpenAPI 3.0's schema language as that file uses; a word it does not know is an
error. Stricter than the language in one thing: a member that no schema names is a fault,
unless additionalProperties speaks of it. Which named members were seen is counted, so that
a test can tell what was described and never came.
"""

import datetime
import re
import uuid

KNOWN = {"type", "description", "properties", "additionalProperties", "required", "items", "enum", "pattern",
         "format", "minimum", "maximum", "minLength", "maxItems", "maxProperties", "nullable", "readOnly",
         "allOf", "anyOf", "oneOf", "$ref"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool}


class Schemas:
    def __init__(self, document):
        self.document, self.seen = document, set()

    def resolve(self, node):
        """What a $ref points at; the node itself if it is none."""
        while "$ref" in node:
            at = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                at = at[part]
            node = at
        return node

    def members(self, schema, owner=""):
        """{name: (owner, schema)} of all its properties, with those of allOf, and what is required."""
        name = schema.get("$ref", "").rpartition("/")[2] or owner
        schema = self.resolve(schema)
        found, required = {}, set(schema.get("required", ()))
        for part in schema.get("allOf", ()):
            more, needed = self.members(part, name)
            found.update(more)
            required |= needed
        for key, value in schema.get("properties", {}).items():
            found[key] = (name, value)
        return found, required

    def check(self, value, schema, where="", written=False):
        """The faults of value, as lines. written: it goes to a server, so what is read-only is not required."""
        full = self.resolve(schema)
        unknown = {k for k in full if not k.startswith("x-")} - KNOWN
        assert not unknown, f"{where}: this checker does not know {unknown}"
        if value is None:
            return [] if full.get("nullable") else [f"{where}: null"]
        if "oneOf" in full or "anyOf" in full:
            return self._either(value, full.get("oneOf") or full["anyOf"], "oneOf" in full, where, written)
        if isinstance(value, dict):
            return self._object(value, schema, full, where, written)
        if "allOf" in full:
            return [f for s in full["allOf"] for f in self.check(value, s, where, written)]
        faults = self._plain(value, full, where)
        if isinstance(value, list) and not faults:
            for i, item in enumerate(value):
                faults += self.check(item, full["items"], f"{where}[{i}]", written)
        return faults

    def _either(self, value, schemas, alone, where, written):
        tries, before, seen = [], set(self.seen), set()
        for schema in schemas:
            self.seen = set(before)
            tries.append(self.check(value, schema, where, written))
            if not tries[-1]:
                seen |= self.seen
        self.seen = before | seen
        fit = tries.count([])
        return [] if fit == 1 or fit > 1 and not alone else [f"{where}: {fit} fit: {tries}"]

    def _object(self, value, schema, full, where, written):
        members, required = self.members(schema)
        if full.get("type", "object") != "object":
            return [f"{where}: an object, not {full['type']}"]
        more, faults = full.get("additionalProperties"), []
        if len(value) > full.get("maxProperties", len(value)):
            faults.append(f"{where}: {len(value)} members")
        for key in required - set(value):
            if not (written and members[key][1].get("readOnly")):
                faults.append(f"{where}: no {key}")
        for key, item in value.items():
            at = f"{where}.{key}"
            if key in members:
                owner, inner = members[key]
                self.seen.add((owner or where.split(".")[-1], key))
                faults += self.check(item, inner, at, written)
            elif isinstance(more, dict):
                faults += self.check(item, more, at, written) if more != {"type": "object"} or item else []
            else:
                faults.append(f"{at}: not described")
        return faults

    def _plain(self, value, schema, where):
        kind, faults = schema.get("type"), []
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if kind in TYPES and not isinstance(value, TYPES[kind]) or \
                kind == "number" and not number or kind == "integer" and not (number and isinstance(value, int)):
            return [f"{where}: {value!r} is no {kind}"]
        if "enum" in schema and value not in schema["enum"]:
            faults.append(f"{where}: {value!r} is none of {schema['enum']}")
        if number and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            faults.append(f"{where}: {value!r} is out of range")
        if "pattern" in schema and not re.search(schema["pattern"], value):
            faults.append(f"{where}: {value!r} does not match {schema['pattern']}")
        if isinstance(value, (str, list)) and len(value) < schema.get("minLength", 0):
            faults.append(f"{where}: too short")
        if isinstance(value, list) and len(value) > schema.get("maxItems", len(value)):
            faults.append(f"{where}: {len(value)} items")
        try:
            if schema.get("format") == "uuid":
                uuid.UUID(value)
            elif schema.get("format") == "date-time":
                assert value.endswith("Z"), value
                datetime.datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", value[:-1]))
        except (ValueError, AssertionError):
            faults.append(f"{where}: {value!r} is no {schema['format']}")
        return faults
