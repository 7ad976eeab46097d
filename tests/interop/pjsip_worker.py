# SPDX-License-Identifier: Apache-2.0
"""One PJSIP telephone in a process of its own, without a sound card: the library keeps one endpoint a process.

Standard input: commands, a JSON object a line, each answered by `done` or `failed`. Standard output: events, likewise.
Standard error: the log of the library with every SIP message. Started by tests.interop.pjsip.
"""

import json
import os
import select
import sys
from pathlib import Path

import pjsua2 as pj

POLL_MS = 10
POLLS_MIN, POLLS_MAX = 5, 300                                      # before it ends
RETRY_S = 1                                                        # after a connection was lost; five minutes by itself
LOG_LEVEL = 5                                                      # messages as they were sent and received
ACTIVITIES = {"": pj.PJRPID_ACTIVITY_UNKNOWN, "away": pj.PJRPID_ACTIVITY_AWAY, "busy": pj.PJRPID_ACTIVITY_BUSY}


def answer_with(status: int) -> pj.CallOpParam:
    wanted = pj.CallOpParam(True)
    wanted.statusCode = status
    return wanted


class Line:
    """The pipe back to the test: the library prints to standard output, so that is moved out of its way."""

    def __init__(self) -> None:
        self._stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def tell(self, event: str, **more: object) -> None:
        self._stream.write(json.dumps({"event": event, **more}) + "\n")
        self._stream.flush()


class Call(pj.Call):
    """A call that speaks the voice of the phone and records what it hears, a new file each time the voice comes."""

    def __init__(self, phone: "Phone", number: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(phone.account, number)
        self.phone = phone
        self.player: pj.AudioMediaPlayer | None = None
        self.recorder: pj.AudioMediaRecorder | None = None
        phone.kept.append(self)                                    # never freed inside a callback of its own

    def onCallState(self, prm):
        state = self.getInfo()
        self.phone.calls[state.id] = self
        if state.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.player = self.recorder = None                     # the recording is whole now
            del self.phone.calls[state.id]
        self.phone.tell("call", call=state.id, state=state.stateText, code=state.lastStatusCode, remote=state.remoteUri)

    def onCallMediaState(self, prm):
        state = self.getInfo()
        for index, media in enumerate(state.media):
            if media.type == pj.PJMEDIA_TYPE_AUDIO:
                if media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                    self._talk(self.getAudioMedia(index))
                else:
                    self.recorder = None
                self.phone.tell("media", call=state.id, status=media.status)

    def _talk(self, line: pj.AudioMedia) -> None:
        if self.player is None:
            self.player = pj.AudioMediaPlayer()
            self.player.createPlayer(self.phone.wanted["voice"])
        self.player.startTransmit(line)
        if self.recorder is None:
            self.recorder = pj.AudioMediaRecorder()
            self.recorder.createRecorder(self.phone.new_recording())
        line.startTransmit(self.recorder)

    def onCallTransferRequest(self, prm):
        prm.newCall = Call(self.phone)                             # the library dials Refer-To with it
        self.phone.tell("refer", to=prm.dstUri)

    def onCallTransferStatus(self, prm):
        """RFC 5589 6.1: who transferred a call leaves it when the NOTIFY says that it went well."""
        self.phone.tell("transfer", code=prm.statusCode, final=bool(prm.finalNotify))
        if prm.finalNotify and prm.statusCode // 100 == 2:
            self.hangup(pj.CallOpParam(True))

    def onCallReplaceRequest(self, prm):
        prm.newCall = Call(self.phone)                             # an INVITE with Replaces: RFC 3891

    def onCallReplaced(self, prm):
        self.phone.tell("replaced", call=prm.newCallId)


class Account(pj.Account):
    def __init__(self, phone: "Phone") -> None:
        super().__init__()
        self.phone = phone

    def onRegState(self, prm):
        self.phone.tell("registration", code=prm.code)

    def onIncomingCall(self, prm):
        call = Call(self.phone, prm.callId)
        self.phone.calls[prm.callId] = call
        call.answer(answer_with(pj.PJSIP_SC_RINGING))
        self.phone.tell("incoming", call=prm.callId, remote=call.getInfo().remoteUri)

    def onInstantMessage(self, prm):
        self.phone.tell("message", sender=prm.fromUri, kind=prm.contentType, text=prm.msgBody)

    def onInstantMessageStatus(self, prm):
        self.phone.tell("message-status", code=prm.code)

    def onMwiInfo(self, prm):
        self.phone.tell("mailbox", summary=prm.rdata.wholeMsg.partition("\r\n\r\n")[2])


class Buddy(pj.Buddy):
    def __init__(self, phone: "Phone", number: str, *, is_watched: bool) -> None:
        super().__init__()
        self.phone, self.number = phone, number
        config = pj.BuddyConfig()
        config.uri, config.subscribe = phone.uri_of(number), is_watched
        self.create(phone.account, config)

    def onBuddyState(self):
        """The library calls it at every NOTIFY, and when the subscription itself changes."""
        state = self.getInfo()
        seen = state.presStatus
        words = {value: word for word, value in ACTIVITIES.items()}
        self.phone.tell("presence", number=self.number, subscription=state.subStateName, status=seen.status,
                        activity=words[seen.activity], note=seen.note)

    def onBuddyEvSubState(self, prm):
        """The NOTIFY itself, for what the library does not say of it."""
        message = prm.e.body.tsxState.src.rdata.wholeMsg
        if message.startswith("NOTIFY "):
            self.phone.tell("notify", number=self.number, body=message.partition("\r\n\r\n")[2])


class Phone:
    """wanted: user, secret, domain, server, host, sip_port, rtp_port, transport, voice, folder and switches."""

    def __init__(self, wanted: dict) -> None:
        self.wanted, self.tell = wanted, Line().tell
        self.calls: dict[int, Call] = {}
        self.buddies: dict[str, Buddy] = {}
        self.kept: list[Call] = []
        self.recordings = 0
        self.endpoint = self._start_endpoint()
        self.account = Account(self)
        self.account.create(self._configure_account())

    def _start_endpoint(self) -> pj.Endpoint:
        config = pj.EpConfig()
        config.uaConfig.threadCnt, config.uaConfig.mainThreadOnly = 0, True
        config.logConfig.level = config.logConfig.consoleLevel = LOG_LEVEL
        config.medConfig.noVad, config.medConfig.clockRate, config.medConfig.ecTailLen = True, 8000, 0
        endpoint = pj.Endpoint()
        endpoint.libCreate()
        endpoint.libInit(config)
        endpoint.audDevManager().setNullDev()
        transport = pj.TransportConfig()
        transport.boundAddress, transport.port = self.wanted["host"], self.wanted["sip_port"]
        is_tcp = self.wanted["transport"] == "tcp"
        endpoint.transportCreate(pj.PJSIP_TRANSPORT_TCP if is_tcp else pj.PJSIP_TRANSPORT_UDP, transport)
        endpoint.libStart()
        for codec in endpoint.codecEnum2():
            endpoint.codecSetPriority(codec.codecId, 255 if codec.codecId.startswith("PCM") else 0)
        return endpoint

    def _configure_account(self) -> pj.AccountConfig:
        wanted, config = self.wanted, pj.AccountConfig()
        config.idUri = self.uri_of(wanted["user"])
        config.regConfig.registrarUri = f"sip:{wanted['domain']}"
        config.regConfig.retryIntervalSec, config.regConfig.randomRetryIntervalSec = RETRY_S, 0
        config.sipConfig.proxies.append(f"sip:{wanted['server']};lr;transport={wanted['transport']}")
        config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", wanted["user"], 0, wanted["secret"]))
        config.mediaConfig.transportConfig.boundAddress = wanted["host"]
        config.mediaConfig.transportConfig.port = wanted["rtp_port"]
        config.mediaConfig.transportConfig.portRange = 9
        if wanted.get("is_reachable", False):                      # its Contact says where it listens
            config.natConfig.contactUseSrcPort = config.natConfig.contactRewriteUse = 0
        config.presConfig.publishEnabled = wanted.get("has_presence", False)
        config.mwiConfig.enabled = wanted.get("has_mailbox", False)
        return config

    def uri_of(self, number: str) -> str:
        return f"sip:{number}@{self.wanted['domain']}"

    def new_recording(self) -> str:
        self.recordings += 1
        return str(Path(self.wanted["folder"]) / f"heard-{self.recordings}.wav")

    # the commands
    def dial(self, number: str) -> int:
        call = Call(self)
        call.makeCall(self.uri_of(number), pj.CallOpParam(True))
        return call.getId()

    def answer(self, call: int) -> None:
        self.calls[call].answer(answer_with(pj.PJSIP_SC_OK))

    def hang_up(self, call: int) -> None:
        self.calls[call].hangup(pj.CallOpParam(True))

    def hold(self, call: int) -> None:
        self.calls[call].setHold(pj.CallOpParam(True))

    def resume(self, call: int) -> None:
        again = pj.CallOpParam(True)
        again.opt.flag = pj.PJSUA_CALL_UNHOLD
        self.calls[call].reinvite(again)

    def transfer(self, call: int, number: str) -> None:
        self.calls[call].xfer(self.uri_of(number), pj.CallOpParam(True))

    def transfer_to_call(self, call: int, other: int) -> None:
        self.calls[call].xferReplaces(self.calls[other], pj.CallOpParam(True))

    def watch(self, number: str) -> None:
        self.buddies[number] = Buddy(self, number, is_watched=True)

    def set_presence(self, activity: str, note: str) -> None:
        status = pj.PresenceStatus()
        status.status, status.activity, status.note = pj.PJSUA_BUDDY_STATUS_ONLINE, ACTIVITIES[activity], note
        self.account.setOnlineStatus(status)

    def write(self, number: str, text: str) -> None:
        if number not in self.buddies:
            self.buddies[number] = Buddy(self, number, is_watched=False)
        message = pj.SendInstantMessageParam()
        message.content = text
        self.buddies[number].sendInstantMessage(message)

    def obey(self, order: dict) -> bool:
        """One command; False when it was to end."""
        name = order.pop("command")
        if name == "quit":
            return False
        try:
            self.tell("done", command=name, value=getattr(self, name)(**order))
        except pj.Error as error:
            self.tell("failed", command=name, reason=error.info())
        return True

    def run(self) -> None:
        """Until `quit` or until the test has gone; then deregister and end."""
        self.tell("ready")
        pending = b""
        is_wanted = True
        while is_wanted:
            self.endpoint.libHandleEvents(POLL_MS)
            if not select.select([0], [], [], 0)[0]:
                continue
            octets = os.read(0, 65536)
            *lines, pending = (pending + octets).split(b"\n")
            is_wanted = bool(octets) and all(self.obey(json.loads(line)) for line in lines)
        self._end()

    def _end(self) -> None:
        """The library would wait a second for the last answers, whether they have come or not."""
        self.endpoint.hangupAllCalls()
        self.buddies.clear()                                       # unsubscribes
        self.account.setRegistration(False)
        for number in range(POLLS_MAX):
            self.endpoint.libHandleEvents(POLL_MS)
            if number > POLLS_MIN and not (self.calls or self.account.getInfo().regIsActive):
                break
        self.kept.clear()
        has_more = self.wanted.get("has_presence", False)          # a PUBLISH that ends what was published
        self.endpoint.libDestroy(0 if has_more else pj.PJSUA_DESTROY_NO_RX_MSG)


if __name__ == "__main__":
    Phone(json.loads(sys.argv[1])).run()
