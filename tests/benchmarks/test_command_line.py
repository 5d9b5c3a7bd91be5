"""What the comparisons of speed share: AVX2 for every worker, in a block of its own."""

import os

import pytest

from benchmarks import command_line

PAGE = "# Speed\n<!-- benchmark: t -->\nold\n<!-- end of benchmark: t -->\nthe end\n"


@pytest.fixture
def page(tmp_path, monkeypatch):
    for name in command_line.AVX2_ONLY:
        monkeypatch.setenv(name, "")  # so that it is as before after the test
    path = tmp_path / "speed.md"
    path.write_text(PAGE)
    return path


def measure(page, *arguments):
    """Run the command with a report that says what it was called with."""

    def report(threads, rounds, seconds):
        limits = {os.environ[name] for name in ("ECE662_SIMD", "ATEN_CPU_CAPABILITY")}
        return f"{threads} {rounds} {seconds} {sorted(limits)}"

    arguments = ["--write", str(page), *arguments]
    assert command_line.measure_and_write(report, "t", 9, 0.5, arguments) == 0
    return page.read_text()


def test_the_report_takes_the_place_of_the_block(page):
    assert measure(page) == PAGE.replace("old", "[1, 2] 9 0.5 ['']")


def test_avx2_has_a_block_of_its_own_behind_the_other(page):
    content = measure(page, "--avx2", "--threads", "1", "--rounds", "3")
    before, _, behind = content.partition("<!-- end of benchmark: t -->")
    assert before + "<!-- end of benchmark: t -->\nthe end\n" == PAGE
    assert "<!-- benchmark: t, AVX2 -->\n[1] 3 0.5 ['avx2']\n" in behind
    again = measure(page, "--avx2", "--threads", "2")
    assert again == content.replace("[1] 3 0.5", "[2] 9 0.5")
    assert again.endswith("the end\n")


def test_a_page_without_the_block_is_refused_before_measuring(page):
    page.write_text("nothing")
    with pytest.raises(ValueError, match="expected '<!-- benchmark: t -->'"):
        measure(page)
