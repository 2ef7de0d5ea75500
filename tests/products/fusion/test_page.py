"""The example of docs/products/image-fusion.md runs."""

import runpy


def test_example_of_the_page_runs(repository):
    blocks_of = runpy.run_path(str(repository / "tests" / "house" / "docs_blocks.py"))["blocks_of"]
    page = (repository / "docs" / "products" / "image-fusion.md").read_text(encoding="utf-8")
    blocks = [block for block in blocks_of(page) if block.language == "python"]
    assert blocks
    for block in blocks:
        exec(compile(block.text, f"image-fusion.md, line {block.line}", "exec"), {})
