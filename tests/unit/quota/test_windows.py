"""Minute windows and daily limits: what a limit lets pass, when it lets pass again, and what it counts."""

import datetime as dt
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyrota.quota.days import SECOND_NS, pacific_midnights
from keyrota.quota.windows import (
    ADMITTED,
    FIXED,
    MINUTE_NS,
    PER_DAY,
    PER_MINUTE,
    SLIDING,
    TOKEN_BUCKET,
    UNLIMITED,
    WINDOWS,
    call,
    count_call,
    day_number,
    day_room,
    day_state,
    free_at,
    has_room,
    quota_room,
    window_room,
    window_state,
)

HOUR_NS = 3600 * SECOND_NS
FIRST_NS = 1_762_761_600_000_000_000  # a full minute

KINDS = st.sampled_from([FIXED, SLIDING, TOKEN_BUCKET])
LIMITS = st.integers(1, 15)
GAPS = st.one_of(
    st.just(0),
    st.sampled_from([1, MINUTE_NS - 1, MINUTE_NS, MINUTE_NS + 1, MINUTE_NS // 2, MINUTE_NS // 15]),
    st.integers(0, 2 * SECOND_NS),
    st.integers(0, 2 * MINUTE_NS),
)
TIMES = st.lists(GAPS, max_size=60).map(lambda gaps: (FIRST_NS + np.cumsum([0, *gaps])).tolist())
SPAN = st.integers(0, 3 * MINUTE_NS)
CHARGES = st.booleans()


def minute_call(kind, limit, state, now, charged=False):
    """One call against a minute limit alone."""
    return call(kind, limit, state, UNLIMITED, day_state(), 0, now, charged)


def admitted_of(kind, limit, times, charged):
    state = window_state(kind, limit)
    return [now for now in times if minute_call(kind, limit, state, now, charged) == ADMITTED]


def used(kind, limit, times, charged):
    """A window that has seen calls."""
    state = window_state(kind, limit)
    for now in times:
        minute_call(kind, limit, state, now, charged)
    return state


def calls_in_a_row(kind, limit, state, now):
    """How many calls at one moment pass, one after the other, on a copy of the state."""
    copy, passed = list(state), 0
    while minute_call(kind, limit, copy, now) == ADMITTED:
        passed += 1
    return passed


# How much passes -------------------------------------------------------------


@given(LIMITS, TIMES, CHARGES)
def test_a_fixed_window_never_lets_more_than_its_limit_pass(limit, times, charged):
    """Of the calls in one calendar minute at most `limit` pass, and all of them if they are no more."""
    passed = admitted_of(FIXED, limit, times, charged)
    for minute in {now // MINUTE_NS for now in times}:
        made = sum(now // MINUTE_NS == minute for now in times)
        assert sum(now // MINUTE_NS == minute for now in passed) == min(limit, made)


@given(LIMITS, TIMES, CHARGES)
def test_a_sliding_window_never_lets_more_than_its_limit_pass(limit, times, charged):
    """Any 60 s, the first moment included and the last not, hold at most `limit` calls that passed."""
    passed = admitted_of(SLIDING, limit, times, charged)
    assert all(later - first >= MINUTE_NS for first, later in zip(passed, passed[limit:], strict=False))


@given(LIMITS, TIMES)
def test_a_sliding_window_refuses_only_when_it_is_full(limit, times):
    """A call is refused exactly if `limit` calls passed in the 60 s before it."""
    state, passed = window_state(SLIDING, limit), []
    for now in times:
        held = sum(now - before < MINUTE_NS for before in passed)
        answer = minute_call(SLIDING, limit, state, now)
        assert answer == (ADMITTED if held < limit else PER_MINUTE)
        if answer == ADMITTED:
            passed.append(now)


@given(LIMITS, TIMES, CHARGES)
def test_a_bucket_never_lets_more_pass_than_it_held_and_refilled(limit, times, charged):
    """In any span at most the full bucket passes, and what refills in the span."""
    passed = admitted_of(TOKEN_BUCKET, limit, times, charged)
    for place, first in enumerate(passed):
        for count, last in enumerate(passed[place:], 1):
            assert count <= limit + Fraction((last - first) * limit, MINUTE_NS)


@given(KINDS, LIMITS, st.integers(0, MINUTE_NS - 1))
def test_a_new_window_is_empty(kind, limit, phase):
    """The first `limit` calls pass at one moment, and the next does not."""
    state = window_state(kind, limit)
    assert window_room(kind, limit, state, FIRST_NS + phase) == limit
    assert calls_in_a_row(kind, limit, state, FIRST_NS + phase) == limit


# What room there is -------------------------------------------------------------


@given(KINDS, LIMITS, TIMES, SPAN, CHARGES)
def test_room_is_the_number_of_calls_that_can_be_made_in_a_row(kind, limit, times, span, charged):
    """So many calls pass at one moment; a window in debt for charged rejections lets none pass."""
    state, now = used(kind, limit, times, charged), times[-1] + span
    room = window_room(kind, limit, state, now)
    assert max(0, room) == calls_in_a_row(kind, limit, state, now)
    assert has_room(kind, limit, state, now) == (room > 0)
    assert charged or room >= 0


@given(KINDS, LIMITS, TIMES, SPAN, CHARGES)
def test_a_look_changes_nothing(kind, limit, times, span, charged):
    """Room and the next free moment are asked for without a trace in the window."""
    state, now = used(kind, limit, times, charged), times[-1] + span
    before = list(state)
    window_room(kind, limit, state, now)
    has_room(kind, limit, state, now)
    free_at(kind, limit, state, now)
    assert state == before


@given(KINDS, LIMITS, TIMES, SPAN, CHARGES)
def test_free_at_is_the_first_moment_with_room(kind, limit, times, span, charged):
    """There is room at that moment and none a nanosecond before, nor now unless that is the moment."""
    state, now = used(kind, limit, times, charged), times[-1] + span
    moment = free_at(kind, limit, state, now)
    assert moment >= now
    assert has_room(kind, limit, state, moment)
    if moment > now:
        assert not has_room(kind, limit, state, now)
        assert not has_room(kind, limit, state, moment - 1)


@given(KINDS, LIMITS, TIMES, CHARGES)
def test_a_window_is_free_again_after_a_minute_at_most(kind, limit, times, charged):
    """Nobody waits longer than 60 s for one call if nobody else calls."""
    state = used(kind, limit, times, charged)
    assert free_at(kind, limit, state, times[-1]) - times[-1] <= MINUTE_NS


@pytest.mark.parametrize(
    ("kind", "moment"),
    [(FIXED, 60 * SECOND_NS), (SLIDING, 70 * SECOND_NS), (TOKEN_BUCKET, 25 * SECOND_NS)],
    ids=WINDOWS,
)
def test_the_kinds_free_a_full_window_at_their_own_moments(kind, moment):
    """Four calls at 10 s fill a limit of 4: free at the full minute, after 60 s, or after a quarter of it."""
    state, now = window_state(kind, 4), FIRST_NS + 10 * SECOND_NS
    assert [minute_call(kind, 4, state, now) for _ in range(5)] == [ADMITTED] * 4 + [PER_MINUTE]
    assert free_at(kind, 4, state, now) == FIRST_NS + moment


def test_a_permit_of_a_sliding_window_is_held_for_exactly_a_minute():
    """The next call passes 60 s after the first, not a nanosecond earlier."""
    state = window_state(SLIDING, 1)
    times = [FIRST_NS, FIRST_NS + MINUTE_NS - 1, FIRST_NS + MINUTE_NS]
    assert [minute_call(SLIDING, 1, state, now) for now in times] == [ADMITTED, PER_MINUTE, ADMITTED]


def test_a_token_that_takes_a_fraction_of_nanoseconds_is_not_rounded_down():
    """With 7 a minute a token takes 8571428571.43 ns: it is there a nanosecond later, and not before."""
    state = used(TOKEN_BUCKET, 7, [FIRST_NS] * 7, False)
    assert free_at(TOKEN_BUCKET, 7, state, FIRST_NS) == FIRST_NS + 8_571_428_572


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_a_full_sliding_window_is_free_when_its_oldest_call_is_a_minute_old(limit):
    """The limit-th last call that passed decides, however often the window was filled before."""
    state, passed = window_state(SLIDING, limit), []
    for second in range(0, 300, 7):
        now = FIRST_NS + second * SECOND_NS
        if len(passed) >= limit and now - passed[-limit] < MINUTE_NS:
            assert free_at(SLIDING, limit, state, now) == passed[-limit] + MINUTE_NS
        else:
            assert free_at(SLIDING, limit, state, now) == now
        if minute_call(SLIDING, limit, state, now) == ADMITTED:
            passed.append(now)
    assert len(passed) > 3 * limit


# What rejected calls cost -------------------------------------------------------------


@given(KINDS, LIMITS, TIMES)
def test_a_rejected_call_costs_nothing_unless_it_is_charged(kind, limit, times):
    """Without charging, the window that saw all calls answers like one that saw those that passed."""
    saw_all = used(kind, limit, times, False)
    saw_passed = used(kind, limit, admitted_of(kind, limit, times, False), False)
    for later in (times[-1], times[-1] + MINUTE_NS // 3, times[-1] + MINUTE_NS - 1):
        assert window_room(kind, limit, saw_all, later) == window_room(kind, limit, saw_passed, later)
        assert free_at(kind, limit, saw_all, later) == free_at(kind, limit, saw_passed, later)


@given(LIMITS, TIMES)
def test_charging_does_not_change_a_fixed_window(limit, times):
    """What is rejected in a full calendar minute does not reach into the next."""
    assert admitted_of(FIXED, limit, times, True) == admitted_of(FIXED, limit, times, False)


@given(LIMITS, TIMES)
def test_a_charged_sliding_window_looks_at_all_calls(limit, times):
    """A call passes exactly if fewer than `limit` calls, passed or not, came in the 60 s before it."""
    state = window_state(SLIDING, limit)
    for place, now in enumerate(times):
        held = sum(now - before < MINUTE_NS for before in times[:place])
        assert (minute_call(SLIDING, limit, state, now, True) == ADMITTED) == (held < limit)


@pytest.mark.parametrize(
    ("kind", "charged", "passed"),
    [(FIXED, True, 20), (SLIDING, False, 20), (SLIDING, True, 2), (TOKEN_BUCKET, False, 21),
     (TOKEN_BUCKET, True, 2)],
)  # fmt: skip
def test_who_keeps_knocking_is_let_in_only_where_rejections_are_free(kind, charged, passed):
    """A call a second for ten minutes at a limit of 2: charged windows that look back never open again."""
    times = [FIRST_NS + second * SECOND_NS for second in range(600)]
    assert len(admitted_of(kind, 2, times, charged)) == passed


@given(LIMITS, st.integers(0, MINUTE_NS - 1))
def test_a_bucket_owes_nothing(limit, spare):
    """However many rejections are charged at one moment, a token is there after its own time."""
    state = used(TOKEN_BUCKET, limit, [FIRST_NS] * limit, True)
    now = FIRST_NS + spare // limit
    for _ in range(5):
        assert minute_call(TOKEN_BUCKET, limit, state, now, True) == PER_MINUTE
    assert free_at(TOKEN_BUCKET, limit, state, now) == now + -(-MINUTE_NS // limit)


# No limit, and the state's home -------------------------------------------------------------


@given(KINDS, TIMES, CHARGES)
def test_no_limit_refuses_nothing_and_counts_nothing(kind, times, charged):
    """Without limits all calls pass, and the states stay as they were."""
    minute, day = window_state(kind, UNLIMITED), day_state()
    for now in times:
        assert call(kind, UNLIMITED, minute, UNLIMITED, day, 0, now, charged) == ADMITTED
    assert (minute, day) == (window_state(kind, UNLIMITED), day_state())
    assert quota_room(kind, UNLIMITED, minute, UNLIMITED, day, 0, times[-1]) > 10**18


@given(KINDS, LIMITS, TIMES, CHARGES)
def test_a_row_of_an_array_serves_as_well_as_a_list(kind, limit, times, charged):
    """The same answers and the same state, also where the row is wider than the state."""
    state = window_state(kind, limit)
    row = np.array([*state, 0, 0], dtype=np.int64)
    for now in times:
        assert minute_call(kind, limit, row, now, charged) == minute_call(kind, limit, state, now, charged)
    assert row.tolist() == [*state, 0, 0]


def test_states_hold_what_they_say():
    """A minute or day and its calls, the oldest place and the times, or a moment and the tokens."""
    assert window_state(FIXED, 3)[1] == day_state()[1] == window_state(SLIDING, 3)[0] == 0
    assert window_state(TOKEN_BUCKET, 3)[1] == 3 * MINUTE_NS
    times = [FIRST_NS, FIRST_NS + 15 * SECOND_NS]
    assert used(FIXED, 3, times, False) == [FIRST_NS // MINUTE_NS, 2]
    assert used(SLIDING, 2, [*times, FIRST_NS + MINUTE_NS], False) == [1, FIRST_NS + MINUTE_NS, times[1]]
    assert used(TOKEN_BUCKET, 3, times, False) == [times[1], MINUTE_NS + 3 * 15 * SECOND_NS]
    minute, day = window_state(FIXED, UNLIMITED), day_state()
    for _ in range(2):
        call(FIXED, UNLIMITED, minute, 9, day, 5, FIRST_NS, False)
    assert day == [5, 2]


@given(KINDS, LIMITS, TIMES)
def test_count_call_takes_one_call(kind, limit, times):
    """A call that is counted leaves room for one fewer."""
    state, now = used(kind, limit, times, False), times[-1]
    room = window_room(kind, limit, state, now)
    if room:
        count_call(kind, limit, state, now)
        assert window_room(kind, limit, state, now) == room - 1


# The day -------------------------------------------------------------


def noon_utc(year, month, day):
    return int(dt.datetime(year, month, day, 20, tzinfo=dt.UTC).timestamp()) * SECOND_NS


SWITCH_DAYS = pytest.mark.parametrize(
    ("date", "hours"),
    [((2025, 3, 9), 23), ((2025, 3, 10), 24), ((2025, 11, 2), 25), ((2026, 3, 8), 23), ((2026, 11, 1), 25)],
)


@SWITCH_DAYS
def test_a_daily_limit_holds_from_midnight_to_midnight(date, hours):
    """A used-up day lets no call pass until it is over, be it 23, 24 or 25 hours long."""
    midnights = pacific_midnights(noon_utc(*date), noon_utc(*date))
    start, day = int(midnights[0]), day_state()
    answers = {}
    for hour in range(27):
        for second in (0, 3599):
            now = start + hour * HOUR_NS + second * SECOND_NS
            minute = window_state(FIXED, UNLIMITED)
            answers[hour, second] = call(
                FIXED, UNLIMITED, minute, 1, day, day_number(midnights, now), now, False
            )
    assert [place for place, answer in answers.items() if answer == ADMITTED] == [(0, 0), (hours, 0)]
    assert set(answers.values()) == {ADMITTED, PER_DAY}


@SWITCH_DAYS
def test_a_call_of_the_last_nanosecond_belongs_to_the_day(date, hours):
    """The day's number rises at midnight, not before."""
    midnights = pacific_midnights(noon_utc(*date), noon_utc(*date))
    end = int(midnights[0]) + hours * HOUR_NS
    assert [day_number(midnights, now) for now in (int(midnights[0]), end - 1, end)] == [0, 0, 1]


@given(
    st.lists(st.integers(-1000, 1000), min_size=1, max_size=20, unique=True).map(sorted),
    st.integers(-1100, 1100),
)
def test_day_number_is_the_place_among_the_starts(starts, now):
    """The last start that is not after the moment; -1 before all of them."""
    assert day_number(starts, now) == sum(start <= now for start in starts) - 1


@given(KINDS, LIMITS, st.integers(1, 20), TIMES, CHARGES)
def test_a_day_never_lets_more_than_its_limit_pass(kind, limit, day_limit, times, charged):
    """At most the limit passes, refusals name the day first, and both limits count what passed."""
    minute, day, answers = window_state(kind, limit), day_state(), []
    for now in times:
        spent = day_room(day_limit, day, 0) <= 0
        full = not has_room(kind, limit, minute, now)
        room = quota_room(kind, limit, minute, day_limit, day, 0, now)
        answer = call(kind, limit, minute, day_limit, day, 0, now, charged)
        assert answer == (PER_DAY if spent else PER_MINUTE if full else ADMITTED)
        assert (room > 0) == (answer == ADMITTED)
        answers.append(answer)
    assert answers.count(ADMITTED) <= day_limit
    counted = len(times) if charged else answers.count(ADMITTED)
    assert day_room(day_limit, day, 0) == max(0, day_limit - counted)


def test_a_rejection_by_the_minute_costs_the_day_a_call_only_if_charged():
    """Three calls at a limit of one a minute take three of the day if rejections are charged, else one."""
    for charged, left in ((True, 7), (False, 9)):
        minute, day = window_state(FIXED, 1), day_state()
        for _ in range(3):
            call(FIXED, 1, minute, 10, day, 0, FIRST_NS, charged)
        assert day_room(10, day, 0) == left
        assert day_room(10, day, 1) == 10


def test_kinds_are_places_in_the_list_of_names():
    """And what stands for no limit is below every limit."""
    assert [WINDOWS[kind] for kind in (FIXED, SLIDING, TOKEN_BUCKET)] == [*WINDOWS]
    assert (FIXED, UNLIMITED) == (0, -1)


@pytest.mark.parametrize("kind", [FIXED, SLIDING, TOKEN_BUCKET])
@pytest.mark.parametrize("now", [0, 1, FIRST_NS])
def test_a_window_without_a_call_has_all_its_room(kind, now):
    """At any time, also at the beginning of all times."""
    state = window_state(kind, 3)
    assert has_room(kind, 3, state, now)
    assert window_room(kind, 3, state, now) == 3
    assert free_at(kind, 3, state, now) == now
    assert [minute_call(kind, 3, state, now) for _ in range(4)] == [ADMITTED] * 3 + [PER_MINUTE]


def test_room_without_limits_is_a_number_of_the_compiled_engine():
    """It is more than any limit, and 64 bits hold it."""
    room = quota_room(FIXED, UNLIMITED, window_state(FIXED, 1), UNLIMITED, day_state(), 0, 0)
    assert room > 10**18
    assert np.int64(room) == room
