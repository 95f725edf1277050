// server.mjs --- a real OpenID Connect provider, oidc-provider of npm, over https on this machine.
//
// usage: node server.mjs DIRECTORY       DIRECTORY has cert.pem and key.pem; the address is printed
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
    }],
    scopes: ['openid', 'offline_access', 'mail'],
    clientBasedCORS: () => false,
    features: {
      devInteractions: { enabled: true },
      deviceFlow: { enabled: true },
      registration: { enabled: true },
      revocation: { enabled: true },
    },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    ttl: { AccessToken: 3600, RefreshToken: 86400 },
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
