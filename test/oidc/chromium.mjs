// chromium.mjs --- Chromium without a window, and a user in front of it, who signs in.
//
// usage: node chromium.mjs CERTIFICATE URL LOGIN [CODE]
//
// Goes to URL; fills in the fields of each page, LOGIN where somebody is asked for and CODE where a code is,
// and presses its button; ends at a page that wants nothing more, and prints what that says.  The browser takes
// CERTIFICATE for good.  It is told what to do over a pipe, by its own protocol (CDP).
//
// SPDX-License-Identifier: GPL-3.0-or-later

import { X509Certificate, createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [certificate, url, login, code] = process.argv.slice(2);
const key = new X509Certificate(readFileSync(certificate)).publicKey.export({ type: 'spki', format: 'der' });
// The name of its socket in there, 46 octets more, is one of 107 at the most.
const profile = mkdtempSync(join(tmpdir().length > 44 ? '/tmp' : tmpdir(), 'chromium-'));
const browser = spawn(process.env.CHROMIUM || 'chromium', [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-proxy-server',
  '--remote-debugging-pipe', `--user-data-dir=${profile}`,
  `--ignore-certificate-errors-spki-list=${createHash('sha256').update(key).digest('base64')}`,
], {
  stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  env: { ...process.env, HOME: profile, TMPDIR: profile },
  detached: true,
});

function end(status) {
  // Its helpers are in its group.
  try { process.kill(-browser.pid, 'SIGKILL'); } catch { /* it is gone */ }
  rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  process.exit(status);
}
browser.on('error', (error) => { console.log(error.message); end(1); });
browser.on('exit', () => { console.log('Chromium has ended'); end(1); });
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => end(1));
setTimeout(() => { console.log('it took too long'); end(1); }, 110000);

const waiting = new Map();
let last = 0;
let received = '';
browser.stdio[4].on('data', (chunk) => {
  const messages = (received + chunk).split('\0');
  received = messages.pop();
  for (const message of messages.map((text) => JSON.parse(text))) {
    waiting.get(message.id)?.(message.result ?? {});
    waiting.delete(message.id);
  }
});
const tell = (method, params, sessionId) => new Promise((resolve) => {
  waiting.set(++last, resolve);
  browser.stdio[3].write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`);
});

// In the page: press on once, and tell what it says when there is nothing to press.
const words = JSON.stringify({ login, code: code ?? login });
const step = `(() => {
  if (document.readyState !== 'complete' || location.href === 'about:blank' || window.pressed) return null;
  const form = document.forms[0];
  if (!form) return document.body.innerText;
  window.pressed = true;
  for (const field of form.elements) {
    if (/text|email|password/.test(field.type) && !field.value) {
      field.value = ${words}[/code/.test(field.name) ? 'code' : 'login'];
    }
  }
  (document.querySelector('[type=submit]:not([name=abort])') ?? { click: () => form.submit() }).click();
  return null;
})()`;

const { targetId } = await tell('Target.createTarget', { url: 'about:blank' });
const { sessionId } = await tell('Target.attachToTarget', { targetId, flatten: true });
await tell('Page.navigate', { url }, sessionId);
for (;;) {
  const { result } = await tell('Runtime.evaluate', { expression: step, returnByValue: true }, sessionId);
  if (result?.value) {
    console.log(result.value);
    end(0);
  }
  await new Promise((resolve) => { setTimeout(resolve, 100); });
}
