"""Measures of rankings, against values worked out by hand or known from their papers."""

from math import isclose, log2

import pytest

from reelwright.analysis.retrieval_measures import (
    Relevant,
    Span,
    difference,
    mean_of,
    measures,
    met,
    ndcg,
    overlap,
    recall,
    reciprocal_rank,
    summary,
    temporal_iou,
)


def span(subject: str, start: float | None = None, end: float | None = None) -> Span:
    return Span(subject=subject, start_s=start, end_s=end)


def graded(**grades: float) -> list[Relevant]:
    return [Relevant(span=span(name), grade=grade) for name, grade in grades.items()]


def test_ndcg_is_that_of_the_well_known_example() -> None:
    # Grades 3, 2, 3, 0, 1, 2 in the order of the ranking: DCG 6.861, ideal 7.141, of all six.
    names = ["d1", "d2", "d3", "d4", "d5", "d6"]
    relevant = graded(d1=3, d2=2, d3=3, d5=1, d6=2)
    matched = met([span(name) for name in names], relevant)
    assert isclose(ndcg(matched, relevant, 6), 6.861 / 7.141, abs_tol=1e-3)


def test_the_ideal_order_is_one_and_nothing_is_zero() -> None:
    relevant = graded(a=2, b=1)
    assert ndcg(met([span("a"), span("b")], relevant), relevant, 10) == 1.0
    swapped = ndcg(met([span("b"), span("a")], relevant), relevant, 10)
    assert isclose(swapped, (1 + 2 / log2(3)) / (2 + 1 / log2(3)))
    assert ndcg(met([span("x")], relevant), relevant, 10) == 0.0
    assert ndcg([], [], 10) == 0.0


def test_recall_and_reciprocal_rank_look_at_ranks() -> None:
    relevant = graded(a=1, b=1, c=1)
    matched = met([span("x"), span("b"), span("y"), span("a")], relevant)
    assert recall(matched, relevant, 1) == 0
    assert isclose(recall(matched, relevant, 4), 2 / 3)
    assert reciprocal_rank(matched) == 0.5
    assert reciprocal_rank(met([span("x")], relevant)) == 0


def test_overlap_of_times() -> None:
    assert isclose(overlap(span("a", 0, 10), span("a", 5, 15)), 5 / 15)
    assert overlap(span("a", 0, 10), span("a", 10, 20)) == 0
    assert overlap(span("a", 0, 10), span("b", 0, 10)) == 0
    assert overlap(span("a"), span("a", 3, 4)) == 1
    assert overlap(span("a", 3, 3), span("a", 3, 3)) == 1


def test_a_moment_that_two_hits_meet_counts_once() -> None:
    relevant = [Relevant(span=span("a", 0, 10))]
    assert met([span("a", 1, 3), span("a", 4, 9)], relevant) == [0, None]


def test_a_hit_is_the_best_of_what_it_meets() -> None:
    low, high = Relevant(span=span("a", 0, 10)), Relevant(span=span("a", 10, 20), grade=3)
    assert met([span("a", 5, 12)], [low, high]) == [1]
    assert met([span("a", 0, 11)], [low, high], least_iou=0.5) == [0]


def test_temporal_iou_takes_the_best_of_the_first_hits() -> None:
    relevant = [Relevant(span=span("a", 0, 10)), Relevant(span=span("b", 0, 10))]
    hits = [span("a", 20, 30), span("a", 0, 5), span("a", 0, 10)]
    assert temporal_iou(hits, relevant, 2) == 0.25
    assert temporal_iou(hits, relevant, 3) == 0.5
    assert temporal_iou(hits, graded(a=1), 3) is None
    # A hit without times says nothing of when.
    assert temporal_iou([span("a")], relevant[:1], 10) == 0


def test_measures_of_a_query_leave_out_what_it_has_not() -> None:
    assert "temporal_iou" not in measures([span("a")], graded(a=1))
    timed = measures([span("a", 0, 4)], [Relevant(span=span("a", 0, 4))])
    assert timed == dict.fromkeys(timed, 1.0)
    assert set(timed) == {"ndcg@10", "mrr", "recall@1", "recall@5", "recall@10", "temporal_iou"}


def test_an_interval_holds_its_mean_and_narrows_with_more_queries() -> None:
    few, many = mean_of([0.0, 1.0] * 5), mean_of([0.0, 1.0] * 500)
    assert few.mean == many.mean == 0.5
    assert few.low < many.low < 0.5 < many.high < few.high
    # The mean of 1000 coin throws has a standard deviation of 0.0158.
    assert isclose(many.high - many.low, 2 * 1.96 * 0.0158, rel_tol=0.15)
    assert mean_of([0.25]).low == 0.25
    assert mean_of([0.0, 1.0] * 5) == few
    with pytest.raises(ValueError, match="no query"):
        mean_of([])


def test_summaries_take_the_queries_that_have_a_measure() -> None:
    found = summary([{"mrr": 1.0}, {"mrr": 0.0, "temporal_iou": 0.5}])
    assert (found["mrr"].mean, found["mrr"].count) == (0.5, 2)
    assert (found["temporal_iou"].mean, found["temporal_iou"].count) == (0.5, 1)


def test_differences_are_of_the_queries_that_both_have() -> None:
    new = {str(n): {"mrr": 0.6 + n / 1000} for n in range(100)}
    old = {str(n): {"mrr": 0.5 + n / 1000} for n in range(90)}
    found = difference(new, old)["mrr"]
    assert found.count == 90
    assert isclose(found.mean, 0.1)
    assert found.low > 0
    assert difference(new, {}) == {}
