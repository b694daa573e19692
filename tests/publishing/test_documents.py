"""docs/claims.md and docs/published.md are what records, rules and checks give; rules never reach a cell."""

from __future__ import annotations

import json
import re
import shutil

import pytest
import yaml
from publications import OVERRIDES, run_into
from synthetic import make_study

from harness.commands.arguments import configs_of, parse, predictions_of
from harness.commands.cli import main
from harness.commands.publish.article import CLAIMS
from harness.commands.publish.checks import read_checks
from harness.commands.publish.documents import write_answer, write_documents
from harness.commands.publish.layer_checks import CHECKS
from harness.commands.publish.records import publish_records
from harness.commands.publish.written import digest_rules, note_rules, were_before
from harness.config.composer import config_directory, hydra_session
from harness.report.ledger import VERDICTS
from harness.report.study import Study
from harness.statistics.literature import LITERATURE
from harness.statistics.rules import Prediction, Rule
from harness.types import UserError
from tests.docs.documents import files

ROOT = config_directory().parent
REFERENCE = ROOT / "results" / "reference"


def study_file(folder, predictions, name="digits"):
    path = folder / "conf" / "study" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    params = {"task": "mnist", "task.data.source": "embedded", "axis": "none,channel", "seed": "range(2)"}
    content = {"hydra": {"sweeper": {"params": params}}, "predictions": predictions}
    path.write_text(f"# @package _global_\n{yaml.safe_dump(content)}")
    return folder / "conf"


def prediction(*rules, number=1):
    return {"number": number, "rules": list(rules), "settings": "Smaller."}


def test_the_documents_are_what_the_committed_records_and_checks_give(tmp_path):
    for path in write_documents(REFERENCE, tmp_path / "docs"):
        assert path.read_text() == (ROOT / "docs" / path.name).read_text(), path.name


def test_the_page_that_people_land_on_is_made_of_the_committed_records(tmp_path):
    page = write_answer(REFERENCE, tmp_path).read_text()

    assert page == (ROOT / "results" / "README.md").read_text()
    answer = page.partition("## The answer\n\n")[2].partition("\n\n")[0]
    assert len(re.findall(r"\.(?= |$)", answer)) <= 10
    for link in re.findall(r"\]\(([^)#]+)\)", page):
        assert (ROOT / "results" / link).exists(), link


def test_the_readme_s_answer_is_that_of_the_page_that_people_land_on():
    page, readme = ((ROOT / name).read_text() for name in ("results/README.md", "README.md"))

    assert ("no other choice of axes is shown to beat the channels" in page) == (
        "no other choice is shown to beat the channels by more than matters" in readme
    )


def test_every_prediction_and_claim_has_a_row():
    published, claims = ((ROOT / "docs" / name).read_text() for name in ("published.md", "claims.md"))

    assert set(LITERATURE) == {int(number) for number in re.findall(r"^\| (\d+) \|", published, re.MULTILINE)}
    assert len(re.findall(r"^\| \[\d+\]", claims, re.MULTILINE)) == len(CLAIMS)
    assert all(claim.statement in claims for claim in CLAIMS)
    assert {claim.check for claim in CLAIMS if claim.check} == set(CHECKS) == set(read_checks(REFERENCE)["checks"])
    assert {one["verdict"] for one in read_checks(REFERENCE)["checks"].values()} <= set(VERDICTS)


@pytest.fixture
def published_digits(tmp_path):
    """Publishes six seeds of none, channel and spatial as the study `digits` of a config folder, with its rules."""

    def publish(*predictions, rules=None):
        conf = study_file(tmp_path, list(predictions))
        run_into(tmp_path / "work", make_study({"none": 0.90, "channel": 0.95, "spatial": 0.9501}, seeds=6))
        folder = tmp_path / "reference" / "digits"
        publish_records(tmp_path / "work", folder, overrides=OVERRIDES, command="publish", rules=rules)
        write_documents(tmp_path / "reference", tmp_path / "docs", [conf])
        return (tmp_path / "docs" / "published.md").read_text()

    return publish


def test_a_prediction_is_told_with_its_rule_effect_and_setting(published_digits):
    text = published_digits(
        prediction({"better": "channel", "than": "none"}),
        prediction({"better": "none", "than": "channel"}, number=2),
        prediction({"better": "spatial", "than": "channel"}, number=3),
        prediction({"better": "channel", "than": "group"}, number=9),
    )

    of_digits = [row for row in text.splitlines() if "digits/README.md" in row]
    rows = {int(row.split("|")[1]): [cell.strip() for cell in row.split("|")] for row in of_digits}
    verdicts = {number: row[4].split(" (")[0] for number, row in rows.items()}
    assert verdicts[1] == "**reproduced**"
    assert verdicts[2] == "**contradicted**"
    assert verdicts[3] == "**undecided**"
    assert verdicts[9] == "**not decided here**"
    assert re.search(r"^\| 13 \|.*\| not decided here: no records \|", text, re.MULTILINE)
    assert rows[1][5:] == [
        "`channel` is better than `none`",
        rows[1][6],
        "6",
        "[digits](../results/reference/digits/README.md)",
        "",
    ]
    assert re.fullmatch(r"\+0\.05\d* \[\+0\.0\d+, \+0\.05\d*\] in test accuracy", rows[1][6])
    assert "*digits*: reproduced. How the setting differs: Smaller." in text
    assert "`channel` is better than `group`: not decided here; no records of group." in text
    assert "seeds would decide" in text


def test_the_answer_is_counted_from_the_verdicts(published_digits, tmp_path):
    published_digits(prediction({"better": "channel", "than": "none"}))

    page = write_answer(tmp_path / "reference", tmp_path).read_text()

    answer = page.partition("## The answer\n\n")[2].partition("\n\n")[0]
    assert "of 1 comparisons of another choice of axes with `channel`, 0 end better" in answer
    assert "1 are undecided." in answer
    assert "As trained no other choice is told to be better or worse by that much, and 1 of 1" in answer
    assert "No normalization at all is worse in 1 of 1, and, with those of `channel` re-estimated, " in answer
    assert "| none | −0.05" in page  # the difference, in the task's own table
    assert "not decided here" in page.partition("## What to do")[2]  # advice that rests on studies which are not there


def test_a_rule_that_is_younger_than_the_records_says_so(published_digits, tmp_path):
    rule = prediction({"better": "channel", "than": "none"})
    known = Prediction(1, (Rule("better", "channel", "none"),), "Said otherwise.")

    def of_digits(**seen):
        return next(row for row in published_digits(rule, **seen).splitlines() if "digits/README.md" in row)

    assert "(rule after the records)" in of_digits()
    assert "(rule after the records)" not in of_digits(rules={digest_rules(known): "2026-01-01T00:00:00+00:00"})


def test_when_a_rule_was_first_seen_is_kept(tmp_path):
    first, other = (Prediction(1, (Rule(kind, "channel", "none"),), "") for kind in ("better", "worse"))
    (tmp_path / "work").mkdir()
    seen = note_rules(tmp_path / "work", tmp_path / "reference", [first])

    assert note_rules(tmp_path / "work", tmp_path / "reference", [first, other]).items() >= seen.items()
    # As in a fresh clone: what a published study says is older.
    made = tmp_path / "reference" / "digits" / "made.json"
    shutil.copytree(REFERENCE / "mnist", made.parent)
    made.write_text(json.dumps({"rules": {digest_rules(first): "2020-01-01T00:00:00+00:00"}}))
    shutil.rmtree(tmp_path / "work")
    (tmp_path / "work").mkdir()
    assert note_rules(tmp_path / "work", tmp_path / "reference", [first])[digest_rules(first)].startswith("2020")
    study = Study.open_published(made.parent)
    assert were_before(study, first)
    assert not were_before(study, other)
    made.write_text(json.dumps({"rules": {digest_rules(first): "2036-01-01T00:00:00+00:00"}}))
    assert not were_before(Study.open_published(made.parent), first)


def test_rules_reach_no_cell(tmp_path):
    rule = prediction({"better": "channel", "than": "none"})
    with_rules = configs_of(parse(["study=digits", "--config-dir", str(study_file(tmp_path / "a", [rule]))]))
    without = configs_of(parse(["study=digits", "--config-dir", str(study_file(tmp_path / "b", None))]))

    assert with_rules == without
    assert len(with_rules) == 4
    assert not any("predictions" in config for config in with_rules)


def test_the_rules_in_the_documentation_are_read(tmp_path):
    written = files(ROOT / "docs" / "statistics.md")["conf/study/batches.yaml"]
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "batches.yaml").write_text(written.partition("\n")[2])
    with hydra_session([tmp_path]) as composer:
        [one] = predictions_of(composer, "batches")

    assert one.number == 2
    assert [rule.kind for rule in one.rules] == ["worse", "worse", "equivalent", "gains"]
    assert len(configs_of(parse(["study=batches", "--config-dir", str(tmp_path)]))) == 3 * 2 * 20


@pytest.mark.parametrize("verb", ["plan", "run", "publish"])
def test_a_misspelt_rule_is_told_in_one_line_before_anything_is_done(verb, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    conf = study_file(tmp_path, [prediction({"better": "chanel", "than": "none"})])
    more = ["only=records"] if verb == "publish" else []
    status = main([verb, "study=digits", "--config-dir", str(conf), *more])

    said = capsys.readouterr().err
    assert status == 2
    assert said.count("\n") == 1
    assert "study=digits, predictions[0].rules[0].better: expected one of" in said
    assert "the nearest is channel. Received: chanel" in said
    assert not (tmp_path / "results").exists()


def test_predictions_are_no_override(capsys):
    assert main(["plan", "study=mnist", "predictions=[]"]) == 2
    assert (
        "predictions: expected in a study's file, before its run. Received: predictions=[]" in capsys.readouterr().err
    )


def test_the_article_s_rules_are_in_the_grammar_and_of_studies_that_there_are():
    known = {path.stem for path in (config_directory() / "axis").glob("*.yaml")}
    for claim in CLAIMS:
        for study, rule in claim.rules:
            assert (config_directory() / "study" / f"{study}.yaml").exists()
            assert {rule.strategy, rule.other} <= known
            assert claim.check == ""


def test_checks_that_cannot_be_read_are_told(tmp_path):
    assert read_checks(tmp_path) == {}
    (tmp_path / "checks.json").write_text("{")
    with pytest.raises(UserError, match=r"expected what `publish only=checks` writes .* Received: .*checks\.json"):
        read_checks(tmp_path)
