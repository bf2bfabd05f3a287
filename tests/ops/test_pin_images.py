"""`python -m ops pin-images` writes digests into a stack file, and changes nothing else in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ops.__main__ import main
from ops.errors import DONE, FAILED, WRONG_CALL
from ops.pin_images import with_images
from settings import SettingsError, parse
from tests.clients.registry_server import Registry, serving
from tests.settings.edits import edited, lines, put

OLD = "@sha256:" + "0" * 64
REST = """\
  digital-agency:domain: agency.example.com  # the domain
  digital-agency:hostedZoneId: Z0123456789ABCDEFGHIJ

  digital-agency:regions:
    - name: us-east-1
      ingressFrom: [10.0.0.0/24]
  digital-agency:companies: [acme]
"""


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Registry]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with serving(Registry()) as found:
        yield found


def stack_file(folder: Path, images: str) -> Path:
    file = folder / "Pulumi.prod.yaml"
    file.write_text(f"# Our stack.\nconfig:\n{images}{REST}")
    return file


def pin(file: Path) -> int:
    return main(["pin-images", "--config", str(file)])


def images_in(text: str) -> dict[str, str]:
    found: dict[str, str] = yaml.safe_load(text)["config"]["digital-agency:images"]
    return found


FORMS = {
    "block": "  digital-agency:images:\n    # The application.\n    agency: {agency}  # ours\n"
    "    python: {python}\n    rclone: '{rclone}'\n",
    "flow": '  digital-agency:images: {{agency: {agency}, rclone: "{rclone}", python: {python}}}  # all\n',
    "anchor": "  digital-agency:images:\n    agency: &a {agency}\n    rclone: {rclone}\n"
    "    python: {python}\n",
}


@pytest.mark.parametrize("old", ["", OLD], ids=["tags", "digests"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_each_tag_gets_its_digest_and_the_rest_of_the_file_stays(
    registry: Registry, tmp_path: Path, form: str, old: str
) -> None:
    names = {key: f"{registry.host}/{key}:1.0" for key in ("agency", "rclone", "python")}
    digests = {key: registry.push(key, "1.0") for key in names}
    file = stack_file(tmp_path, form.format(**{key: name + old for key, name in names.items()}))

    assert pin(file) == DONE

    expected = form.format(**{key: f"{name}@{digests[key]}" for key, name in names.items()})
    assert file.read_text() == f"# Our stack.\nconfig:\n{expected}{REST}"
    assert pin(file) == DONE
    assert file.read_text() == f"# Our stack.\nconfig:\n{expected}{REST}"


IMAGES = {"agency": f"a:1{OLD}", "rclone": f"b:1{OLD}", "python": f"c:1{OLD}"}


@pytest.mark.parametrize(
    "images",
    [
        "  digital-agency:images: {agency: a:1}\n",
        "  digital-agency:images:\n    agency: a:1\n",
        "  digital-agency:images:\n    agency: a:1  # ours\n\n  # Then the rest.\n",
        "  digital-agency:images:\n    agency: 'a:1'\n    rclone: b:1",
        "",
    ],
)
def test_the_programs_own_images_are_added(images: str) -> None:
    text = f"# Our stack.\nconfig:\n{images}" + (REST if not images or images.endswith("\n") else "\n" + REST)

    changed = with_images(text, IMAGES)

    assert images_in(changed) == IMAGES
    kept = [line for line in text.splitlines() if "images" not in line and "agency:" not in line]
    assert [line for line in changed.splitlines() if line in kept] == [
        line for line in kept if "rclone" not in line
    ]
    assert changed.endswith(REST)


def test_nothing_is_written_unless_all_are_found(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.push("agency", "1.0")
    images = "".join(f"    {key}: {registry.host}/{key}:1.0\n" for key in ("agency", "rclone", "python"))
    file = stack_file(tmp_path, f"  digital-agency:images:\n{images}")
    before = file.read_text()

    assert pin(file) == FAILED

    assert file.read_text() == before
    assert "images.rclone: " in (told := capsys.readouterr().err) and "no such image or tag" in told


def test_a_stack_file_that_is_wrong_is_not_touched(tmp_path: Path) -> None:
    file = stack_file(tmp_path, "  digital-agency:images: {agency: a:latest}\n")
    assert pin(file) == WRONG_CALL


def test_demanded_digests_are_missed_image_by_image() -> None:
    raw = edited(put("images.requireDigests", True))
    raw["images"]["python"] = f"python:3.13-slim{OLD}"

    assert [line.partition(": ")[0] for line in lines(raw, "prod")] == [
        "digital-agency:images.agency",
        "digital-agency:images.rclone",
    ]
    with pytest.raises(SettingsError, match="ops pin-images --stack prod"):
        parse(raw, "prod")


def test_with_digests_a_stack_that_demands_them_is_valid() -> None:
    raw = edited(put("images.requireDigests", True))
    raw["images"] |= {key: f"{key}:1{OLD}" for key in ("agency", "rclone", "python")}

    assert lines(raw, "prod") == []
    assert parse(raw, "prod").images.require_digests
