"""What a client may say. Bytes become typed commands here, or a refusal that names what is wrong."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from sitting.domain.errors import InvalidAnswer, InvalidMessage, UnknownType
from sitting.domain.response import Answer, NoAnswer
from sitting.kit.canonical import canonical_json
from sitting.kit.ids import ID_LIMIT

MAX_FRAME_BYTES = 64 * 1024
MAX_PENDING = 50
MAX_PENDING_BYTES = 48 * 1024
MAX_DETAIL = 2000
MAX_TEXT = 4096
MAX_CHOICES = 100

T = TypeVar("T")
C = TypeVar("C", bound=Struct)

# Behind an odd number of backslashes it is no escape but ordinary text about one.
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")

EntityId = Annotated[int, Meta(ge=1, lt=ID_LIMIT)] | Annotated[str, Meta(pattern=r"^[0-9]{1,16}\Z")]
ClientId = Annotated[str, Meta(min_length=1, max_length=64)]
WindowId = Annotated[str, Meta(pattern=r"^[ -~]{1,64}\Z")]
Counter = Annotated[int, Meta(ge=0, lt=ID_LIMIT)]
QuestionId = Annotated[str, Meta(min_length=1, max_length=64)]
MessageId = Annotated[str, Meta(max_length=64)]
OptionText = Annotated[str, Meta(max_length=MAX_TEXT)]


class Auth(Struct, frozen=True, tag="auth"):
    """First message of a connection that brought neither token nor ticket."""

    token: Annotated[str, Meta(max_length=8192)]


class StartAssessment(Struct, frozen=True, tag="start_assessment"):
    """Start, or go on with the one that is open for that Test."""

    test_id: EntityId | None = None
    application_id: EntityId | None = None
    window_id: WindowId | None = None
    attachment: Counter | None = None


class SubmitAnswer(Struct, frozen=True, tag="submit_answer"):
    """One answer, by one of the three; null clears. Which of them a question takes depends on its type."""

    question_id: QuestionId
    selected_option: Annotated[str, Meta(max_length=MAX_TEXT)] | UnsetType | None = UNSET
    selected_options: Annotated[tuple[OptionText, ...], Meta(max_length=MAX_CHOICES)] | UnsetType | None = UNSET
    value: Annotated[str, Meta(max_length=MAX_TEXT)] | int | float | UnsetType | None = UNSET
    client_id: ClientId | None = None
    client_seq: Counter | None = None
    base_seq: Counter | None = None

    def to_answer(self) -> Answer:
        """The answer that the domain judges.

        Raises:
            InvalidAnswer: it answers nothing and clears nothing, or in two ways at once.
        """
        option, options, value = _said(self.selected_option), _said(self.selected_options), _said(self.value)
        if option is not None and options is None and value is None:  # as most are
            return Answer(self.question_id, option, self.client_id, self.client_seq, self.base_seq)
        unsaid = all(each is UNSET for each in (self.selected_option, self.selected_options, self.value))
        if option is not None or value not in (None, ""):
            options = options or None  # what a front end leaves empty for other types of questions says nothing
        if option is not None and value == "":
            value = None
        if unsaid or sum(each is not None for each in (option, options, value)) > 1:
            raise InvalidAnswer(
                "An answer takes one of selected_option, selected_options and value; null clears.",
                question_id=self.question_id,
            )
        return Answer(
            self.question_id,
            option,
            self.client_id,
            self.client_seq,
            self.base_seq,
            options,
            None if value is None else str(value),
        )

    def to_pending(self) -> Answer | NoAnswer:
        """The same for an item of a list, whose other items do not suffer if this one is no answer."""
        try:
            return self.to_answer()
        except InvalidAnswer as error:
            named = Answer(self.question_id, client_id=self.client_id, client_seq=self.client_seq)
            return NoAnswer(named, error)


def _said(field: T | UnsetType) -> T | None:
    return None if field is UNSET else field


class ResumeAssessment(Struct, frozen=True, tag="resume_assessment"):
    """Go on after a lost connection, handing in what was not acknowledged."""

    assessment_id: EntityId
    pending: Annotated[list[SubmitAnswer], Meta(max_length=MAX_PENDING)] = []
    window_id: WindowId | None = None
    attachment: Counter | None = None


class GetQuestion(Struct, frozen=True, tag="get_question"):
    """A question by id, by position (from 1), or the next one."""

    question_id: QuestionId | None = None
    position: Annotated[int, Meta(ge=1, lt=ID_LIMIT)] | None = None


class FlagQuestion(Struct, frozen=True, tag="flag_question"):
    """Mark a question to come back to it."""

    question_id: QuestionId
    flagged: bool


class GetProgress(Struct, frozen=True, tag="get_progress"):
    """How far am I?"""


class IntegrityEvent(Struct, frozen=True, tag="integrity_event"):
    """Something that the client noticed."""

    kind: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z_]+\Z")]
    detail: Annotated[str, Meta(max_length=MAX_DETAIL)] | dict[str, Any] | None = None

    def detail_text(self) -> str | None:
        """The detail as the log keeps it: text, or an object as JSON.

        Raises:
            InvalidMessage: the object is too large.
        """
        if not isinstance(self.detail, dict):
            return self.detail
        text = canonical_json(self.detail).decode()
        if len(text) > MAX_DETAIL:
            raise InvalidMessage(reason=f"detail takes more than {MAX_DETAIL} characters")
        return text


class Heartbeat(Struct, frozen=True, tag="heartbeat"):
    """Is anybody there, and what time is it?"""


class StartBreak(Struct, frozen=True, tag="start_break"):
    """Stop the clock, for what is left of the break time that was granted."""


class EndBreak(Struct, frozen=True, tag="end_break"):
    """I am back from my break."""


class CompleteAssessment(Struct, frozen=True, tag="complete_assessment"):
    """I have finished."""


Command = (
    Auth
    | StartAssessment
    | ResumeAssessment
    | GetQuestion
    | SubmitAnswer
    | FlagQuestion
    | GetProgress
    | IntegrityEvent
    | Heartbeat
    | StartBreak
    | EndBreak
    | CompleteAssessment
)
COMMANDS: dict[str, type[Command]] = {str(command.__struct_config__.tag): command for command in Command.__args__}


class _Named(Struct):
    id: MessageId | None = None


class _Envelope(Struct):
    type: str
    data: msgspec.Raw = msgspec.Raw(b"{}")
    id: MessageId | None = None


class _StrictEnvelope(_Envelope, forbid_unknown_fields=True):
    pass


def _untagged(command: type[Struct], *, strict: bool) -> type[Struct]:
    """The same command without `type` among its fields: in the envelope the type stands outside the data.

    If `strict`, it refuses fields that it does not know, also inside its pending answers.
    """
    fields: list[Any] = []
    if command is ResumeAssessment:
        item: Any = _untagged(SubmitAnswer, strict=strict)
        fields = [("pending", Annotated[list[item], Meta(max_length=MAX_PENDING)], [])]
    return msgspec.defstruct(
        command.__name__, fields, bases=(command,), frozen=True, forbid_unknown_fields=strict, tag=False
    )


_ENVELOPES: dict[bool, msgspec.json.Decoder[Any]] = {
    False: msgspec.json.Decoder(_Envelope),
    True: msgspec.json.Decoder(_StrictEnvelope),
}
_NAMED = msgspec.json.Decoder(_Named)
_DECODERS: dict[tuple[str, bool], msgspec.json.Decoder[Any]] = {
    (type_, strict): msgspec.json.Decoder(_untagged(command, strict=strict))
    for type_, command in COMMANDS.items()
    for strict in (False, True)
}


def decode(frame: str, *, strict: bool) -> tuple[Command, str | None]:
    """Read one text frame.

    Args:
        strict: the client speaks `sitting.v1`: unknown fields are refused instead of ignored.

    Returns:
        The command and the client's own id of the message, if it gave one.

    Raises:
        InvalidMessage: it is no such message; `details` says where. UnknownType: its type is not known.
        Both carry `details.id`, None if there is none or it cannot be read.
    """
    try:
        envelope = _ENVELOPES[strict].decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as fault:
        raise InvalidMessage(reason=_reason(fault), id=_readable_id(frame)) from None
    try:
        command = _command(envelope, strict=strict)
        if not _is_plain(frame, envelope, command):
            _scan(frame)
        return command, envelope.id
    except (InvalidMessage, UnknownType) as refusal:
        refusal.details["id"] = envelope.id
        raise


def _readable_id(frame: str) -> str | None:
    """The client's id of a message whose envelope is wrong otherwise: somebody waits for the reply to it."""
    try:
        return _NAMED.decode(frame).id
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _command(envelope: _Envelope, *, strict: bool) -> Command:
    decoder = _DECODERS.get((envelope.type, strict))
    if decoder is None:
        raise UnknownType(type=envelope.type[:64])
    try:
        command: Command = decoder.decode(envelope.data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as fault:
        raise InvalidMessage(reason=_reason(fault)) from None
    if isinstance(command, ResumeAssessment):
        check_pending_size(len(envelope.data))
    return command


def check_pending_size(length: int) -> None:
    """Refuse the data of a resume that take so many bytes.

    Raises:
        InvalidMessage: that is more than pending answers may take.
    """
    if length > MAX_PENDING_BYTES + 1024:
        raise InvalidMessage(reason=f"pending answers take more than {MAX_PENDING_BYTES} bytes")


def command_of(kind: type[C], data: dict[str, Any]) -> C:
    """The command of data that did not come in a frame, with the limits and the strictness of `sitting.v1`.

    Raises:
        InvalidMessage: they are no such data.
    """
    try:
        command: C = msgspec.convert(data, _DECODERS[str(kind.__struct_config__.tag), True].type)
    except msgspec.ValidationError as fault:
        raise InvalidMessage(reason=_reason(fault)) from None
    return command


def check_json(text: bytes) -> None:
    """Refuse what other readers of JSON let pass, and no frame may hold.

    Raises:
        InvalidMessage: it is such a text.
    """
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as fault:
        raise InvalidMessage(reason=_reason(fault)) from None
    _scan(text.decode())


def _is_plain(frame: str, envelope: _Envelope, command: Command) -> bool:
    """Whether there is nothing for `_scan` to find: an answer by one option, and no string but those that were read.

    Every key is a string, so there are no other keys either. Most frames are such, and scanning takes ten times as
    long.
    """
    if not isinstance(command, SubmitAnswer):
        return False
    if command.value is not UNSET or command.selected_options is not UNSET:
        return False
    optional = (command.client_seq, command.base_seq)
    pairs = (envelope.id, command.client_id, command.selected_option)
    strings = 5 + 2 * sum([type(each) is str for each in pairs]) + sum([each is not None for each in optional])
    return "\\" not in frame and frame.count('"') == 2 * strings


def _scan(frame: str) -> None:
    """Refuse what msgspec lets pass: duplicate keys, integers beyond 64 bits, NUL (PostgreSQL cannot store it)."""
    try:
        _SCANNER.decode(frame)
    except (ValueError, RecursionError) as fault:
        raise InvalidMessage(reason=_reason(fault)) from None
    if "\0" in frame or _ESCAPED_NUL.search(frame):
        raise InvalidMessage(reason="NUL characters are not possible")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _int64(text: str) -> int:
    number = int(text)
    if not -(2**63) <= number < 2**63:
        raise ValueError("an integer takes more than 64 bits")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_SCANNER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_int64)


def _reason(fault: Exception) -> str:
    return str(fault)[:200]


def entity_id(value: int | str) -> int:
    """An identifier as a number; clients may send decimal text.

    Raises:
        InvalidMessage: it is out of range, or text of another kind.
    """
    # Not left to int(): it takes signs, spaces, underscores and the digits of every script.
    is_decimal = not isinstance(value, str) or (len(value) <= 16 and value.isascii() and value.isdecimal())
    if not is_decimal or not 1 <= int(value) < ID_LIMIT:
        raise InvalidMessage(reason="an id is a positive integer below 2^53")
    return int(value)
