"""A camera that speaks ONVIF: SOAP in the shapes that cameras use, with a digest it checks, and settings that a test changes."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USER, PASSWORD = "cityward", "correct horse"
NAMESPACES = (
    'xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope" xmlns:tt="http://www.onvif.org/ver10/schema" '
    'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" '
    'xmlns:tptz="http://www.onvif.org/ver20/ptz/wsdl" xmlns:tev="http://www.onvif.org/ver10/events/wsdl" '
    'xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" xmlns:wsa5="http://www.w3.org/2005/08/addressing" '
    'xmlns:tns1="http://www.onvif.org/ver10/topics" xmlns:ter="http://www.onvif.org/ver10/error"'
)


@dataclass
class Camera:
    """What it says. off_s: how far its clock is off. body: said instead of every answer."""

    firmware: str = "2.4.1"
    stream: str = "rtsp://{host}/live/main?user=x"
    users: list[str] = field(default_factory=lambda: ["admin", USER])
    size: tuple[int, int] = (1920, 1080)
    multicast: str = "239.0.0.1"
    auto_start: bool = False
    pan: float = 0.25
    off_s: float = 0.0
    knows_ptz: bool = True
    body: bytes | None = None
    status: int = 200
    events: list[tuple[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    port: int = 0

    def answer(self, text: str) -> tuple[int, str]:
        found = re.search(r"<m:(\w+) ", text)
        what = found.group(1) if found else ""
        self.asked.append(what)
        self.bodies.append(text)
        if what != "GetSystemDateAndTime" and not self._knows(text):
            return 400, self._fault("ter:NotAuthorized")
        match what:
            case "GetSystemDateAndTime":
                now = datetime.now(UTC) + timedelta(seconds=self.off_s)
                return 200, (
                    "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:UTCDateTime>"
                    f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute>"
                    f"<tt:Second>{now.second}</tt:Second></tt:Time>"
                    f"<tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day></tt:Date>"
                    "</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
                )
            case "GetDeviceInformation":
                return 200, (
                    "<tds:GetDeviceInformationResponse><tds:Manufacturer>Halden</tds:Manufacturer><tds:Model>H20</tds:Model>"
                    f"<tds:FirmwareVersion>{self.firmware}</tds:FirmwareVersion><tds:SerialNumber>7</tds:SerialNumber>"
                    "</tds:GetDeviceInformationResponse>"
                )
            case "GetCapabilities":
                at = "http://203.0.113.99/onvif/"  # another host: only the path may be used
                return 200, "<tds:GetCapabilitiesResponse><tds:Capabilities>" + "".join(
                    f"<tt:{name}><tt:XAddr>{at}{name.lower()}</tt:XAddr></tt:{name}>"
                    for name in ("Events", "Media", "PTZ")
                ) + "</tds:Capabilities></tds:GetCapabilitiesResponse>"
            case "GetUsers":
                each = "".join(
                    f"<tds:User><tt:Username>{u}</tt:Username><tt:UserLevel>User</tt:UserLevel></tds:User>"
                    for u in self.users
                )
                return 200, f"<tds:GetUsersResponse>{each}</tds:GetUsersResponse>"
            case "GetProfiles":
                width, height = self.size
                return 200, (
                    '<trt:GetProfilesResponse><trt:Profiles token="main" fixed="true"><tt:Name>main</tt:Name>'
                    '<tt:VideoEncoderConfiguration token="v"><tt:Name>v</tt:Name><tt:Encoding>H264</tt:Encoding>'
                    f"<tt:Resolution><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height></tt:Resolution>"
                    "<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type>"
                    f"<tt:IPv4Address>{self.multicast}</tt:IPv4Address></tt:Address>"
                    f"<tt:Port>5000</tt:Port><tt:AutoStart>{str(self.auto_start).lower()}</tt:AutoStart></tt:Multicast>"
                    "</tt:VideoEncoderConfiguration></trt:Profiles></trt:GetProfilesResponse>"
                )
            case "GetStreamUri":
                uri = self.stream.format(host="192.0.2.7")
                return (
                    200,
                    f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{uri}</tt:Uri></trt:MediaUri></trt:GetStreamUriResponse>",
                )
            case "GetStatus" if self.knows_ptz:
                return 200, (
                    "<tptz:GetStatusResponse><tptz:PTZStatus><tt:Position>"
                    f'<tt:PanTilt x="{self.pan}" y="-0.1"/><tt:Zoom x="0.5"/>'
                    "</tt:Position></tptz:PTZStatus></tptz:GetStatusResponse>"
                )
            case "CreatePullPointSubscription":
                return 200, (
                    "<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference><wsa5:Address>"
                    "http://203.0.113.99/onvif/pull?idx=1</wsa5:Address></tev:SubscriptionReference>"
                    "</tev:CreatePullPointSubscriptionResponse>"
                )
            case "PullMessages":
                told, self.events = self.events, []
                return 200, "<tev:PullMessagesResponse>" + "".join(
                    f"<wsnt:NotificationMessage><wsnt:Topic>tns1:{topic}</wsnt:Topic><wsnt:Message><tt:Message><tt:Data>"
                    f'<tt:SimpleItem Name="State" Value="{value}"/></tt:Data></tt:Message></wsnt:Message>'
                    "</wsnt:NotificationMessage>"
                    for topic, value in told
                ) + "</tev:PullMessagesResponse>"
            case _:
                return 400, self._fault("ter:ActionNotSupported")

    def _fault(self, code: str) -> str:
        return (
            "<SOAP-ENV:Fault><SOAP-ENV:Code><SOAP-ENV:Value>SOAP-ENV:Sender</SOAP-ENV:Value><SOAP-ENV:Subcode><SOAP-ENV:Value>"
            f"{code}</SOAP-ENV:Value></SOAP-ENV:Subcode></SOAP-ENV:Code></SOAP-ENV:Fault>"
        )

    def _knows(self, text: str) -> bool:
        found = {
            n: re.search(rf"<\w:{n}(?: [^>]*)?>([^<]*)<", text) for n in ("Username", "Password", "Nonce", "Created")
        }
        if not all(found.values()):
            return False
        user, said, nonce, created = (found[n].group(1) for n in ("Username", "Password", "Nonce", "Created"))  # type: ignore[union-attr]
        mine = base64.b64encode(
            hashlib.sha1(base64.b64decode(nonce) + created.encode() + PASSWORD.encode()).digest()
        ).decode()
        at = datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        here = datetime.now(UTC) + timedelta(seconds=self.off_s)
        return (
            user == USER and said == mine and abs((at - here).total_seconds()) < 5
        )  # cameras do hold it to their clock


@contextlib.contextmanager
def camera() -> Iterator[Camera]:
    made = Camera()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, inner = made.answer(text)
            whole = (
                f'<?xml version="1.0"?><SOAP-ENV:Envelope {NAMESPACES}>'
                f"<SOAP-ENV:Body>{inner}</SOAP-ENV:Body></SOAP-ENV:Envelope>"
            )
            body = whole.encode() if made.body is None else made.body
            self.send_response(status if made.body is None else made.status)
            self.send_header("Content-Type", "application/soap+xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
