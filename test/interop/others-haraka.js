// A plugin of Haraka: a log-in inside TLS, and mailboxes.
// SPDX-License-Identifier: GPL-3.0-or-later
'use strict';

const fs = require('fs');
const path = require('path');

const env = process.env;

exports.register = function () {
  this.inherits('auth/auth_base');
};

exports.hook_capabilities = (next, connection) => {
  if (connection.tls.enabled) {
    connection.capabilities.push('AUTH PLAIN LOGIN');
    connection.notes.allowed_auth_methods = ['PLAIN', 'LOGIN'];
  }
  next();
};

exports.check_plain_passwd = (connection, user, password, done) =>
  done(user === env.SMTP_USER && password === env.SMTP_PASSWORD);

exports.hook_rcpt = (next, connection, params) =>
  params[0].user === 'unknown' ? next(DENY, 'User unknown') : next(OK);

// Whoever has logged in sends on to others.
exports.hook_queue = exports.hook_queue_outbound = (next, connection) => {
  connection.transaction.remove_header('Authentication-Results');
  const { rcpt_to: recipients, message_stream: stream } = connection.transaction;
  const part = path.join(env.SMTP_MAILBOXES, `part-${connection.uuid}`);
  const file = fs.createWriteStream(part);
  file.on('close', () => {
    for (const recipient of recipients) {
      const place = path.join(env.SMTP_MAILBOXES, recipient.user, 'new');
      fs.mkdirSync(place, { recursive: true });
      fs.copyFileSync(part, path.join(place, connection.uuid));
    }
    fs.unlinkSync(part);
    next(OK);
  });
  stream.pipe(file, { line_endings: '\n' });
};
