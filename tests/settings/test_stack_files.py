"""`python -m ops render` with a broken stack file: exit code 2, a line a fault on stderr, nothing written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ops.__main__ import main
from ops.stack_file import StackFileError, read, stack_of
from tests.settings.broken import ALL, Broken
from tests.settings.edits import edited, key_of, put
from tests.settings.test_every_key import every_key
from tests.strategies import Raw

ROOT = Path(__file__).resolve().parents[2]


def write(path: Path, raw: Raw) -> Path:
    config = {"aws:region": "us-east-1"} | {f"digital-agency:{key}": value for key, value in raw.items()}
    path.write_text(yaml.safe_dump({"config": config}, allow_unicode=True), encoding="utf-8")
    return path


def render(path: Path, out: Path, *more: str) -> int:
    return main(["render", "--config", str(path), "--out", str(out), *more])


def problems_of(path: Path, out: Path, capsys: pytest.CaptureFixture[str], *more: str) -> list[str]:
    assert render(path, out, *more) == 2
    assert not out.exists()
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("broken", ALL[::4], ids=lambda broken: broken.what)
def test_a_broken_stack_file_ends_the_render_before_anything_is_written(
    broken: Broken, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "some.yaml", edited(broken.edit))
    [line] = problems_of(path, tmp_path / "out", capsys, "--stack", broken.stack)
    assert key_of(line) == broken.full_key
    assert broken.text in line


def test_several_faults_are_as_many_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = edited(put("regions[0].weight", -1), put("podUser", 0), put("companies[0].name", "-"))
    found = problems_of(write(tmp_path / "Pulumi.prod.yaml", raw), tmp_path / "out", capsys)
    assert list(map(key_of, found)) == [
        "digital-agency:companies[0].name",
        "digital-agency:podUser",
        "digital-agency:regions[0].weight",
    ]


@pytest.mark.services
def test_a_program_of_its_own_ends_the_same_way(tmp_path: Path) -> None:
    path = write(tmp_path / "Pulumi.prod.yaml", edited(put("regions[1].weight", -1)))
    command = [sys.executable, "-m", "ops", "render", "--config", str(path), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == ("digital-agency:regions[1].weight: must be a whole number from 0 to 255, got -1\n")
    assert not (tmp_path / "out").exists()


def test_a_stack_with_every_key_is_rendered(tmp_path: Path) -> None:
    raw = every_key()
    del raw["regions"][0]["adopt"]
    assert render(write(tmp_path / "Pulumi.prod.yaml", raw), tmp_path / "out") == 0
    assert json.loads((tmp_path / "out" / "aws.json").read_text(encoding="utf-8"))


def test_a_broken_file_leaves_an_earlier_render_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "aws.json").write_text("[]", encoding="utf-8")
    assert render(write(tmp_path / "Pulumi.prod.yaml", edited(put("podUser", 0))), out) == 2
    assert [path.name for path in out.iterdir()] == ["aws.json"]


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("- a\n- b\n", "a mapping with the key `config`"),
        ("text", "a mapping with the key `config`"),
        ("config: [a]\n", "a mapping"),
        ("config: {a: [}\n", "not YAML"),
        ("config:\n  key: {secret: [}\n", "prod.yaml:2:18: not YAML: "),
        ("config:\n\tx: 1\n", "not YAML"),
        ("config: !!python/object:os.system {}\n", "not YAML"),
        (
            "config:\n  a:b: 1\n  a:b: 2\n",
            "a:b: duplicate key, in lines 2 and 3",
        ),
        (
            "config:\n  digital-agency:companies:\n    - name: a\n      edge: 1\n      name: b\n",
            "name: duplicate key, in lines 3 and 5",
        ),
    ],
)
def test_a_file_that_is_no_stack_file_is_rejected_in_one_line(
    text: str, accepted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "Pulumi.prod.yaml"
    path.write_text(text, encoding="utf-8")
    [line] = problems_of(path, tmp_path / "out", capsys)
    assert line.startswith(f"{path}")
    assert accepted in line


def test_a_missing_file_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "Pulumi.prod.yaml"
    [line] = problems_of(path, tmp_path / "out", capsys)
    assert line == f"{path}: No such file or directory; must be a stack file"


def test_a_folder_and_a_file_of_bytes_are_no_stack_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [line] = problems_of(tmp_path, tmp_path / "out", capsys)
    assert line == f"{tmp_path}: Is a directory; must be a stack file"
    path = tmp_path / "bytes"
    path.write_bytes(b"config: \xff\xfe")
    [line] = problems_of(path, tmp_path / "out", capsys)
    assert line == f"{path}: must be a stack file; got no UTF-8 text"


@pytest.mark.parametrize(
    "text", ["", "config:\n", "encryptionsalt: v1:abc\n", "config: {'aws:profile': x}\n"]
)
def test_a_file_without_our_keys_lacks_every_required_key(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "Pulumi.prod.yaml"
    path.write_text(text, encoding="utf-8")
    found = problems_of(path, tmp_path / "out", capsys)
    assert [key_of(line).partition(":")[2] for line in found] == [
        "companies", "domain", "hostedZoneId", "images.agency", "regions",
    ]  # fmt: skip


def test_a_key_twice_by_anchor_and_merge_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(
        "config:\n  a:x: &size {a: 1, b: 2}\n  a:y: {<<: *size, a: 3}\n  a:z: [*size, *size]\n",
        encoding="utf-8",
    )
    config, secrets = read(path)
    assert json.loads(config["a:y"]) == {"a": 3, "b": 2}
    assert secrets == []


def test_which_keys_hold_secrets_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(
        "config:\n  a:x: {secure: v1:a}\n  a:y: [{k: {secure: v1:b}}]\n  a:z: 1\n", encoding="utf-8"
    )
    assert read(path)[1] == ["a:x", "a:y"]


def test_a_missing_file_is_an_error_of_stack_files() -> None:
    with pytest.raises(StackFileError):
        read(Path("/nowhere/Pulumi.dev.yaml"))


@pytest.mark.parametrize(
    ("name", "given", "stack"),
    [
        ("Pulumi.prod.yaml", None, "prod"),
        ("Pulumi.prod.yml", None, "prod"),
        ("Pulumi.pr-12.yaml", None, "pr-12"),
        ("Pulumi.prod.yaml", "staging", "staging"),
        ("other.yaml", None, "dev"),
        ("other.yaml", "local", "local"),
        ("Pulumi.yaml", None, "dev"),
    ],
)
def test_an_explicit_stack_overrides_the_stack_in_the_file_s_name(
    name: str, given: str | None, stack: str
) -> None:
    assert stack_of(Path("/some/where") / name, given) == stack
