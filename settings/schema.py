"""`python -m settings.schema`: writes `schema/stack.schema.json`, with which editors check a stack file.

The schema is that of a whole `Pulumi.<stack>.yaml`. It knows the shapes of values; what several keys must
fulfil together (`rules/`) only the program checks.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from settings.load import PROJECT
from settings.models import Settings
from settings.values import aws_regions

SCHEMA_FILE = Path(__file__).resolve().parent.parent / "schema" / "stack.schema.json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_CLI_KEYS = {
    "encryptionsalt": "Written by the Pulumi CLI: of the passphrase that encrypts the stack's secrets.",
    "encryptedkey": "Written by the Pulumi CLI: the key that encrypts the stack's secrets.",
    "secretsprovider": "Written by the Pulumi CLI: what encrypts the stack's secrets.",
}

Schema = dict[str, Any]


def stack_schema() -> Schema:
    """The schema of a stack file."""
    generated = Settings.model_json_schema(by_alias=True, mode="validation")
    definitions = {name: _tidy(schema) for name, schema in generated.pop("$defs").items()}
    definitions["AwsRegion"] = {"description": "Of the commercial partition.", "enum": sorted(aws_regions())}
    made = _tidy(generated)
    keys = {f"{PROJECT}:{key}": _top_level(schema) for key, schema in made["properties"].items()}
    config = {
        "type": "object",
        "description": f"The stack's configuration: the keys of {PROJECT}, and those of providers.",
        "properties": keys,
        "patternProperties": {
            f"^(?!{PROJECT}:)[^:]+:.+$": {"description": "A key of a provider, such as aws:region."}
        },
        "required": [f"{PROJECT}:{key}" for key in made["required"]],
        "additionalProperties": False,
    }
    return {
        "$schema": _DIALECT,
        "title": f"A stack of {PROJECT}",
        "description": "Made by `python -m settings.schema` from the models in settings/. Not to be edited.",
        "type": "object",
        "properties": {
            "config": config,
            **{key: {"type": "string", "description": text} for key, text in _CLI_KEYS.items()},
        },
        "required": ["config"],
        "additionalProperties": False,
        "$defs": dict(sorted(definitions.items())),
    }


def _top_level(schema: Schema) -> Schema:
    """A key of the configuration: `pulumi config set` writes numbers and booleans of this level as text."""
    match schema.get("type"):
        case "boolean":
            text: Schema = {"enum": ["true", "false"]}
        case "integer":
            text = {"type": "string", "pattern": r"^\d+$"}
        case _:
            return schema
    about = {key: schema[key] for key in ("default", "description")}
    return {**about, "anyOf": [{key: schema[key] for key in schema if key not in about}, text]}


def _tidy(schema: Any) -> Any:
    """A schema as an author would write it: closed, with the list of regions in one place.

    Titles made of names go, and so do defaults that only repeat those of the parts.
    """
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "enum" in schema and schema["enum"] == sorted(aws_regions()):
        return {"$ref": "#/$defs/AwsRegion"} | {key: schema[key] for key in ("description",) if key in schema}
    if "patternProperties" in schema:
        schema = {"additionalProperties": False, **schema}
    tidied = {}
    for key, value in schema.items():
        if key in ("properties", "patternProperties"):
            tidied[key] = {name: _tidy(item) for name, item in value.items()}
        elif key != "title" and not (key == "default" and (value is None or isinstance(value, dict))):
            tidied[key] = _tidy(value)
    return tidied


def text() -> str:
    """The schema file's content."""
    return json.dumps(stack_schema(), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    SCHEMA_FILE.parent.mkdir(exist_ok=True)
    SCHEMA_FILE.write_text(text(), encoding="utf-8")
    print(f"wrote {SCHEMA_FILE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
