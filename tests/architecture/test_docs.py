"""What the documents point at is there: files, pictures, headings, experiments and their commands."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOPS = ("neurosim", "circuits", "experiments", "tests", "data", "docs", "requirements")
DOCUMENTS = [path for top in (".", *TOPS) for path in sorted((ROOT / top).glob("*.md" if top == "." else "**/*.md"))]

of_each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def anchor(heading):
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")


@of_each_document
def test_links_and_pictures_lead_somewhere(path):
    text = path.read_text()
    headings = {anchor(heading) for heading in re.findall(r"(?m)^#+ (.*)$", text)}
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif "://" not in target:
            assert path.parent.joinpath(target).exists(), target


@of_each_document
def test_paths_in_the_text_exist(path):
    found = re.findall(rf"(?<![\w/.-])((?:{'|'.join(TOPS)})/[\w/.-]*\w)", path.read_text())
    assert [name for name in found if not (ROOT / name).exists()] == []
