// server.mjs --- a real OpenID Connect provider, oidc-provider of npm, over https on this machine.
//
// usage: node server.mjs DIRECTORY [closed]      DIRECTORY has cert.pem and key.pem; the address is printed
//
// Where it is closed no program can register itself.
//
// A mail server asks it what a token is worth as the client "mail" with the secret "mail" (RFC 7662).
//
// SPDX-License-Identifier: GPL-3.0-or-later

import { createServer } from 'node:https';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(join(process.env.OIDC_MODULES, 'node_modules', 'x.js'));
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));
const directory = process.argv[2];
const server = createServer({
  cert: readFileSync(join(directory, 'cert.pem')),
  key: readFileSync(join(directory, 'key.pem')),
});

server.listen(0, '127.0.0.1', () => {
  const issuer = `https://localhost:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'emacs',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['http://127.0.0.1/'],
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
    scopes: ['openid', 'offline_access', 'mail', 'urn:ietf:params:oauth:scope:mail'],
    clientBasedCORS: () => false,
    features: {
      devInteractions: { enabled: true },
      deviceFlow: { enabled: true },
      introspection: { enabled: true },
      registration: { enabled: process.argv[3] !== 'closed' },
      revocation: { enabled: true },
    },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    ttl: { AccessToken: 3600, RefreshToken: 86400 },
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
