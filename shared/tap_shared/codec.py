"""The quick way from a vendor's bytes to records: rows decoded in C into typed structures.

A row that is of the declared types never becomes a dictionary: only the columns that need it
(instants, hashes) are touched, one column of a page at a time. What the vendor sends beside the
declared types is learned from the first rows that show it: the row type is compiled anew with the
undeclared names, and with the fields that did not fit left to the `Conformer`'s coercions. Whatever
still does not fit goes through the `Conformer`, which gives the same record, byte for byte.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, groupby, repeat
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct

from tap_shared.coerce import Rules
from tap_shared.columns import NOTHING, Column
from tap_shared.conform import EXTRA, Conformer, misfit_value
from tap_shared.decoders import decoder
from tap_shared.fields import fill, reader
from tap_shared.packed import PackedRows
from tap_shared.page import decode, has_nul
from tap_shared.row_types import (
    MEMBER,
    Typed,
    as_it_comes,
    is_nameable,
    row_type,
    typed,
)  # fmt: skip

__all__ = ["Codec"]

_LARGE = 2 << 20
_MOST_UNDECLARED = 64
_MOST_COMPILATIONS = 24
_FAULTS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Row = Any


class _Plan:
    """One row type, and what is done to the columns of its rows.

    Attributes:
        kind: The structure of a row.
        undeclared: Names that the vendor sends and the schema does not declare, as they came up.
        loose: Declared fields that are decoded as they come, and coerced.
    """

    def __init__(self, codec: Codec, undeclared: Sequence[str], loose: Collection[str]) -> None:
        self.undeclared = undeclared
        self.loose = frozenset(loose)
        rules = codec.rules
        read = {
            name: as_it_comes(node, rules) if name in loose else typed(node, rules)
            for name, node in codec.properties.items()
            if name in codec.selected
        } | dict.fromkeys(codec.given, Typed(Any))
        types = {name: read[name].kind if name in read else Raw for name in codec.properties}
        beside = Any if codec.keeps_extra else Raw
        aside = dict.fromkeys([*sorted(codec.unoffered), *undeclared])
        self.kind = row_type({**types, **dict.fromkeys(aside, beside)})
        attributes: Mapping[str, str] = vars(self.kind)["attributes"]
        self.names = attributes.keys()
        self.kinds = {
            name: one.kind | None for name, one in read.items() if one.kind not in (Any, Raw)
        }
        self.columns = [
            Column(name, attributes[name], codec.properties[name], one.convert)
            for name, one in read.items()
            if one.convert
        ]
        self.beside = [(name, attributes[name]) for name in sorted(aside)]
        left = codec.selected | codec.unoffered
        self.dropped = [attributes[name] for name in types if name not in left]
        self.rows = list.__class_getitem__(self.kind)
        self._decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
        self.page = decoder(self.rows, self._decoders)
        self.one = decoder(self.kind, self._decoders)

    def whole(self, envelope: Any, *, is_packed: bool, by_row: bool) -> msgspec.json.Decoder[Any]:
        """Give the decoder of a whole answer."""
        row: Any = Raw if is_packed else self.kind
        kind = envelope[row if by_row else list.__class_getitem__(row)]
        return decoder(kind, self._decoders)


class Codec:
    """Decodes and shapes the rows of one stream; used from several threads.

    Args:
        schema: The stream's schema file, deselected nested properties marked.
        conformer: The stream's compiled shape: counts, and takes the rows that do not fit.
        keys: The primary key.
        rules: Zone and treatment of personal data.
        selected: Names of the selected properties.
        given: Columns that the tap writes into every row before it is shaped, as they shall be.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        conformer: Conformer,
        *,
        keys: Collection[str],
        rules: Rules,
        selected: Collection[str],
        given: Collection[str] = (),
    ) -> None:
        """Compile the first row type: as declared."""
        self.properties = {k: v for k, v in schema["properties"].items() if k != EXTRA}
        self.rules = rules
        self.selected = frozenset(selected)
        self.given = frozenset(given)
        self.unoffered = conformer.unoffered
        self.keeps_extra = conformer.keeps_extra
        self._conformer = conformer
        self._keys = [key for key in keys if key in self.properties]
        self._lock = threading.Lock()
        self._plan: _Plan | None = None
        self._plans: dict[type[Struct], _Plan] = {}
        if all(map(is_nameable, self.properties)):
            self._adopt(_Plan(self, (), ()))

    def _adopt(self, plan: _Plan) -> None:
        self._plans[plan.kind] = plan
        self._plan = plan

    # Decoding

    def whole(self, envelope: Any, body: bytes, *, by_row: bool = False) -> Any:
        """Decode an answer in one go.

        Args:
            envelope: A msgspec structure, generic in the type of its list of rows.
            body: The answer's bytes.
            by_row: Whether it is generic in the type of a row instead.

        Returns:
            The envelope, its rows for `rows`; None where it, or one of its rows, does not fit: it
            is then read part by part.
        """
        plan = self._plan
        if plan is None or has_nul(body):
            return None
        try:
            is_packed = len(body) > _LARGE
            return plan.whole(envelope, is_packed=is_packed, by_row=by_row).decode(body)
        except _FAULTS:
            return None

    def rows(self, raw: Any) -> Sequence[Row]:
        """Decode a JSON array of rows.

        Args:
            raw: The array's bytes, or what `whole` gave for it.

        Returns:
            Typed rows; dictionaries where a row does not fit the declared types. Many are decoded
            only when they are looked at.

        Raises:
            PleaseRetry: It is no JSON array of objects.
        """
        if type(raw) is list:
            return PackedRows(raw, self._decoded) if raw and type(raw[0]) is Raw else raw
        text, plan = bytes(raw), self._plan
        if plan is not None and not has_nul(text):
            try:
                return self._strictly(plan, text)
            except _FAULTS:
                pass  # the lenient reading decides
        return decode(text, list[dict[str, Any]])

    def lines(self, raw: bytes) -> list[Row] | None:
        """Decode rows that stand one a line.

        Args:
            raw: Whole lines; blank ones are passed over.

        Returns:
            Typed rows; dictionaries where a row does not fit the declared types. None where a line
            is no plain JSON object: the caller reads them one by one.
        """
        plan = self._plan
        if plan is None or has_nul(raw):
            return None
        with suppress(*_FAULTS):
            with suppress(msgspec.ValidationError):
                found: list[Row] = plan.one.decode_lines(raw)
                return found
            return self._one_by_one(plan, filter(bytes.strip, raw.split(b"\n")))
        return None

    def _strictly(self, plan: _Plan, text: bytes) -> Sequence[Row]:
        """Decode an array of rows, without looking into them yet where they are many."""
        if len(text) > _LARGE:
            return PackedRows(msgspec.json.decode(text, type=list[Raw]), self._decoded)
        with suppress(msgspec.ValidationError):
            rows: list[Row] = plan.page.decode(text)
            return rows
        return self._one_by_one(plan, msgspec.json.decode(text, type=list[Raw]))

    def _decoded(self, raws: list[Raw]) -> list[Row]:
        """Decode some rows of a large answer.

        Raises:
            PleaseRetry: One is no JSON object.
        """
        plan = self._plan
        if plan is not None:
            with suppress(*_FAULTS):
                return self._one_by_one(plan, raws)
        return [decode(bytes(raw), dict[str, Any]) for raw in raws]

    def _one_by_one(self, plan: _Plan, raws: Iterable[Raw | bytes]) -> list[Row]:
        """Decode row by row, and learn from those that do not fit."""
        found: list[Row] = []
        undeclared: set[str] = set()
        loose: set[str] = set()
        decode_one = plan.one.decode
        for raw in raws:
            try:
                found.append(decode_one(raw))
            except msgspec.ValidationError:
                row = msgspec.json.decode(raw, type=dict[str, Any])
                found.append(row)
                undeclared.update(row.keys() - plan.names)
                loose.update(self._misfits_of(row, plan))
        if undeclared or loose:
            self._learn(undeclared, loose)
        return found

    def _misfits_of(self, row: Mapping[str, Any], plan: _Plan) -> Iterator[str]:
        """Give the declared fields whose values do not fit; an error would tell of the first."""
        for name in row.keys() & plan.kinds.keys():
            try:
                msgspec.convert(row[name], plan.kinds[name])
            except msgspec.ValidationError:
                yield name

    def _learn(self, undeclared: Collection[str], loose: Collection[str]) -> None:
        """Compile the row type anew for what was seen; go back to dictionaries after too much."""
        with self._lock:
            plan = self._plan
            if plan is None:
                return
            new = {*filter(is_nameable, undeclared)} - {EXTRA, *plan.undeclared}
            names = [*plan.undeclared, *sorted(new)]
            fields = plan.loose.union(loose)
            if not new and fields == plan.loose:
                return
            if len(names) > _MOST_UNDECLARED or len(self._plans) >= _MOST_COMPILATIONS:
                self._plan = None
                return
            self._adopt(_Plan(self, names, fields))

    # Shaping

    def shape(self, rows: Iterable[Row]) -> list[Row]:
        """Turn decoded rows into records, ready to be encoded.

        Raises:
            StreamFailed: A row has no value for a column of the primary key.
        """
        runs = [(kind, list(run)) for kind, run in groupby(rows, type)]
        return [*chain.from_iterable(self._shaped(kind, run) for kind, run in runs)]

    def _shaped(self, kind: type, rows: list[Row]) -> list[Row]:
        if kind is dict:
            return self._conformer.page(rows)
        plan = self._plans[kind]
        extras: dict[int, dict[str, Any]] = {}
        for attribute in plan.dropped:
            fill(rows, attribute, repeat(UNSET))
        for column in plan.columns:
            for position, value in column.convert(rows):
                if self._conformer.misfit(column.name):
                    extras.setdefault(position, {})[column.name] = misfit_value(value)
        self._set_aside(rows, plan, extras)
        self._check_keys(rows, plan)
        return rows

    def _set_aside(self, rows: list[Row], plan: _Plan, extras: dict[int, dict[str, Any]]) -> None:
        """Move what is not declared, or did not fit, into `_extra`."""
        names = [name for name, _ in plan.beside]
        columns = [reader(attribute)(rows) for _, attribute in plan.beside]
        for place, (name, attribute) in enumerate(plan.beside):
            values = columns[place]
            if count := len(values) - values.count(UNSET):
                self._conformer.undeclared[name] += count
                fill(rows, attribute, repeat(UNSET))
            if name in self.unoffered:
                show = self._conformer.beside
                columns[place] = [v if v is UNSET else show(name, v) for v in values]
        if not self.keeps_extra:
            return
        for position, found in enumerate(zip(*columns, strict=True)):
            extra = {n: v for n, v in zip(names, found, strict=True) if v is not UNSET}
            if position in extras:
                extra = dict(sorted({**extra, **extras.pop(position)}.items()))
            if extra:
                setattr(rows[position], MEMBER, extra)
        for position, extra in extras.items():
            setattr(rows[position], MEMBER, dict(sorted(extra.items())))

    def _check_keys(self, rows: list[Row], plan: _Plan) -> None:
        attributes = vars(plan.kind)["attributes"]
        for key in self._keys:
            values = reader(attributes[key])(rows)
            if not all(values) and not NOTHING.isdisjoint(map(type, values)):
                self._conformer.refuse(key)
