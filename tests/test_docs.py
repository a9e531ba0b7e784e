"""README and docs: numbers are those of the rows that docs keep, links lead somewhere, sentences are short."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

import pytest

from checkpoints.folder import as_csv, read_csv
from tests.doc_tables import PAGES, ROOT, TABLE, build_table, rebuild, tables_without_rows
from tests.test_house import MAX_WORDS, count_words, sentences
from train.presets import PRESETS
from train.report.base import BASELINES, number, over_seeds
from train.report.reading import read_results

DOCS = ROOT / "docs"
RESULTS = sorted(set((DOCS / "results").glob("*.md")) - {DOCS / "results" / "README.md"})
SHORT_SENTENCES = (ROOT, DOCS / "results", DOCS / "lessons", DOCS / "notebook")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)")
TABLES = [found for page in PAGES for found in TABLE.finditer(page.read_text())]


@pytest.mark.parametrize("found", TABLES, ids=lambda found: f"{found[1]}, {found[2]}")
def test_a_table_is_that_of_its_rows(found):
    assert found[0] == rebuild(found[0])


def test_every_file_of_rows_has_a_table_and_every_comment_is_one_of_a_table():
    files = {str(path.relative_to(ROOT)) for path in DOCS.glob("*.csv") if not path.stem.endswith("-curves")}
    assert {found[1] for found in TABLES if "*" not in found[1]} == files
    assert len(TABLES) == sum(page.read_text().count("<!-- table") for page in PAGES)


def test_every_row_has_the_link_baseline_beside_the_others():
    for file in DOCS.glob("*.csv"):
        rows = read_csv(file)
        assert "elimination_baseline" not in rows[0] or all(row["link_baseline"] for row in rows), file


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_row_of_a_table_has_its_line(page):
    rules = [line for line in page.read_text().splitlines() if re.search(r"\| ?:?-{3,}:? ?\|", line)]
    assert all(re.fullmatch(r" *\|[-: |]+\|", line) for line in rules)


def test_a_table_with_another_number_is_made_anew_and_the_text_around_it_stays():
    right = TABLES[0][0]
    wrong = right.replace("100.0", "99.9")
    assert wrong != right
    assert rebuild(f"before\n\n{wrong}\nafter\n") == f"before\n\n{right}\nafter\n"
    assert rebuild(right.partition("\n")[0] + "\n") == right  # a comment alone
    assert tables_without_rows(f"{right}\n| a | b |\n|---|---:|\n| c | 1 |\n") == ["| a | b |\n|---|---:|\n| c | 1 |\n"]


def test_a_table_of_lines_has_a_row_for_each_panel_that_has_the_first():
    head, _, *body = build_table(DOCS / "context.csv", "lines generate and verify; closed book").splitlines()
    assert cells(head)[1:3] == ["generate and verify", "closed book"]
    assert "reversal: inverse" in [cells(line)[0] for line in body]
    assert "syllogism: conclusion" not in [cells(line)[0] for line in body]  # a conclusion has no inverse form
    panel = build_table(DOCS / "context.csv", "panel reversal").splitlines()
    mean, interval, each_seed = next(cells(line)[1:4] for line in panel if cells(line)[0] == "closed book")
    assert cells(body[0])[2] == f"**{mean}** ({interval}): {each_seed}"
    elimination, link = next(cells(line)[4:6] for line in panel if cells(line)[0] == "generate and verify")
    assert cells(body[0])[3:] == [elimination, link]


def test_a_table_of_chosen_rows_has_their_titles_seeds_and_baselines():
    chosen = "rows docs/objectives.csv:reversed as both; masked-source-only | forward mean as stated; inverse; steps"
    lines = [cells(line) for line in build_table(DOCS / "objective-variants.csv", chosen).splitlines()]
    assert lines[0] == ["variant", "stated", "inverse", "steps"]
    assert [line[0] for line in lines[2:]] == ["both", "masked-source-only", *BASELINES]
    rows = [
        row
        for row in read_results(DOCS / "objective-variants.csv")
        if (row["variant"], row["split"]) == ("masked-source-only", "inverse")
    ]
    each_seed = " ".join(number(row["accuracy"]) for row in rows)
    accuracy = over_seeds(rows)
    assert lines[3][2:] == [
        f"**{number(accuracy.mean)}** ({accuracy.interval()}): {each_seed}",
        f"{rows[0]['steps']:,}",
    ]
    one_seed = build_table(DOCS / "objective-variants.csv", "rows masked-source-only | inverse seed 1").splitlines()
    assert cells(one_seed[2])[1] == number(next(row["accuracy"] for row in rows if row["seed"] == 1))


def test_a_chosen_row_is_of_one_query_mode_and_says_where_it_cannot_be_asked():
    table = build_table(DOCS / "objectives.csv", "rows bico; causal | inverse; backward").splitlines()
    bico, causal = cells(table[2]), cells(table[3])
    assert len(bico[1].partition(": ")[2].split()) == 5  # not those of its second mode, too
    assert causal[2] == "cannot be asked"


def test_the_table_of_prompts_has_both_baselines():
    head, _, *body = map(cells, build_table(DOCS / "context.csv", "prompts").splitlines())
    asked = "reversal-causal", "closed-book", "inverse"
    rows = [row for row in read_results(DOCS / "context.csv") if (row["variant"], row["method"], row["split"]) == asked]
    shown = next(line for line in body if line[1] == "the inverse of a one-way fact")
    for column in ("elimination", "link"):
        assert shown[head.index(column)] == number(fmean(row[f"{column}_baseline"] for row in rows))


def test_the_table_of_studies_counts_a_run_once_and_sums_all(tmp_path):
    base = {"train.init_from": "checkpoints/slow-0"}
    trained = {
        "short": {"fast-0": ({}, 100, 60.0)},
        "long": {"slow-0": ({}, 5000, 600.0), "slow-1": ({}, 5000, 540.0), "more-0": (base, 5400, 660.0)},
    }
    for study, runs in trained.items():
        rows = [
            {"run": run, "settings": json.dumps(settings), "split": split, "steps": steps, "seconds": seconds}
            for run, (settings, steps, seconds) in runs.items()
            for split in ("forward", "inverse")
        ]
        (tmp_path / f"{study}.csv").write_text(as_csv(rows))
    (tmp_path / "no-results.csv").write_text(as_csv([{"run": "fast-0", "seconds": 7}]))
    table = build_table(tmp_path / "*.csv", "study times").splitlines()
    assert [cells(line) for line in table[2:]] == [
        ["long", "3", "10,400", "20"],
        ["short", "1", "100", "1"],
        ["all", "4", "10,500", "21"],
    ]


def test_without_a_role_masked_no_seed_reaches_the_elimination_baseline_and_with_both_each_does():
    rows = [row for row in read_results(DOCS / "coda-forno.csv") if row["split"] == "inverse"]
    below = {row["variant"] for row in rows if row["accuracy"] < row["elimination_baseline"]}
    above = {row["variant"] for row in rows if row["accuracy"] > row["link_baseline"]}
    assert above == {"masked", "masked-copy"}
    assert below == {row["variant"] for row in rows} - above


def test_seven_objectives_reverse_on_every_seed_and_five_stay_below_the_elimination_baseline():
    rows = [row for row in read_results(DOCS / "objectives.csv") if row["split"] == "inverse" and row["count"]]
    not_above = {row["variant"] for row in rows if row["accuracy"] <= row["link_baseline"]}
    not_below = {row["variant"] for row in rows if row["accuracy"] >= row["elimination_baseline"]}
    variants = {row["variant"] for row in rows}
    reverse = {"bico", "reversed", "both-directions", "masked-copy", "span-denoising", "permuted", "masked"}
    assert variants - not_above == reverse
    one_way = {"causal", "prefix", "belief-state", "joint-embedding"}
    assert variants - not_below == one_way | {"semantic-permutation"}  # which has not learned the facts


def test_a_mark_of_the_order_makes_reversed_text_and_semantic_permutation_reverse():
    rows = [row for row in read_results(DOCS / "objective-variants.csv") if row["split"] == "inverse" and row["count"]]
    assert {len([row for row in rows if row["variant"] == name]) for name in {row["variant"] for row in rows}} == {3}
    marked = {"reversed-delimiter", "semantic-permutation-directed"}
    assert min(row["accuracy"] for row in rows if row["variant"] in marked) > 0.97
    assert max(row["accuracy"] for row in rows if row["variant"] == "reversed-plain") < 0.1


def test_batches_of_192_end_where_one_seed_with_96_does_not():
    rows = [row for row in read_results(DOCS / "recipe-objectives.csv") if row["split"] == "inverse" and row["count"]]
    ends = {row["variant"]: [] for row in rows}
    for row in rows:
        ends[row["variant"]].append(row["accuracy"])
    for name in ("reversed", "permuted", "span-denoising"):
        assert len([end for end in ends[f"{name}-96"] if end < 0.9]) == 1
        assert min(ends[f"{name}-192"]) >= 0.995


def test_with_eight_tokens_two_fixed_rates_are_below_the_uniform_rate_and_none_learns_the_inverse():
    ends: dict[str, list[float]] = {}
    for row in read_results(DOCS / "kitouni-lengths.csv"):
        if row["split"] == "inverse" and row["variant"].endswith("-8"):
            ends.setdefault(row["variant"], []).append(row["accuracy"])
    assert max(map(fmean, ends.values())) == pytest.approx(0.65)
    assert max(ends["fixed-15-8"] + ends["fixed-85-8"]) < min(ends["uniform-8"])
    assert min(ends["fixed-40-8"]) > max(ends["fixed-15-8"])


def test_without_the_convolution_one_seed_of_three_has_learned_to_read_its_prompt():
    rows = [row for row in read_results(DOCS / "binding.csv") if row["method"] == "in-context"]
    ends = {
        variant: sorted(
            row["accuracy"] for row in rows if (row["variant"], row["split"]) == (variant, "unseen_forward")
        )
        for variant in ("preset-plain-rotary-long", "preset-plain-long")
    }
    stays, half, learned = ends["preset-plain-rotary-long"]
    assert stays <= 0.25 < half < 0.9 < learned  # a random choice of one of the four facts would be at 25 %
    assert max(ends["preset-plain-long"]) <= 0.25


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_of_bridges_has_means_over_all_seeds():
    head, _, *body = map(cells, build_table(DOCS / "context.csv", "bridges").splitlines())
    shown = next(line for line in body if line[0] == "augmentation")
    wanted = "hierarchy-augmented", "augmentation", "holdout_chain"
    rows = [
        row for row in read_results(DOCS / "context.csv") if (row["variant"], row["method"], row["split"]) == wanted
    ]
    assert {row["seed"] for row in rows} >= set(range(3))
    assert shown[head.index("hierarchy: holdout_chain")] == number(over_seeds(rows).mean, digits=0)


def test_the_table_of_counts_has_every_preset_and_marks_what_is_above_its_interval(tmp_path):
    rows = read_csv(DOCS / "count.csv")
    assert {name for row in rows for name in row["preset"].split(", ")} == set(PRESETS)
    assert "above" not in build_table(DOCS / "count.csv", "counts")  # as the page says
    (tmp_path / "count.csv").write_text(as_csv([rows[0] | {"within": "0", "accuracy": "0.25"}, *rows[1:]]))
    _, _, first, *_ = build_table(tmp_path / "count.csv", "counts").splitlines()
    assert cells(first)[3] == "25.00 **above**"


# --- tables that no rows make ---

WORDS_ALONE = "words alone"
CELL_OF_A_NUMBER = re.compile(r"\| *\**\d")


def listed_tables() -> dict[str, list[list[str]]]:
    """Why a table may be typed, and its first line, by page and in order: what typed_tables.txt lists."""
    pages = re.findall(r"^(\S.*)\n((?: .*\n)+)", (ROOT / "tests" / "typed_tables.txt").read_text(), re.MULTILINE)
    return {page: [line.strip().split(": ", 1) for line in lines.splitlines()] for page, lines in pages}


def test_results_come_from_rows_but_for_the_tables_that_are_listed():
    typed = {name_of(page): tables_without_rows(page.read_text()) for page in PAGES}
    heads = {page: [table.splitlines()[0] for table in tables] for page, tables in typed.items() if tables}
    assert heads == {page: [head for _, head in tables] for page, tables in listed_tables().items()}


def test_a_table_that_is_listed_as_words_alone_has_no_numbers():
    for page, listed in listed_tables().items():
        for (reason, head), table in zip(listed, tables_without_rows((ROOT / page).read_text()), strict=True):
            assert reason != WORDS_ALONE or not CELL_OF_A_NUMBER.search(table), f"{page}: {head}"


# --- pages ---


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: str) -> Iterator[str]:
    """The paragraphs of a page, each on one line: no code, tables, comments or headings, and links as their texts."""
    page = re.sub(r"^```.*?^```|<!--.*?-->|^ *\|.*?$|^#.*?$", "\n", page, flags=re.MULTILINE | re.DOTALL)
    page = re.sub(r"^ *(?:[-*]|\d+\.) ", "\n", page, flags=re.MULTILINE)  # each item of a list is a paragraph
    page = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", page).replace("**", "")
    for paragraph in re.split(r"\n\s*\n", page):
        yield " ".join(paragraph.split())


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent in SHORT_SENTENCES], ids=name_of)
def test_no_sentence_is_long(page):
    found = [sentence for paragraph in prose(page.read_text()) for sentence in sentences(paragraph)]
    assert not [sentence for sentence in found if count_words(sentence) > MAX_WORDS]


def test_prose_is_what_is_read_as_sentences():
    page = "# Title\n\n**One\n[two](a.md).** ![Figure](b.svg)\n\n- Three\n  four\n- `five`\n\n  | a | b |\n|---|---|\n"
    assert [text for text in prose(page + "\n```\ncode\n```\n<!-- note -->\n1. six\n") if text] == [
        "One two. Figure",
        "Three four",
        "`five`",
        "six",
    ]


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading(page):
    for file, anchor in LINK.findall(page.read_text()):
        linked = (page.parent / file).resolve() if file else page
        assert linked.exists(), file
        assert not anchor or anchor in anchors(linked.read_text()), f"{file}#{anchor}"


def test_the_anchor_of_a_heading():
    assert anchors("# A `b_c`, d-e: 5 %\n```\n# no heading\n```\n") == {"a-b_c-d-e-5-"}


@pytest.mark.parametrize("page", RESULTS, ids=name_of)
def test_a_page_of_results_claims_and_bounds(page):
    text = page.read_text()
    for part in (
        r"\*\*Claim\.\*\* ",
        r"\|[ :|-]+\|$",
        r"(## |\*\*)What it rests on",
        r"(## |\*\*)What it does not show",
    ):
        assert re.search(f"^{part}", text, re.MULTILINE), part
    claim = text.partition("**Claim.**")[2].partition("\n\n")[0]
    assert re.search(r"\d", claim), "a claim has a number"
    assert re.search(r"\bseeds?\b", claim), "and says on how many seeds"
    assert f"({page.name})" in (DOCS / "results" / "README.md").read_text(), "the index lists the page"
