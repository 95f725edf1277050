// server.mjs --- real OpenID Connect providers, oidc-provider of npm, over https on this machine.
//
// usage: node server.mjs DIRECTORY [closed]                 one at localhost, at a port that is printed
//        node server.mjs DIRECTORY ADDRESS [ISSUER [closed]]...
//                                                           each at its name, at port 443 of ADDRESS
//
// DIRECTORY has cert.pem and key.pem.  Where an issuer is closed no program can register itself.  What else is asked
// at ADDRESS is a file below web/HOST, if there is one.  The first line that is printed is the address of the first.
//
// A mail server asks an issuer what a token is worth as the client "mail" with the secret "mail" (RFC 7662).
//
// SPDX-License-Identifier: GPL-3.0-or-later

import { createServer } from 'node:https';
import { readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

const require = createRequire(join(process.env.OIDC_MODULES, 'node_modules', 'x.js'));
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));
const web = fileURLToPath(new URL('web/', import.meta.url));
const [directory, address, ...names] = process.argv.slice(2);
const server = createServer({
  cert: readFileSync(join(directory, 'cert.pem')),
  key: readFileSync(join(directory, 'key.pem')),
});

function provider(issuer, closed) {
  return new Provider(issuer, {
    clients: [{
      client_id: 'emacs',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['http://127.0.0.1/', 'http://localhost'],
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code'],
    }, {
      client_id: 'mail',
      client_secret: 'mail',
      token_endpoint_auth_method: 'client_secret_post',
      redirect_uris: [],
      grant_types: [],
      response_types: [],
    }],
    scopes: ['openid', 'offline_access', 'mail', 'urn:ietf:params:oauth:scope:mail', 'https://mail.google.com/',
      'https://outlook.office.com/SMTP.Send'],
    clientBasedCORS: () => false,
    features: {
      devInteractions: { enabled: true },
      deviceFlow: { enabled: true },
      introspection: { enabled: true },
      registration: { enabled: !closed },
      revocation: { enabled: true },
    },
    // As the big ones do, whether it was asked for offline_access or not.
    issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
    pkce: { required: () => true },
    rotateRefreshToken: true,
    ttl: { AccessToken: 3600, RefreshToken: 86400 },
  });
}

// The issuer that the request is for, or none.
const issuers = [];
const asked = ({ headers: { host }, url }) => issuers.find(({ base }) => base.host === host
  && (base.pathname === '/' || url.startsWith(`${base.pathname}/`)));

function serve(request, response) {
  const issuer = asked(request);
  if (issuer) {
    request.originalUrl = request.url;
    if (issuer.base.pathname !== '/') request.url = request.url.slice(issuer.base.pathname.length);
    issuer.answer(request, response);
    return;
  }
  let body;
  try {
    body = readFileSync(join(web, request.headers.host, normalize(new URL(request.url, 'https://x').pathname)));
  } catch { /* there is no such file */ }
  response.writeHead(body ? 200 : 404, { 'Content-Type': 'text/plain' });
  response.end(body ?? 'not here');
}

function add(issuer, closed) {
  issuers.push({ base: new URL(issuer), answer: provider(issuer, closed).callback() });
}

server.on('request', serve);
// Whoever has started it has ended.
process.stdin.on('end', () => process.exit()).resume();
if (address && address !== 'closed') {
  names.forEach((name, i) => { if (name !== 'closed') add(name, names[i + 1] === 'closed'); });
  server.listen(443, address, () => console.log(names[0]));
} else {
  server.listen(0, '127.0.0.1', () => {
    const issuer = `https://localhost:${server.address().port}`;
    add(issuer, address === 'closed');
    console.log(issuer);
  });
}
