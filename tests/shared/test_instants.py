from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import UNSET

from tap_shared.instants import InstantReader, instant_text, parse_instant, to_date, to_instant

FIXED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "Europe/Berlin",
        "Europe/London",
        "America/New_York",
        "America/Havana",
        "America/Sao_Paulo",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Africa/Monrovia",
        "Pacific/Apia",
    )
]
zones = st.sampled_from(ZONES)
moments = st.datetimes(
    min_value=datetime(1, 1, 3),  # noqa: DTZ001 - the zone is its own argument
    max_value=datetime(9999, 12, 29),  # noqa: DTZ001
    timezones=st.just(UTC),
)
offsets = st.integers(-18 * 60, 18 * 60)
digits = st.text("0123456789", min_size=1, max_size=12)
time_like = st.one_of(
    st.text(),
    st.text("0123456789-: TZ+.,[]GMUC²٣", max_size=30),
    st.from_regex(
        r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)? ?(Z|UTC|[+-]\d\d:?\d\d)?(\[GMT\])?",
        fullmatch=True,
    ),
    st.from_regex(r"20[12]\d-(0[1-9]|1[0-2])-[0-2]\d[T ][01]\d:[0-5]\d:[0-5]\d", fullmatch=True),
)


@given(moments, moments)
def test_instants_compare_as_strings_as_they_do_as_times(one: datetime, two: datetime) -> None:
    assert FIXED.fullmatch(instant_text(one))
    assert (instant_text(one) < instant_text(two)) == (one < two)
    assert parse_instant(instant_text(one)) == one


@given(moments, offsets, st.sampled_from(["T", " "]), st.sampled_from(["", ":"]))
def test_an_offset_with_or_without_colon_is_obeyed(
    moment: datetime, minutes: int, between: str, colon: str
) -> None:
    local = moment.astimezone(timezone(timedelta(minutes=minutes)))
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes < 0 else "+"
    text = f"{local.isoformat(between)[:26]}"
    text = text if "." in text else text[:19]
    offset = f"{sign}{hours:02d}{colon}{rest:02d}"
    assert to_instant(text + offset) == instant_text(moment)


@given(time_like, zones)
@example("2024-01-05 +0200:12", ZONES[0])
@example("2024-01-05      :12", ZONES[0])
@example("2024-01-05 13:22:1²", ZONES[0])
@example("1900-01-01 12:00:07", ZoneInfo("Africa/Monrovia"))
@example("1960-01-01 12:00:31", ZoneInfo("Africa/Monrovia"))
@example("0001-01-01T05:00:00Z", ZONES[0])
@example("0001-01-01T00:00:00+14:00", ZONES[0])
@example("9999-12-31T23:59:59-01:00", ZONES[0])
def test_the_quick_way_and_the_plain_way_read_alike(text: str, zone: ZoneInfo) -> None:
    try:
        plain: str | None = instant_text(parse_instant(text, zone))
    except ValueError:
        plain = None
    try:
        quick = to_instant(text, zone)
    except ValueError:
        assert plain is None
        return
    if quick is None:
        assert not text.strip() or text.strip().startswith(("0000-00-00", "0001-01-01"))
        return
    assert quick == plain
    assert FIXED.fullmatch(quick)
    assert to_instant(quick, zone) == quick


@pytest.mark.parametrize(
    ("zone", "local", "utc"),
    [
        ("Europe/Berlin", "2024-10-27 02:30:00", "2024-10-27T00:30:00.000000Z"),
        ("Europe/Berlin", "2024-03-31 02:30:00", "2024-03-31T01:30:00.000000Z"),
        ("America/New_York", "2024-11-03T01:15:09", "2024-11-03T05:15:09.000000Z"),
        ("America/New_York", "2024-03-10 02:10:00.5", "2024-03-10T07:10:00.500000Z"),
        ("Australia/Lord_Howe", "2024-04-07 01:45:00", "2024-04-06T14:45:00.000000Z"),
        ("Australia/Lord_Howe", "2024-10-06 02:15:00", "2024-10-05T15:45:00.000000Z"),
        ("Asia/Kathmandu", "2024-01-01 00:00:00", "2023-12-31T18:15:00.000000Z"),
        ("America/Havana", "2024-11-03 00:30:00", "2024-11-03T04:30:00.000000Z"),
        ("Pacific/Apia", "2011-12-30 12:00:00", "2011-12-30T22:00:00.000000Z"),
    ],
)
def test_an_hour_that_happens_twice_is_its_first_and_a_missing_one_keeps_the_old_offset(
    zone: str, local: str, utc: str
) -> None:
    assert to_instant(local, ZoneInfo(zone)) == utc


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-30",
        "2023-02-29 10:00:00",
        "2024-01-05 25:61:61",
        "2024-01-05 24:00:00",
        "2024-01-05 23:59:60",
        "2024-13-01",
        "2024-01-05T10",
        "2024-01-05T10:00:00+25:00",
        "2024-01-05T10:00:00+01:75",
        "2024-01-05 13:22:²²",
        "0000-01-05",
        "9999-12-31T23:59:59-05:00",
        "0001-01-01T00:00:01+14:00",
        "0000-00-00 is no date",
        "0000-00-00 12:00:00",
        "yesterday",
        "1704461000",
        "2024-01-05T10:00:00Z; DROP",
        "20240105T100000Z",
    ],
)
def test_an_impossible_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        to_instant(text)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2024-01-05", "2024-01-05T00:00:00.000000Z"),
        ("2024-01-05 13:22", "2024-01-05T13:22:00.000000Z"),
        ("2024-01-05T13:22:07Z[GMT]", "2024-01-05T13:22:07.000000Z"),
        ("2024-01-05T13:22:07.1234567Z", "2024-01-05T13:22:07.123456Z"),
        ("2024-01-05T13:22:07.999999999+00:00", "2024-01-05T13:22:07.999999Z"),
        ("2024-01-05 13:22:07,5 UTC", "2024-01-05T13:22:07.500000Z"),
        ("2024-01-05T13:22:07+0545", "2024-01-05T07:37:07.000000Z"),
        ("  2024-01-05 13:22:07  ", "2024-01-05T13:22:07.000000Z"),
        ("0999-06-01T00:00:00Z", "0999-06-01T00:00:00.000000Z"),
        ("2024-02-29T23:59:59.000000Z", "2024-02-29T23:59:59.000000Z"),
    ],
)
def test_any_vendor_form_becomes_the_fixed_form(text: str, utc: str) -> None:
    assert to_instant(text) == utc


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\t\n",
        "0000-00-00",
        "0000-00-00 00:00:00",
        " 0000-00-00 00:00:00",
        "0001-01-01T00:00:00",
        "0001-01-01T00:00:00.0000000Z",
        "0001-01-01",
    ],
)
def test_blanks_and_zero_dates_are_nothing(text: str) -> None:
    assert to_instant(text, ZoneInfo("Europe/Berlin")) is None
    assert to_instant(text, epoch="ms") is None
    if "T" not in text:
        assert to_date(text) is None


@given(moments)
def test_epochs_are_read_to_the_millisecond(moment: datetime) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    number = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert to_instant(number, epoch="ms") == instant_text(moment)
    assert to_instant(str(number), epoch="ms") == instant_text(moment)
    if not moment.microsecond:
        assert to_instant(number // 1000, epoch="s") == instant_text(moment)
        assert to_instant(f" {number // 1000} ", epoch="s") == instant_text(moment)


def like(pattern: str) -> st.SearchStrategy[Any]:
    return st.lists(st.from_regex(pattern, fullmatch=True) | st.none() | st.just(UNSET))


hard = (
    r"(20[12]\d-(0[1-9]|1[0-2])-([0-2]\d|3[01])[T ]|0001-01-01T)"
    r"([01]\d|2[0-4]):[0-6]\d:[0-6]\d(\.\d{1,8})?"
)
good = r"20[12]\d-(0[1-9]|1[0-2])-([01]\d|2[0-8])[T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d"
columns = st.one_of(
    st.lists(st.from_regex(f"{hard}Z?", fullmatch=True) | time_like | st.none()),
    *(
        like(one + zone)
        for one in (hard, good, rf"{good}(\.\d{{1,6}})?")
        for zone in ("", "Z", r"Z\[GMT\]")
    ),
)


@given(columns, zones | st.just(UTC))
@example(["2024-01-05T13:22:07.123Z", "2024-01-05T13:22:07Z", None], ZONES[0])
@example(["2024-01-05T13:22:07.1234567Z"], ZONES[0])
@example(["2024-01-05T13:22:07Z", "2024-01-05t13:22:07z"], ZONES[0])
@example(["2024-01-05 13:22:07", None, "2024-01-05 13:22:07.5", UNSET], UTC)
@example(["2024-01-05 13:22:07", "2024-01-05T13:22:07+02:00"], UTC)
@example(["2024-01-05 13:22:07", "2024-01-05T13:22:07-02:00"], UTC)
@example(["2024-01-05 13:22:07", "2024-01-05T13:22:07Z", None], UTC)
@example(["2024-01-05 13:22:07", "", UNSET], UTC)
@example(["2024-01-05T13:22:07Z", "2024-01-05T13:22:07+02:00"], ZONES[0])
@example(["2024-01-05T13:22:07Z", "2024-01-05T13:22:07"], ZONES[1])
@example(["2024-01-05T13:22:07Z", "0001-01-01T00:00:00Z"], ZONES[0])
@example(["2024-01-05T13:22:07Z", "2024-01-05T23:59:60Z"], ZONES[0])
@example(["2024-01-05T13:22:07Z", "\ud800"], ZONES[0])
@example(["2024-01-05T13:22:07Z", 7], ZONES[0])
@example(["2024-01-05T13:22:07Z[GMT]", None, "2024-01-05T13:22:08.5Z[GMT]"], ZONES[0])
@example(["2024-01-05T13:22:07Z[GMT]", "2024-01-05T13:22:08Z"], ZONES[0])
@example(["2024-01-05T13:22:07[GMT]", "2024-01-05T13:22:08[GMT]"], UTC)
@example(["2024-01-05T13:22:07Z[a]b]", "2024-01-05T13:22:08Z[a]b]"], UTC)
@example(["2024-01-05T13:22:07.1234567Z[GMT]"], UTC)
@example(['2024-01-05T13:22:07Z["]'], UTC)
@example(["Z[GMT]", "]"], UTC)
def test_a_column_reads_as_its_values_do(values: list[Any], zone: tzinfo) -> None:
    def one_by_one() -> list[Any]:
        return [v if v is None or v is UNSET else to_instant(v, zone) for v in values]

    reader = InstantReader(zone)
    for _ in range(2):  # what is remembered reads like what is new
        try:
            wanted = one_by_one()
        except ValueError:
            with pytest.raises(ValueError, match=r"."):
                reader.column(values)
        else:
            assert reader.column(values) == wanted


@given(
    st.one_of(
        st.integers(), st.floats(), st.booleans(), st.none(), st.lists(st.integers()), digits,
        st.integers(10**15, 10**5000),
    ),
    st.sampled_from([None, "ms", "s"]),
)  # fmt: skip
@example("-9" * 3000, "ms")
@example("9" * 5000, "s")
@example("--5", "s")
@example("²", "s")
@example(float("nan"), "s")
def test_absurd_values_give_an_instant_or_are_refused(value: object, epoch: str | None) -> None:
    try:
        found = to_instant(value, epoch=epoch)
    except ValueError:
        return
    assert found is None or FIXED.fullmatch(found)
    assert not isinstance(value, bool | list)


@given(st.one_of(st.text(), time_like, st.integers(), st.none(), st.dates().map(str)))
@example("2024-02-30")
@example("2024-02-31 10:00:00")
@example("٢٠٢٤-01-05")
@example("0000-00-00 is no date")
@example("2024-01-05 25:61:61")
def test_a_date_is_a_real_day_or_refused(value: object) -> None:
    try:
        found = to_date(value)
    except ValueError:
        return
    assert isinstance(value, str)
    if found is None:
        assert not value.strip() or value.strip().startswith(("0000-00-00", "0001-01-01"))
    else:
        assert date.fromisoformat(found).isoformat() == found == value.strip()[:10]
        assert to_date(found) in {found, None}


def test_a_time_of_day_is_cut_off_a_date() -> None:
    assert to_date("2024-01-05 23:59:59") == "2024-01-05"
    assert to_date("2024-01-05T00:00:00Z") == "2024-01-05"
