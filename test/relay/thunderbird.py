"""Have Thunderbird, unchanged, send mails from its compose window, and say of each what it did.

usage: thunderbird.py DIRECTORY FROM TO CA-FILE PASSWORD MAIL...
  DIRECTORY  a new one, for its profile and what it says
  CA-FILE    an authority that it trusts, besides its own ones
  PASSWORD   what it has saved for each server
  MAIL       "HOST PORT SECURITY AUTH", as its settings for outgoing servers have them: SECURITY is none, starttls or
             tls; AUTH is none, plain (normal password) or encrypted (encrypted password)

It prints a line for each MAIL: "sent", or "not sent: " and what Thunderbird's window says.
Thunderbird is led by Marionette, its own interface for tests, and has no screen.
SPDX-License-Identifier: GPL-3.0-or-later
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import time

DIRECTORY, FROM, TO, CA, PASSWORD = sys.argv[1:6]
PATIENCE = 300

PREFERENCES = {
    "marionette.port": 0,
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.shell.checkDefaultClient": False,
    "mailnews.start_page.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "http://localhost:9/",
}

# What a person does in the account settings, once.
PREPARE = """
const [from, ca] = arguments;
const done = arguments[arguments.length - 1];
(async () => {
  const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
  const account = MailServices.accounts.createAccount();
  account.incomingServer = MailServices.accounts.createIncomingServer("nobody", "Local Folders", "none");
  const identity = MailServices.accounts.createIdentity();
  identity.email = from;
  identity.doFcc = false;
  identity.composeHtml = false;
  account.addIdentity(identity);
  Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).addCertFromBase64(ca, "C,C,C");
})().then(() => done("ready"), error => done(`failed: ${error}`));
"""

# What a person does in the compose window.
SEND = """
const [host, port, security, auth, to, subject, password] = arguments;
const done = arguments[arguments.length - 1];
const shown = [];
const onWindow = {
  observe(win, topic) {
    if (topic == "domwindowopened") {
      win.addEventListener("load", () => {
        if (win.location.href.includes("commonDialog")) {
          shown.push(win.document.getElementById("infoBody").textContent.trim());
          win.document.querySelector("dialog").acceptDialog();
        }
      }, { once: true });
    }
  },
};
(async () => {
  const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
  const identity = MailServices.accounts.allIdentities[0];
  const server = MailServices.outgoingServer.createServer("smtp");
  const smtp = server.QueryInterface(Ci.nsISmtpServer);
  smtp.hostname = host;
  smtp.port = Number(port);
  server.socketType = { none: 0, starttls: 2, tls: 3 }[security];
  server.authMethod = { none: 1, plain: 3, encrypted: 4 }[auth];
  if (auth != "none") {
    server.username = "x";
    const place = `smtp://${host.includes(":") ? `[${host}]` : host}`;
    const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
    login.init(place, null, place, "x", password, "", "");
    if (!(await Services.logins.searchLoginsAsync({ origin: place })).length) {
      await Services.logins.addLoginAsync(login);
    }
  }
  identity.smtpServerKey = server.key;
  const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
  fields.to = to;
  fields.subject = subject;
  fields.body = "Gr\\u00fc\\u00dfe\\n.\\n..\\n";
  const params = Cc["@mozilla.org/messengercompose/composeparams;1"].createInstance(Ci.nsIMsgComposeParams);
  params.type = Ci.nsIMsgCompType.New;
  params.format = Ci.nsIMsgCompFormat.PlainText;
  params.identity = identity;
  params.composeFields = fields;
  const opened = new Promise(resolve => {
    const onOpened = {
      observe(win, topic) {
        if (topic == "domwindowopened") {
          win.addEventListener("compose-editor-ready", () => {
            Services.ww.unregisterNotification(onOpened);
            resolve(win);
          }, { once: true });
        }
      },
    };
    Services.ww.registerNotification(onOpened);
  });
  MailServices.compose.OpenComposeWindowWithParams(null, params);
  const win = await opened;
  Services.ww.registerNotification(onWindow);
  const stopped = new Promise(resolve => win.gMsgCompose.addMsgSendListener({
    QueryInterface: ChromeUtils.generateQI(["nsIMsgSendListener"]),
    onStartSending() {}, onProgress() {}, onStatus() {}, onGetDraftFolderURI() {}, onTransportSecurityError() {},
    onSendNotPerformed(id, status) { resolve(status); },
    onStopSending(id, status) { resolve(status); },
  }));
  win.goDoCommand("cmd_sendNow");
  const status = await stopped;
  if (status == 0) {
    return "sent";
  }
  while (!shown.length) {
    await new Promise(resolve => win.setTimeout(resolve, 20));
  }
  win.close();
  return `not sent: ${shown.join(" ").replaceAll(/\\s+/g, " ")}`;
})().catch(error => `failed: ${error}`).then(text => {
  try {
    Services.ww.unregisterNotification(onWindow);
  } catch {}
  done(text);
});
"""


class Marionette:
    """Its protocol: LENGTH:JSON, a command is [0, ID, NAME, ARGUMENTS], an answer [1, ID, ERROR, RESULT]."""

    def __init__(self, port):
        self.file = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).makefile("rwb")
        self.number = 0
        self.read()
        self.call("WebDriver:NewSession", capabilities={})
        self.call("Marionette:SetContext", value="chrome")

    def read(self):
        length = b""
        while not length.endswith(b":"):
            octet = self.file.read(1)
            if not octet:
                sys.exit("Thunderbird has gone")
            length += octet
        return json.loads(self.file.read(int(length[:-1])))

    def call(self, name, **arguments):
        self.number += 1
        text = json.dumps([0, self.number, name, arguments]).encode()
        self.file.write(b"%d:" % len(text) + text)
        self.file.flush()
        _, _, error, result = self.read()
        if error:
            sys.exit(f"{name}: {error['message']}")
        return result

    def run(self, script, *arguments):
        return self.call("WebDriver:ExecuteAsyncScript", script=script, args=arguments, newSandbox=True,
                         sandbox="system", scriptTimeout=1000 * PATIENCE)["value"]


def start():
    profile = pathlib.Path(DIRECTORY, "profile")
    profile.mkdir(parents=True)
    profile.joinpath("user.js").write_text(
        "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items()))
    with open(pathlib.Path(DIRECTORY, "said"), "wb") as said:
        process = subprocess.Popen(
            ["thunderbird", "--headless", "--marionette", "--remote-allow-system-access", "--no-remote", "--profile",
             str(profile)], stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
            env={**os.environ, "HOME": DIRECTORY, "MOZ_HEADLESS": "1"})
    return process, profile / "MarionetteActivePort"


def port_in(file, process):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        # It is made first, and written then.
        port = file.read_text().strip() if file.exists() else ""
        if port:
            return int(port)
        time.sleep(0.05)
    sys.exit("Thunderbird does not start")


def main():
    process, file = start()
    try:
        marionette = Marionette(port_in(file, process))
        lines = pathlib.Path(CA).read_text().splitlines()
        begin, end = lines.index("-----BEGIN CERTIFICATE-----"), lines.index("-----END CERTIFICATE-----")
        ready = marionette.run(PREPARE, FROM, "".join(lines[begin + 1:end]))
        if ready != "ready":
            sys.exit(ready)
        for number, mail in enumerate(sys.argv[6:]):
            print(marionette.run(SEND, *mail.split(" "), TO, f"mail {number}", PASSWORD), flush=True)
    finally:
        process.kill()
        process.wait()


main()
