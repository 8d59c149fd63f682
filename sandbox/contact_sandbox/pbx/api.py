"""PrimeVOX PBX: the Call History API and the calls around it.

Paths, parameters, field names and messages: https://support.primevox.net/portal/en/kb/articles/
call-history-cdr-v2 and sms-mms-messaging-v2. The paths of details, recording and notes are
inferred, and so is every spelling that no public page shows; those are options.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from contact_sandbox.pbx import php, recordings, truth
from contact_sandbox.pbx.call_history import NO_CALL, CallHistory
from contact_sandbox.pbx.messages import conversations, later
from contact_sandbox.pbx.rows import Spelling
from contact_sandbox.pbx.store import Store
from contact_sandbox.pbx.transients import KINDS, Transients, spoil
from contact_sandbox.vendor import Reply, Request, Vendor

KEY = "sandbox+pbx/key=="
CONTAINER = "123456"
NUMBERS = ("2025550101", "2025550102", "2025550103")

BAD_KEY = "Your API Auth Key is invalid."
BAD_CONTAINER = "Your Container ID is invalid."
NO_FILE = "Your fileName is missing."
NO_RIGHT = "You do not have permission to access this tenant."
NOTED = "Your call notes have been submitted."
SMS_REQUIRED = "API Key and Container ID are both required."
SMS_BAD_KEY = "The supplied API Key is invalid."
SMS_NO_NUMBER = "The supplied phone number does not exist in this container."
SMS_NO_TALK = "The supplied conversation does not exist in this container."

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_NOTES = "/api/call_notes.php"
_RECORDING = "/api/call_recording.php"
_LINKED = "/recordings/"
_SIDE_EFFECTS = ("/api/c2c_v2.php", "/api/fax_send.php")


class PbxVendor(Vendor):
    """The PBX of one container with several tenants.

    Attributes:
        store: The calls and what happened to them.
        talks: The text conversations.
        violations: Requests that no extraction may make, such as the one that places a call.
        notes: The form fields of each accepted notes request, in order, without the key.
    """

    name = "pbx"
    streams = (
        "calls", "call_events", "call_recordings", "event_types", "ring_group_events",
        "sms_conversations", "sms_messages",
    )  # fmt: skip
    defaults: ClassVar[Mapping[str, Any]] = {
        "tenants": ("0", "101", "102"),
        "calls": 900,  # over all tenants and days
        "busy_day": 520,  # further calls on one day of the first tenant
        "burst": 0,  # further calls in one second of the first tenant
        "running": 2,  # unfinished calls of each tenant
        "shape": "map",  # of `data`: map, array, top-level
        "details_shape": "data",  # where events hang: data, events, array, record, nested
        "numbers": "mixed",  # which rows write numbers as strings: mixed, strings, plain
        "content_type": "text/html; charset=UTF-8",
        "empty_pages": 0,  # `maxPages` of an empty answer
        "pages": None,  # `maxPages` of every answer, where it lags behind
        "errors": "json",  # how errors of the older calls come: json, text
        "ring_groups_by": "event",  # whose time the report goes by: event, call
        "unstable_ties": True,  # calls of one second change places from request to request
        "drift": 0,  # each so many list requests a late call turns up in the window asked for
        "drift_limit": 50,  # calls that turn up that way altogether
        "transients": 0.0,  # probability of a passing failure of the vendor
        "transient_kinds": KINDS,
        "forbidden_tenants": (),
        "refusal": NO_RIGHT,  # what is said of a forbidden tenant
        "lies": (),  # offset, stray-row, short, no-envelope: answers that must not be believed
        "lone_surrogate": True,
        "nul": False,
        "audio_seconds": 0.5,  # longest recording
        "foreign_url": "http://127.0.0.2:9",  # host of some links, which must never see the key
    }

    def __init__(
        self, *, seed: int = 1, now: datetime | None = None, days: int = 90, **options: Any
    ) -> None:
        """Seed the container; see `defaults` for the options."""
        super().__init__(seed=seed, now=now, days=days, **options)
        self.store = Store(self.options, seed, self.start, self.now)
        self.talks = conversations(seed, NUMBERS, self.start, self.now - timedelta(minutes=10))
        self.violations: list[Request] = []
        self.notes: list[dict[str, str]] = []
        self._url = "https://pbx.primevox.net"
        self._label = str(self.options["content_type"])
        self._transients = Transients(
            self.options["transients"], seed, tuple(self.options["transient_kinds"])
        )
        self._history = history = CallHistory(self.store, self.options, seed, self.now)
        self._documents: dict[str, Callable[[Request, str, Spelling], dict[str, Any]]] = {
            "/api/call_list.php": history.calls,
            "/api/call_details.php": history.details,
            "/api/reports/raw/ringgroup": history.ring_groups,
        }
        self._others: dict[str, Callable[[Request], Reply]] = {
            _RECORDING: self._recording,
            _NOTES: self._note,
            "/api/messaging/v1/conversations": self._conversations,
            "/api/messaging/v1/conversation": self._conversation,
        }

    def handle(self, request: Request) -> Reply:
        """Answer a request, or fail in passing."""
        with self.lock:
            if request.path in _SIDE_EFFECTS:
                self.violations.append(request)
                return php.reply({"success": "Your call has been placed."}, self._label)
            sparing = request.path in (_RECORDING, _NOTES) or request.path.startswith(_LINKED)
            key = f"{request.method} {request.target}\n".encode() + request.body
            failure = self._transients.draw(key, sparing=sparing)
            if failure and sparing:
                return spoil(failure, Reply(), self._label)
            reply = self._answer(request)
            return spoil(failure, reply, self._label) if failure else reply

    def _answer(self, request: Request) -> Reply:
        """Answer a request."""
        if request.path in self._documents:
            refusal = self._refuse(request)
            if refusal:
                return refusal
            host = request.headers.get("host")
            spelling = self._spelling(f"http://{host}" if host else self._url)
            document = self._documents[request.path](request, _tenant(request), spelling)
            return php.reply(document, self._label)
        if request.path.startswith(_LINKED):
            return self._linked(request)
        other = self._others.get(request.path)
        return other(request) if other else php.not_found()

    def settings(self, url: str) -> dict[str, Any]:
        """Return a complete tap configuration."""
        self._url = url
        return {
            "api_url": url,
            "api_key": KEY,
            "container_id": CONTAINER,
            "tenant_ids": list(self.options["tenants"]),
            "phone_numbers": list(NUMBERS),
            "requests_per_minute": 0,
            "start_date": self.start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def expected(self, stream: str) -> dict[tuple[Any, ...], dict[str, Any]]:
        """Return the truth about a stream.

        Rows of `call_recordings` hold what the call list says, plus `fileName`; see `audio`.
        """
        with self.lock:
            return truth.rows(stream, self.store, self.talks, CONTAINER, self._spelling(self._url))

    def audio(self) -> dict[tuple[Any, ...], dict[str, Any]]:
        """Return what fetching each recording must come to, in the tap's column names."""
        with self.lock:
            return truth.audio(self.store, CONTAINER, self.options["audio_seconds"])

    def clocked(self) -> Iterable[object]:
        """Return what keeps the present."""
        return (self.store, self._history)

    def change(self, seed: int) -> None:
        """Add, finish, annotate and transcribe calls of every tenant; add a text message."""
        with self.lock:
            self.store.change(seed)
            later(self.talks[-1], seed, self.now)

    def _recording(self, request: Request) -> Reply:
        """Answer a request for a wav file by its name."""
        refusal = self._refuse(request)
        if refusal:
            return refusal
        name = request.param("fileName")
        if not name:
            return self._error(NO_FILE)
        return self._file(_tenant(request), name)

    def _linked(self, request: Request) -> Reply:
        """Answer a request for the wav file that a link's path names; it needs the key too."""
        container, tenant, name = [*request.path.removeprefix(_LINKED).split("/", 2), "", ""][:3]
        message = _invalid(request.param("auth"), container)
        return self._error(message) if message else self._file(tenant, name)

    def _file(self, tenant: str, name: str) -> Reply:
        """Answer with a tenant's wav file."""
        call = recordings.find(self.store.tenants.get(tenant, []), name)
        return recordings.answer(call, self.options["audio_seconds"], self._label)

    def _note(self, request: Request) -> Reply:
        """Store what a form attaches to a call; nothing but the form's fields is looked at.

        An identifier that no call has is accepted all the same: no message for it is known.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        posted = request.form() if request.method == "POST" and kind == _FORM else {}
        fields = {name: values[-1] for name, values in posted.items()}
        message = _invalid(fields.pop("auth", None), fields.get("containerID"))
        if not message and not fields.get("callUuid"):
            message = NO_CALL
        if message:
            return self._error(message)
        self.notes.append(fields)
        call = self.store.find(_tenant_of(fields.get("tenantID")), fields["callUuid"])
        if call:
            self.store.note(call, fields)
        return php.reply({"success": NOTED}, self._label)

    def _conversations(self, request: Request) -> Reply:
        """Answer with the conversations of a number."""
        refusal = _refuse_sms(request)
        if refusal:
            return refusal
        number = request.param("phoneNumber")
        if number not in NUMBERS:
            return php.error(SMS_NO_NUMBER, _JSON, 404)
        rows = {talk.id: talk.rows[number] for talk in self.talks if number in talk.rows}
        return php.reply({"conversations": rows}, _JSON)

    def _conversation(self, request: Request) -> Reply:
        """Answer with the messages of a conversation."""
        refusal = _refuse_sms(request)
        if refusal:
            return refusal
        found = [talk for talk in self.talks if talk.id == request.param("conversationID")]
        if not found:
            return php.error(SMS_NO_TALK, _JSON, 404)
        return php.reply({"messages": found[0].messages}, _JSON)

    def _refuse(self, request: Request) -> Reply | None:
        """Return the error for a wrong container, key or tenant; None where all is well."""
        message = _invalid(request.param("auth"), request.param("containerID"))
        if not message and _tenant(request) in self.options["forbidden_tenants"]:
            message = str(self.options["refusal"])
        return self._error(message) if message else None

    def _error(self, message: str) -> Reply:
        """Return an error of the older calls, with status 200."""
        if self.options["errors"] == "text":
            return Reply(200, message, {"Content-Type": self._label})
        return php.error(message, self._label)

    def _spelling(self, base: str) -> Spelling:
        """Return how rows are written for a client that knows the vendor as `base`."""
        return Spelling(
            self.options["numbers"],
            self.options["shape"] != "array",
            base,
            self.options["foreign_url"],
            {"auth": KEY, "containerID": CONTAINER},
        )


def _refuse_sms(request: Request) -> Reply | None:
    """Return the error of the messaging calls, with its status; None where all is well."""
    if not (request.param("auth") and request.param("containerID")):
        return php.error(SMS_REQUIRED, _JSON, 401)
    if _invalid(request.param("auth"), request.param("containerID")):
        return php.error(SMS_BAD_KEY, _JSON, 401)
    return None


def _invalid(key: str | None, container: str | None) -> str | None:
    """Return the message for a wrong container or key."""
    if container != CONTAINER:
        return BAD_CONTAINER
    return BAD_KEY if key != KEY else None


def _tenant(request: Request) -> str:
    """Return the tenant that a query asks for."""
    return _tenant_of(request.param("tenantID"))


def _tenant_of(value: str | None) -> str:
    """Return a tenant number; nothing and 0 are the default tenant."""
    return value if value and value.strip("0") else "0"


VENDOR = PbxVendor
