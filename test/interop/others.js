// An smtp-server of npm with STARTTLS and a log-in, which keeps mail in mailboxes.
// SPDX-License-Identifier: GPL-3.0-or-later
'use strict';

const fs = require('fs');
const path = require('path');
const { SMTPServer } = require('smtp-server');

const env = process.env;

function store(recipient, octets) {
  const place = path.join(env.SMTP_MAILBOXES, recipient.split('@')[0]);
  fs.mkdirSync(path.join(place, 'new'), { recursive: true });
  fs.writeFileSync(path.join(place, 'part'), octets);
  fs.renameSync(path.join(place, 'part'), path.join(place, 'new', '1'));
}

new SMTPServer({
  key: fs.readFileSync(path.join(env.SMTP_WORK, 'server.key')),
  cert: fs.readFileSync(path.join(env.SMTP_WORK, 'server.pem')),
  disableReverseLookup: true,
  onAuth: (auth, session, done) =>
    auth.username === env.SMTP_USER && auth.password === env.SMTP_PASSWORD
      ? done(null, { user: auth.username })
      : done(new Error('Not the password')),
  onRcptTo: (address, session, done) =>
    done(address.address.startsWith('unknown@') ? Object.assign(new Error('User unknown'), { responseCode: 550 }) : null),
  onData: (stream, session, done) => {
    const parts = [];
    stream.on('data', (part) => parts.push(part));
    stream.on('end', () => {
      const octets = Buffer.from(Buffer.concat(parts).toString('latin1').replace(/\r\n/g, '\n'), 'latin1');
      session.envelope.rcptTo.forEach((recipient) => store(recipient.address, octets));
      done();
    });
  },
}).listen(Number(env.OTHERS_PORT), '::');
