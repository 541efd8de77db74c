"""The operator's answers in protocol 2.0.3."""

from google.protobuf.message import DecodeError

from portal.ofd.exchange import Answer, NoAnswer
from portal.ofd.wire import v203_pb2 as v203
from portal.ofd.wire.figures import figures


def answer_of(message: bytes, token: int, command: v203.CommandTypeEnum) -> Answer:
    """What an answer to `command` says; `token` is its header's.

    Raises `NoAnswer` when it answers another command (`other_command`), is none of the protocol's messages, or says yes
    without what a yes must bring: a receipt's fiscal sign, figures that follow the protocol's conventions (`undecodable`).
    """
    try:
        response = v203.Response.FromString(message)
    except DecodeError as bad:
        raise NoAnswer("undecodable") from bad
    # Decoding lets fields be missing that the schema requires.
    if not response.IsInitialized():
        raise NoAnswer("undecodable")
    if response.command != command:
        raise NoAnswer("other_command")
    answer = Answer(response.result.result_code, response.result.result_text, token)
    if not answer.is_accepted:
        return answer
    sign = qr = None
    if command == v203.COMMAND_TICKET:
        sign = response.ticket.ticket_number
        if not sign:
            raise NoAnswer("undecodable")
    try:
        qr = response.ticket.qr_code.decode() or None
        theirs = figures(response.report.zx_report) if response.report.HasField("zx_report") else None
    except (ValueError, KeyError) as bad:
        raise NoAnswer("undecodable") from bad
    return Answer(answer.result_code, answer.result_text, token, sign, qr, theirs)
